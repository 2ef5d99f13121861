// What the audit routes are given by the composition root.
import type { Logs } from '../../log/types.ts'
import type { ProducerTrust } from '../ingest/producer-signature.ts'
import type { Recorder } from '../record/types.ts'
import type { Search } from '../search/search.ts'
import type { Erasures } from '../vault/erasure.ts'
import type { Holds } from '../vault/holds.ts'
import type { Vault } from '../vault/types.ts'

export interface AuditHttpDeps {
  readonly logs: Logs
  readonly recorder: Recorder
  readonly vault: Vault
  readonly erasures: Erasures
  readonly holds: Holds
  /** Undefined when this process does not serve searches. */
  readonly search: Search | undefined
  /** Whose signatures over records are believed. */
  readonly producers: ProducerTrust
  /** The draft of the OpenTelemetry audit signal is served. */
  readonly otlpAudit: boolean
  /** Aborted as soon as the process is asked to stop. */
  readonly stopping: AbortSignal
}

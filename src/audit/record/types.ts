// The one way in for events.
import type { Hash } from '../../core/hash.ts'
import type { Log, LogInfo } from '../../log/types.ts'
import type { QuarantineCode, Records } from '../event/types.ts'
import type { Sealed } from '../vault/types.ts'

/** What is said about an event that was taken in as it is. */
export type EventFlag = 'time_past' | 'time_future' | 'quarantined' | 'signature_failed'

export interface EventReceipt {
  /** The sender's, or the one derived for it. */
  readonly id: string
  readonly index: number
  readonly leafHash: Hash
  readonly duplicate: boolean
  readonly flags: readonly EventFlag[]
  readonly quarantine?: { readonly code: QuarantineCode; readonly message: string }
}

/** A record on its way to the log: of what was sent, only what its receipt says is left. */
export interface Ready extends Pick<Sealed, 'entry' | 'sidecars'> {
  readonly id: string
  readonly flags: readonly EventFlag[]
  readonly quarantine: EventReceipt['quarantine']
}

/** A log as far as sealing needs it. */
export type LogRef = Pick<LogInfo, 'id' | 'name'>

/** What makes entries of records. */
export interface Sealer {
  /**
   * All of `records`, in order; nothing is stored but new subjects and their keys.
   * @param source who sends them, from its key
   * @throws AuditError as Vault.seal; LogError `policy_invalid`, PrivacyError or FormatError for a privacy file that cannot be used
   */
  seal(log: LogRef, records: Records, source: string): Promise<Ready[]>
  /** Keys that are remembered may be gone: they are read anew. */
  forget(): void
}

export interface Recorder {
  /**
   * Commits all of `incoming`, in order, or nothing; durable on return. Beyond 8,192 events or 32 MiB there are several commits:
   * after an error some may have happened, and sending the same again gives them their first index.
   * @param source who sends it, from its key: never what the sender says of itself
   * @throws LogError as Log.append; AuditError `vault_unavailable`, `event_too_large`
   */
  record(log: Log, incoming: Records, source: string): Promise<EventReceipt[]>
  /**
   * What `record` would store, without storing it (subjects that are new are made known to the vault all the same).
   * @throws AuditError as record
   */
  preview(
    log: Log,
    incoming: Records,
    source: string,
  ): Promise<{ readonly id: string; readonly leafHash: Hash }[]>
}

// AuditReceipt of the draft audit signal (specification/audit/data-model.md), with where the record is in the log.
import { createHash } from 'node:crypto'
import type { Incoming } from '../event/types.ts'
import { signedForms } from './otlp-canonical.ts'
import type { OtlpRecord } from './otlp-types.ts'

export interface AuditReceipt {
  readonly record_id: string
  /**
   * Hex SHA-256 of the canonical JSON of the record, in the form that its signature is over or else that of the signing processor
   * of the Collector: its producer computes the same. Answered and never kept, because it would confirm a guess of the contents.
   */
  readonly integrity_hash: string
  /** Nanoseconds since 1970, as decimal text. */
  readonly sink_timestamp: string
  /** `deferred`: there was no signature, or none that could be checked here. */
  readonly verify_status: 'passed' | 'deferred'
  readonly log: string
  readonly index: number
}

/** @param now milliseconds since 1970 */
export function auditReceipt(
  record: OtlpRecord,
  incoming: Incoming | undefined,
  recorded: { readonly id: string; readonly index: number } | undefined,
  log: string,
  now: number,
): AuditReceipt {
  if (recorded === undefined || incoming === undefined) throw new Error('a record without its receipt')
  const signature = incoming.kind === 'event' ? incoming.signature : undefined
  return {
    record_id: recorded.id,
    integrity_hash: integrityHash(record, signature?.profile),
    sink_timestamp: String(BigInt(now) * 1_000_000n),
    verify_status: signature?.result === 'passed' ? 'passed' : 'deferred',
    log,
    index: recorded.index,
  }
}

function integrityHash(record: OtlpRecord, profile: string | undefined): string {
  const forms = [...signedForms(record)]
  const form = forms.find((one) => one.profile === profile) ?? forms[0]
  // A number that JSON does not have, such as NaN, leaves no form at all.
  return form === undefined ? '' : createHash('sha256').update(form.bytes).digest('hex')
}

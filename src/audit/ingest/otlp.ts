// OTLP logs, and the draft of the audit signal: the records of a request, each as an event, or as what was sent where it is none.
import { AuditError } from '../event/errors.ts'
import type { Incoming, Records } from '../event/types.ts'
import { type AuditReceipt, auditReceipt } from './otlp-audit-receipt.ts'
import { checkAuditRecord } from './otlp-audit-record.ts'
import { incomingsOf } from './otlp-incoming.ts'
import { decodeJson } from './otlp-json.ts'
import { decodeProtobuf } from './otlp-protobuf.ts'
import { isUnreadable, type OtlpBatch, type OtlpEncoding, type OtlpRecord } from './otlp-types.ts'
import { NO_PRODUCERS, type ProducerTrust } from './producer-signature.ts'
import type { ParsedBody } from './types.ts'

/** What a recorder answers for an event, as far as receipts need it. */
export interface Recorded {
  readonly id: string
  readonly index: number
}

export interface OtlpAuditBody extends ParsedBody {
  /**
   * The receipts of the draft, one for each record, in their order.
   * @param recorded what the recorder answered for `incoming`
   * @param now milliseconds since 1970
   */
  receiptsOf(recorded: readonly Recorded[], log: string, now?: number): AuditReceipt[]
}

/**
 * An ExportLogsServiceRequest. No record is refused, because exporters drop what they are refused; the verdict over the signature
 * of a producer is recorded with the event, whatever it is.
 * @param body decompressed
 * @throws AuditError `invalid_otlp`: the request as a whole cannot be read
 */
export function parseOtlpLogs(
  body: Uint8Array,
  encoding: OtlpEncoding,
  producers: ProducerTrust = NO_PRODUCERS,
): ParsedBody<Records> {
  const batches = decode(body, encoding)
  const incoming: Records = {
    length: batches.reduce((count, { items }) => count + items.length, 0),
    // JSON is parsed as a whole to know how many there are: once is enough.
    ...(encoding === 'protobuf' ? { sent: { door: 'otlp', body } } : {}),
    *[Symbol.iterator]() {
      for (const batch of batches) yield* incomingsOf(batch, producers, 'otlp')
    },
  }
  return { incoming, single: false }
}

/**
 * The same request as the draft of the audit signal has it (specification/audit): all of it or nothing.
 * @throws AuditError `invalid_otlp`: a record without what the draft demands; `signature_rejected`: a signature by a known key that
 * does not hold; `id_conflict`: two different records of one id. Evidence is the place of the record in the request
 */
export function parseOtlpAudit(
  body: Uint8Array,
  encoding: OtlpEncoding,
  producers: ProducerTrust = NO_PRODUCERS,
): OtlpAuditBody {
  const records: OtlpRecord[] = []
  const incoming: Incoming[] = []
  for (const batch of decode(body, encoding)) {
    for (const { read } of batch.items) {
      const record = read()
      if (isUnreadable(record)) throw refusal('cannot be decoded', records.length)
      const missing = checkAuditRecord(record)
      if (missing !== undefined) throw refusal(missing, records.length)
      records.push(record)
    }
    incoming.push(...incomingsOf(batch, producers, 'otlp-audit'))
  }
  incoming.forEach(refuseUnlessAccepted)
  refuseConflicts(incoming)
  return {
    incoming,
    single: false,
    receiptsOf: (recorded, log, now = Date.now()) =>
      records.map((record, at) => auditReceipt(record, incoming[at], recorded[at], log, now)),
  }
}

function decode(body: Uint8Array, encoding: OtlpEncoding): OtlpBatch[] {
  return encoding === 'protobuf' ? decodeProtobuf(body) : decodeJson(body)
}

function refuseUnlessAccepted(incoming: Incoming, at: number): void {
  if (incoming.kind === 'raw') throw refusal(`is no event: ${incoming.reason.message}`, at)
  if (incoming.signature?.result !== 'failed') return
  throw new AuditError(
    'signature_rejected',
    `rejected_verify_failed: the signature of record ${at} does not hold`,
    {
      record: at,
    },
  )
}

function refuseConflicts(incoming: readonly Incoming[]): void {
  const seen = new Map<string, string>()
  for (const [at, one] of incoming.entries()) {
    if (one.kind === 'raw' || one.event.id === undefined) continue
    const text = JSON.stringify(one.event)
    const other = seen.get(one.event.id)
    if (other !== undefined && other !== text) {
      throw new AuditError(
        'id_conflict',
        `record ${at} has the audit.record.id of another one in the request`,
        { record: at },
      )
    }
    seen.set(one.event.id, text)
  }
}

function refusal(what: string, at: number): AuditError {
  return new AuditError('invalid_otlp', `record ${at} of the request ${what}`, { record: at })
}

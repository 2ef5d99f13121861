// One record of an OTLP request as it is handed on.
import { UnreadableEvent } from '../event/errors.ts'
import { rawIncoming } from '../event/read-event.ts'
import type { Format, Incoming, ProducerSignature } from '../event/types.ts'
import { signedForms } from './otlp-canonical.ts'
import type { Members } from './otlp-json-of.ts'
import { type BatchContext, contextOf, mapRecord } from './otlp-map.ts'
import { isUnreadable, type OtlpBatch, type OtlpItem, type OtlpRecord } from './otlp-types.ts'
import type { ProducerTrust } from './producer-signature.ts'

/** The items of a batch in their order, none left out: raw where they are no events. Each is read when it is its turn. */
export function* incomingsOf(
  batch: OtlpBatch,
  producers: ProducerTrust,
  format: Format,
): Generator<Incoming, void> {
  const context = batch.broken === undefined ? attempt(() => contextOf(batch)) : unreadable(batch.broken)
  for (const item of batch.items) yield incomingOf(item, context, producers, format)
}

function incomingOf(
  { read, sent }: OtlpItem,
  context: BatchContext | UnreadableEvent,
  producers: ProducerTrust,
  format: Format,
): Incoming {
  if (context instanceof UnreadableEvent) return rawIncoming(sent(), format, context)
  const record = read()
  if (isUnreadable(record)) return rawIncoming(sent(), format, unreadable(record.error))
  const mapped = attempt(() => mapRecord(record, context))
  if (mapped instanceof UnreadableEvent) return rawIncoming(sent(), format, mapped)
  const { event, integrity } = mapped
  if (integrity === undefined) return { kind: 'event', format, event }
  return {
    kind: 'event',
    format,
    event,
    signature: signatureOf(record, integrity, producers),
    evidence: { integrity },
  }
}

function signatureOf(record: OtlpRecord, integrity: Members, producers: ProducerTrust): ProducerSignature {
  const { algorithm, value, certificate, canonicalization } = integrity
  if (typeof value !== 'string' || typeof algorithm !== 'string')
    return { result: 'unsupported', alg: 'none' }
  return producers.check(
    {
      algorithm,
      value,
      ...(typeof certificate === 'string' ? { certificate } : {}),
      ...(typeof canonicalization === 'string' ? { canonicalization } : {}),
    },
    signedForms(record),
  )
}

function attempt<T>(read: () => T): T | UnreadableEvent {
  try {
    return read()
  } catch (error) {
    if (error instanceof UnreadableEvent) return error
    throw error
  }
}

function unreadable(error: unknown): UnreadableEvent {
  if (error instanceof UnreadableEvent) return error
  return new UnreadableEvent(
    'invalid_event',
    'The bytes of this record, its scope or its resource are not those of OTLP.',
  )
}

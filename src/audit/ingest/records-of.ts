// What was sent, read again where it was handed to: in the thread that seals.
import type { Records, Sent } from '../event/types.ts'
import { parseNative } from './native.ts'
import { parseOtlpLogs } from './otlp.ts'
import type { ProducerTrust } from './producer-signature.ts'

/**
 * The same records as those that `sent` came with.
 * @throws AuditError as parseNative, parseOtlpLogs
 */
export function recordsOf(sent: Sent, producers: ProducerTrust): Records {
  if (sent.door === 'native') return parseNative(sent.body, sent.mediaType).incoming
  return parseOtlpLogs(sent.body, 'protobuf', producers).incoming
}

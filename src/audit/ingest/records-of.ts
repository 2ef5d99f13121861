// What was sent, read again where it was handed to: in the thread that seals.
import type { Records, Sent } from '../event/types.ts'
import { parseNative } from './native.ts'
import { parseOtlpLogs } from './otlp.ts'
import type { ProducerTrust } from './producer-signature.ts'

/** The same records as those that `sent` came with. */
export function recordsOf({ door, body, type }: Sent, producers: ProducerTrust): Records {
  if (door === 'native') return parseNative(body, type).incoming
  return parseOtlpLogs(body, 'protobuf', producers).incoming
}

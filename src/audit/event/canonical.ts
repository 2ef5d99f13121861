// RFC 8785 for the audit rooms: core's, with their errors.
import { canonicalJson } from '../../core/canonical-json.ts'
import { FormatError } from '../../core/errors.ts'
import { UnreadableEvent } from './errors.ts'

/**
 * RFC 8785 text of a JSON value; members that are undefined are left out.
 * @throws UnreadableEvent `lone_surrogate`; `unsafe_number` for NaN and infinities; `too_deep` beyond 128 levels
 */
export function canonicalText(json: unknown): string {
  try {
    return canonicalJson(json)
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    if (error.code === 'invalid_utf8') throw new UnreadableEvent('lone_surrogate', error.message)
    if (error.code === 'invalid_number') throw new UnreadableEvent('unsafe_number', error.message)
    throw new UnreadableEvent('too_deep', error.message)
  }
}

/**
 * UTF-8 of {@link canonicalText}.
 * @throws UnreadableEvent as canonicalText
 */
export function canonicalBytes(json: unknown): Uint8Array {
  return Buffer.from(canonicalText(json)) // in two thirds of the time of a TextEncoder
}

// OTLP values as the JSON of an event.
import { UnreadableEvent } from '../event/errors.ts'
import type { Json } from '../event/types.ts'
import { isMap, type OtlpValue } from './otlp-types.ts'

/** An object that is being made. */
export interface Members {
  [name: string]: Json
}

/**
 * Sets a member of its own, `__proto__` too.
 * @throws UnreadableEvent `duplicate_name`
 */
export function put(members: Members, name: string, value: Json): void {
  if (Object.hasOwn(members, name))
    throw new UnreadableEvent('duplicate_name', 'Two attributes have the same key.')
  if (name === '__proto__') {
    Object.defineProperty(members, name, { value, enumerable: true, configurable: true, writable: true })
  } else members[name] = value
}

/**
 * Integers beyond ±(2^53-1) as decimal text, bytes as base64, and doubles that JSON has no number for as their names.
 * @throws UnreadableEvent `duplicate_name`
 */
export function jsonOf(value: OtlpValue): Json {
  if (typeof value === 'string' || typeof value === 'boolean') return value
  if (typeof value === 'bigint') {
    const number = Number(value)
    return Number.isSafeInteger(number) ? number : String(value)
  }
  if (typeof value === 'number') return Number.isFinite(value) ? value : String(value)
  if (value === null) return null
  if (value instanceof Uint8Array) return base64Of(value)
  if (!isMap(value)) return value.map((element) => jsonOf(element))
  const members: Members = {}
  for (const { key, value: member } of value.kvlist) put(members, key, jsonOf(member))
  return members
}

/** Standard base64 with padding (RFC 4648 §4). */
export function base64Of(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64')
}

// The parts that OTLP/JSON messages are made of. A null stands for a field that is not set, as everywhere in ProtoJSON.
import { UnreadableEvent } from '../event/errors.ts'
import type { Json, JsonObject } from '../event/types.ts'
import { MAX_VALUE_DEPTH, type OtlpAttribute, type OtlpValue } from './otlp-types.ts'

const INTEGER = /^-?\d{1,20}$/
const BASE64 = /^[A-Za-z0-9+/_-]*={0,2}$/
const HEX = /^(?:[0-9a-f]{2})*$/i
const INT64_MIN = -(2n ** 63n)
const INT64_MAX = 2n ** 63n - 1n
/** An AnyValue has one of them. */
const KINDS = [
  'stringValue',
  'boolValue',
  'intValue',
  'doubleValue',
  'arrayValue',
  'kvlistValue',
  'bytesValue',
] as const

/** @throws UnreadableEvent `invalid_event` unless it is an object */
export function membersOf(json: Json | undefined, what: string): JsonObject {
  if (typeof json === 'object' && json !== null && !Array.isArray(json)) return json as JsonObject
  throw wrong(`${what} is no object`)
}

export function attributesOf(json: Json | undefined, depth = 1): OtlpAttribute[] {
  return listOf(json, 'attributes').map((entry) => {
    const { key, value } = membersOf(entry, 'an attribute')
    return { key: textOf(key, 'the key of an attribute'), value: valueOf(value, depth) }
  })
}

export function valueOf(json: Json | undefined, depth: number): OtlpValue {
  if (json === undefined || json === null) return null
  if (depth > MAX_VALUE_DEPTH) throw new UnreadableEvent('too_deep', 'Values are nested too deep.')
  const members = membersOf(json, 'a value')
  const kind = KINDS.find((name) => members[name] !== undefined && members[name] !== null)
  if (kind === undefined) {
    // A value of a kind that is not known would be lost without a word.
    if (Object.values(members).some((member) => member !== null))
      throw wrong('a value is of no kind of AnyValue')
    return null
  }
  const value = members[kind]
  switch (kind) {
    case 'stringValue':
      return textOf(value, kind)
    case 'boolValue':
      if (typeof value === 'boolean') return value
      throw wrong('a boolValue is no boolean')
    case 'intValue':
      return integerOf(value, kind, INT64_MIN, INT64_MAX)
    case 'doubleValue':
      return doubleOf(value)
    case 'arrayValue':
      return listOf(membersOf(value, kind)['values'], kind).map((entry) => valueOf(entry, depth + 1))
    case 'kvlistValue':
      return { kvlist: attributesOf(membersOf(value, kind)['values'], depth + 1) }
    case 'bytesValue':
      return bytesOf(value)
  }
}

export function textOf(json: Json | undefined, what: string): string {
  if (json === undefined || json === null) return ''
  if (typeof json === 'string') return json
  throw wrong(`${what} is no string`)
}

/** Of a number, or of decimal text; 0n when it is not set. */
export function integerOf(json: Json | undefined, what: string, min: bigint, max: bigint): bigint {
  if (json === undefined || json === null || json === 0) return 0n
  const whole =
    typeof json === 'number' ? Number.isInteger(json) : typeof json === 'string' && INTEGER.test(json)
  if (!whole) throw wrong(`${what} is no integer`)
  const integer = BigInt(json as number | string)
  if (integer < min || integer > max) throw wrong(`${what} is out of range`)
  return integer
}

/** Lower-case hex; empty for an id of zeros, which is none (W3C Trace Context §3.2.2.3). */
export function idOf(json: Json | undefined, what: string): string {
  const text = textOf(json, what)
  if (!HEX.test(text)) throw wrong(`${what} is not hex`)
  return /^0*$/.test(text) ? '' : text.toLowerCase()
}

function doubleOf(json: Json | undefined): number {
  if (typeof json === 'number') return json
  if (json === 'NaN' || json === 'Infinity' || json === '-Infinity') return Number(json)
  if (typeof json === 'string' && /^-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?$/.test(json)) return Number(json)
  throw wrong('a doubleValue is no number')
}

function bytesOf(json: Json | undefined): Uint8Array {
  const text = textOf(json, 'bytesValue')
  if (!BASE64.test(text)) throw wrong('a bytesValue is not base64')
  return Buffer.from(text, 'base64')
}

function listOf(json: Json | undefined, what: string): readonly Json[] {
  if (json === undefined || json === null) return []
  if (Array.isArray(json)) return json
  throw wrong(`${what} is no array`)
}

function wrong(what: string): UnreadableEvent {
  return new UnreadableEvent('invalid_event', `This is no log record of OTLP/JSON: ${what}.`)
}

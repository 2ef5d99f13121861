// JSON answers, field by field: each has the type it must have, or the answer is refused.
import { decodeUtf8, fromBase64 } from '../core/bytes.ts'
import { FormatError } from '../core/errors.ts'
import { asHash, type Hash } from '../core/hash.ts'
import { ClientError } from './errors.ts'

/** A JSON object whose members are read by name. All throw ClientError `bad_answer`. */
export type Fields = {
  has(name: string): boolean
  size(name: string): number
  text(name: string): string
  flag(name: string): boolean
  hash(name: string): Hash
  texts(name: string): string[]
  sizes(name: string): number[]
  hashes(name: string): Hash[]
  object(name: string): Fields
  objects(name: string): Fields[]
}

/** @throws ClientError `bad_answer` unless the bytes are a JSON object */
export function parseFields(bytes: Uint8Array, where: string): Fields {
  let value: unknown
  try {
    value = JSON.parse(decodeUtf8(bytes))
  } catch (cause) {
    throw new ClientError('bad_answer', `${where} did not answer with JSON.`, {}, { cause })
  }
  return fieldsOf(value, where)
}

function fieldsOf(value: unknown, where: string): Fields {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw wrong(where, 'an object')
  const members = new Map<string, unknown>(Object.entries(value))
  const list = <T>(name: string, read: (item: unknown, place: string) => T): T[] => {
    const items = members.get(name)
    if (!Array.isArray(items)) throw wrong(`${name} of ${where}`, 'a list')
    return items.map((item, i) => read(item, `${name}[${i}] of ${where}`))
  }
  const one = <T>(name: string, read: (item: unknown, place: string) => T): T =>
    read(members.get(name), `${name} of ${where}`)
  return {
    has: (name) => (members.get(name) ?? null) !== null,
    size: (name) => one(name, asSize),
    text: (name) => one(name, asText),
    flag: (name) => one(name, asFlag),
    hash: (name) => one(name, hashFrom),
    texts: (name) => list(name, asText),
    sizes: (name) => list(name, asSize),
    hashes: (name) => list(name, hashFrom),
    object: (name) => one(name, fieldsOf),
    objects: (name) => list(name, fieldsOf),
  }
}

function asSize(value: unknown, where: string): number {
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return value
  throw wrong(where, 'a whole number')
}

function asText(value: unknown, where: string): string {
  if (typeof value === 'string') return value
  throw wrong(where, 'a text')
}

function asFlag(value: unknown, where: string): boolean {
  if (typeof value === 'boolean') return value
  throw wrong(where, 'true or false')
}

function hashFrom(value: unknown, where: string): Hash {
  const bytes = decoded(asText(value, where))
  if (bytes?.length === 32) return asHash(bytes)
  throw wrong(where, '32 bytes in base64')
}

function decoded(text: string): Uint8Array | undefined {
  try {
    return fromBase64(text)
  } catch (error) {
    if (error instanceof FormatError) return undefined
    throw error
  }
}

function wrong(where: string, what: string): ClientError {
  return new ClientError('bad_answer', `${where} is not ${what}.`)
}

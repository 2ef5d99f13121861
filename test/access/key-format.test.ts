import { crc32 } from 'node:zlib'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { AccessError } from '../../src/access/errors.ts'
import { generateKey, KEY_PATTERN, parseKey } from '../../src/access/key-format.ts'

const KEY = 'plog_0123456789AB_0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefg_4QJ5XO'

test('a new key is read back with its id and the digest of its secret', () => {
  const { key, id, digest } = generateKey()
  expect(parseKey(key)).toEqual({ id, digest })
  expect(digest).toHaveLength(32)
})

test('no two keys are alike', () => {
  const keys = Array.from({ length: 200 }, () => generateKey())
  expect(new Set(keys.map((k) => k.id)).size).toBe(200)
  expect(new Set(keys.map((k) => Buffer.from(k.digest).toString('hex'))).size).toBe(200)
})

test('the checksum is the CRC-32 of what stands before it, in base62', () => {
  const { key } = generateKey()
  const digits = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
  let value = 0
  for (const digit of key.slice(-6)) value = value * 62 + digits.indexOf(digit)
  expect(value).toBe(crc32(key.slice(0, -7)))
})

test('a leaked key is found in a text without the database', () => {
  const { key } = generateKey()
  const leak = `export PROOFLOG_KEY="${key}" # do not commit`
  expect(KEY_PATTERN.exec(leak)?.[0]).toBe(key)
  expect(KEY_PATTERN.exec('plog_of_the_day_is_not_a_key')).toBeNull()
})

test('one changed character is noticed by the checksum', () => {
  const { key } = generateKey()
  for (let i = 0; i < key.length; i++) {
    const changed = key.slice(0, i) + (key[i] === 'x' ? 'y' : 'x') + key.slice(i + 1)
    expect(() => parseKey(changed), changed).toThrow(AccessError)
  }
})

test('any text is a key or is refused with key_malformed, and never repeated in the message', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((s) => `plog_${s}`),
        fc.constant(KEY),
      ),
      (text) => {
        const refusal = refusalOf(text)
        expect(refusal.code).toBe('key_malformed')
        expect(text.length > 8 && refusal.message.includes(text)).toBe(false)
      },
    ),
  )
})

function refusalOf(text: string): AccessError {
  try {
    parseKey(text)
  } catch (error) {
    return error as AccessError
  }
  throw new Error('a random text has a right checksum')
}

import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { decodeUtf8, fromHex, toBase64 } from '../../src/core/bytes.ts'
import { FormatError } from '../../src/core/errors.ts'
import {
  formatSkey,
  formatVkey,
  generateSkey,
  keyId,
  parseSkey,
  parseVkey,
  validKeyName,
  vkeyOf,
} from '../../src/core/keys.ts'
import { installMlDsa } from '../../src/core/ml-dsa.ts'
import { codeOf, mutate, NOTES, TESSERA, utf8 } from '../support/note-vectors.ts'

const VKEY = NOTES.goNote.vkeys[0]!
const SKEY = NOTES.goNote.skeys![0]!

beforeAll(installMlDsa)

/** Every proper substring, and every text with one character raised by one. */
function manglings(text: string): string[] {
  const found: string[] = []
  for (let from = 0; from < text.length; from++) {
    for (let to = from + 1; to <= text.length; to++)
      if (to - from < text.length) found.push(text.slice(from, to))
    const raised = String.fromCharCode(text.charCodeAt(from) + 1)
    found.push(text.slice(0, from) + raised + text.slice(from + 1))
  }
  return found
}

test('verifier keys made by Go, of both algorithms, parse and format back', () => {
  for (const vkey of Object.values(NOTES).flatMap((n) => n.vkeys)) {
    const key = parseVkey(vkey)
    expect(formatVkey(key.name, key.type, key.publicKey)).toBe(vkey)
    expect(vkey).toContain(`+${key.keyId.toString(16).padStart(8, '0')}+`)
  }
})

test('no substring and no raised character of a verifier key is a verifier key', () => {
  const accepted = manglings(VKEY).filter((text) => codeOf(() => parseVkey(text)) !== 'invalid_vkey')
  expect(accepted).toEqual([])
})

test('no substring and no raised character of a private key is a private key', () => {
  const accepted = manglings(SKEY).filter((text) => codeOf(() => parseSkey(text)) !== 'invalid_skey')
  expect(accepted).toEqual([])
})

test('a verifier key of wrong length or unknown type is refused even when its key ID fits', () => {
  expect(
    codeOf(() => parseVkey('PeterNeumann+cc469956+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==')),
  ).toBe('invalid_vkey')
  expect(codeOf(() => parseVkey('PeterNeumann+173116ae+ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW'))).toBe(
    'invalid_vkey',
  )
})

test('a key ID in capitals is refused, since there is one spelling per key', () => {
  expect(codeOf(() => parseVkey(VKEY.replace('c74f20a3', 'C74F20A3')))).toBe('invalid_vkey')
})

test('a private key yields the verifier key its maker published', () => {
  expect(vkeyOf(SKEY)).toBe(VKEY)
  expect(vkeyOf(TESSERA.skey)).toBe(TESSERA.vkey)
  expect(NOTES.monkeys8.skeys!.map(vkeyOf)).toEqual(NOTES.monkeys8.vkeys)
})

test('an ML-DSA-44 seed yields the verifier key that Go made from it', () => {
  const skey = generateSkey('example.com/mldsa-log', 0x06, fromHex(NOTES.mldsa.seed!))
  expect(vkeyOf(skey)).toBe(NOTES.mldsa.vkeys[0])
  expect(parseVkey(vkeyOf(skey)).keyId).toBe(0xb5df45c5)
})

test('the same key has different key IDs under different types and names', () => {
  const { publicKey } = parseVkey(VKEY)
  expect(new Set([keyId('a', 1, publicKey), keyId('a', 4, publicKey), keyId('b', 1, publicKey)]).size).toBe(3)
})

describe('key names', () => {
  test.each([
    '',
    ' ',
    'a b',
    'a+b',
    'a\nb',
    'a\tb',
    '\u0001',
    'a\u0085',
    '\u00a0',
    '\u1680',
    '\u2007',
    '\u2028',
    '\u202f',
    '\u205f',
    '\u3000',
    '\ud800',
  ])('%j is no key name', (name) => {
    expect(validKeyName(name)).toBe(false)
    expect(codeOf(() => formatVkey(name, 1, new Uint8Array(32)))).toBe('invalid_vkey')
  })

  test.each(['a', 'example.com/log', 'oid/1.2.3', 'go.sum', '\ufeff', '\u200b', 'ü', '\u007f'])(
    '%j is one, as it is for Go',
    (name) => {
      expect(validKeyName(name)).toBe(true)
    },
  )

  test('a name of 255 bytes fits and one of 256 does not', () => {
    expect(codeOf(() => formatVkey('ü'.repeat(127) + 'a', 1, new Uint8Array(32)))).toBeUndefined()
    expect(codeOf(() => formatVkey('ü'.repeat(128), 1, new Uint8Array(32)))).toBe('invalid_vkey')
  })
})

test('the refusal of a private key repeats nothing of it', () => {
  const seed = toBase64(new Uint8Array(33).fill(1))
  for (const text of [
    SKEY.slice(0, -1),
    SKEY.replace('c74f20a3', 'c74f20a4'),
    `PRIVATE+KEY+${seed} +00000000+${seed}`,
  ]) {
    const error = (() => {
      try {
        return parseSkey(text)
      } catch (thrown) {
        return thrown
      }
    })()
    expect(error).toBeInstanceOf(FormatError)
    const told = JSON.stringify([(error as FormatError).message, (error as FormatError).evidence])
    expect(told).not.toContain(SKEY.slice(-20, -4))
    expect(told).not.toContain(seed)
  }
})

const names = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 }).filter(validKeyName)

test('any key that can be formatted parses to itself', () => {
  fc.assert(
    fc.property(
      names,
      fc.constantFrom(1, 4, 6),
      fc.uint8Array({ minLength: 1312, maxLength: 1312 }),
      (name, t, bytes) => {
        const type = t as 1 | 4 | 6
        const publicKey = type === 6 ? bytes : bytes.slice(0, 32)
        const vkey = formatVkey(name, type, publicKey)
        expect(parseVkey(vkey)).toEqual({ name, type, publicKey, vkey, keyId: keyId(name, type, publicKey) })
      },
    ),
  )
})

test('any private key that can be formatted parses to itself', () => {
  fc.assert(
    fc.property(names, fc.uint8Array({ minLength: 32, maxLength: 32 }), (name, seed) => {
      const key = { name, type: 0x01 as const, seed }
      expect(parseSkey(formatSkey(key))).toEqual(key)
    }),
    { numRuns: 20 },
  )
})

test('a mutated verifier key is refused with a FormatError, or is another key with its own exact text', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(VKEY, NOTES.mldsa.vkeys[0]!),
      fc.nat(2),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.nat(255),
      (vkey, how, at, value) => {
        const run = () => {
          const text = decodeUtf8(mutate(utf8(vkey), how, at, value))
          expect(parseVkey(text).vkey).toBe(text)
        }
        expect([undefined, 'invalid_vkey', 'invalid_utf8']).toContain(codeOf(run))
      },
    ),
    { numRuns: 2000 },
  )
})

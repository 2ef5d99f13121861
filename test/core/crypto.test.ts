import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { afterEach, describe, expect, test } from 'vitest'
import { encodeUtf8, fromHex, toHex } from '../../src/core/bytes.ts'
import { installPrimitives, type Primitives, primitives } from '../../src/core/crypto.ts'
import { hashLeaf } from '../../src/core/hash.ts'
import { installNodeCrypto, nodePrimitives } from '../../src/node-crypto.ts'
import { readVectors } from '../support/note-vectors.ts'

type CctvRow = [number: number, key: number, sig: string, message: number, flags: number[]]
const CCTV = readVectors<{ flags: string[]; messages: string[]; keys: string[]; rows: CctvRow[] }>(
  'ed25519-cctv.json',
)
const noble: Primitives = { ...primitives }
const ORDER = 2n ** 252n + 27742317777372353535851937790883648493n

afterEach(() => installPrimitives(noble))

describe.each([
  ['@noble', noble],
  ['node:crypto', nodePrimitives],
])('the primitives of %s', (_, crypto) => {
  test('accept and refuse the 914 Ed25519 edge cases as ref10 and Go do', () => {
    expect(CCTV.rows).toHaveLength(914)
    const accepted = CCTV.rows.filter(([, key, sig, message]) =>
      crypto.ed25519Verify(fromHex(sig), encodeUtf8(CCTV.messages[message]!), fromHex(CCTV.keys[key]!)),
    )
    // Reject a non-canonical R (compared as bytes) and a residue of low order (no cofactor); accept everything else.
    const refusing = new Set(['non_canonical_R', 'low_order_residue'].map((flag) => CCTV.flags.indexOf(flag)))
    const expected = CCTV.rows.filter(([, , , , flags]) => !flags.some((flag) => refusing.has(flag)))
    expect(accepted.map(([number]) => number)).toEqual(expected.map(([number]) => number))
    expect(accepted).toHaveLength(208)
  })

  // RFC 8032 §7.1, tests 1 to 3.
  test.each([
    [
      '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60',
      'd75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a',
      '',
      'e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b',
    ],
    [
      '4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb',
      '3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c',
      '72',
      '92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00',
    ],
    [
      'c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7',
      'fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025',
      'af82',
      '6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a',
    ],
  ])('sign as RFC 8032 does with seed %s', (seed, publicKey, message, signature) => {
    expect(toHex(crypto.ed25519PublicKey(fromHex(seed)))).toBe(publicKey)
    expect(toHex(crypto.ed25519Sign(fromHex(seed), fromHex(message)))).toBe(signature)
    expect(crypto.ed25519Verify(fromHex(signature), fromHex(message), fromHex(publicKey))).toBe(true)
  })

  test('refuse a signature with any bit changed, or S + L for S', () => {
    const seed = new Uint8Array(32).fill(7)
    const message = encodeUtf8('example.com/log\n')
    const publicKey = crypto.ed25519PublicKey(seed)
    const signature = crypto.ed25519Sign(seed, message)
    for (let bit = 0; bit < 512; bit += 37) {
      const changed = signature.slice()
      changed[Math.floor(bit / 8)]! ^= 2 ** (bit % 8)
      expect(crypto.ed25519Verify(changed, message, publicKey)).toBe(false)
    }
    let s = BigInt(`0x${toHex(signature.slice(32).reverse())}`) + ORDER
    const malleable = signature.slice()
    for (let i = 32; i < 64; i++, s /= 256n) malleable[i] = Number(s % 256n)
    expect(crypto.ed25519Verify(malleable, message, publicKey)).toBe(false)
  })

  test('answer false to what is no signature or no key', () => {
    const zero = new Uint8Array(32)
    for (const [sig, key] of [
      [0, 32],
      [63, 32],
      [65, 32],
      [64, 0],
      [64, 31],
      [64, 33],
    ] as const) {
      expect(crypto.ed25519Verify(new Uint8Array(sig), zero, new Uint8Array(key))).toBe(false)
    }
    const notOnCurve = Uint8Array.of(2, ...new Uint8Array(31))
    expect(crypto.ed25519Verify(new Uint8Array(64), zero, notOnCurve)).toBe(false)
  })

  test('hash like SHA-256, into memory of their own', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 300 }), (data) => {
        const hash = crypto.sha256(data)
        expect(toHex(hash)).toBe(createHash('sha256').update(data).digest('hex'))
        expect(Object.getPrototypeOf(hash)).toBe(Uint8Array.prototype)
        expect(hash.buffer.byteLength).toBe(32)
      }),
    )
  })
})

test('keys beyond the number that node:crypto remembers still verify', () => {
  const message = Uint8Array.of(1)
  for (let i = 0; i < 300; i++) {
    const seed = new Uint8Array(32).fill(i % 256, Math.floor(i / 256))
    const publicKey = nodePrimitives.ed25519PublicKey(seed)
    expect(nodePrimitives.ed25519Verify(nodePrimitives.ed25519Sign(seed, message), message, publicKey)).toBe(
      true,
    )
  }
})

test('core hashes with what is installed', () => {
  installPrimitives({ sha256: () => new Uint8Array(32).fill(5) })
  expect(hashLeaf(new Uint8Array())).toEqual(new Uint8Array(32).fill(5))
  installNodeCrypto()
  expect(toHex(hashLeaf(new Uint8Array()))).toBe(
    '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  )
})

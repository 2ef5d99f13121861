import { shake128 } from '@noble/hashes/sha3.js'
import { afterEach, expect, test } from 'vitest'
import { toHex } from '../../src/core/bytes.ts'
import { installPrimitives, primitives } from '../../src/core/crypto.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import { installMlDsa, mlDsa44 } from '../../src/core/ml-dsa.ts'
import { openNote } from '../../src/core/note.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { codeOf, NOTES, utf8 } from '../support/note-vectors.ts'

afterEach(installMlDsa)

function uninstall(): void {
  Reflect.deleteProperty(primitives, 'mlDsa44')
}

test('100 keys and signatures accumulate to the digest that C2SP publishes', { timeout: 60_000 }, () => {
  const seeds = shake128.create({})
  const digest = shake128.create({})
  const empty = new Uint8Array()
  for (let i = 0; i < 100; i++) {
    const seed = seeds.xof(32)
    const publicKey = mlDsa44.publicKey(seed)
    const signature = mlDsa44.sign(seed, empty)
    expect(mlDsa44.verify(signature, empty, publicKey)).toBe(true)
    digest.update(publicKey).update(signature)
  }
  expect(toHex(digest.xof(32))).toBe('d51148e1f9f4fa1a723a6cf42e25f2a99eb5c1b378b3d2dbbd561b1203beeae4')
})

test('malformed input verifies to false instead of throwing', () => {
  const seed = new Uint8Array(32)
  const message = utf8('a')
  const signature = mlDsa44.sign(seed, message)
  const key = mlDsa44.publicKey(seed)
  expect(mlDsa44.verify(signature, message, key)).toBe(true)
  expect(mlDsa44.verify(signature.slice(1), message, key)).toBe(false)
  expect(mlDsa44.verify(signature, message, key.slice(1))).toBe(false)
  expect(mlDsa44.verify(new Uint8Array(2420).fill(255), message, key)).toBe(false)
  expect(mlDsa44.verify(signature, message, new Uint8Array(1312).fill(255))).toBe(false)
})

test('without ML-DSA installed, a signature of a known key is refused and not skipped', () => {
  uninstall()
  const verifier = verifierOf(NOTES.mldsa.vkeys[0]!)
  expect(codeOf(() => openNote(utf8(NOTES.mldsa.note), [verifier]))).toBe('algorithm_unavailable')
  expect(codeOf(() => vkeyOf(generateSkey('a', 0x06, new Uint8Array(32))))).toBe('algorithm_unavailable')
  installMlDsa()
  expect(codeOf(() => openNote(utf8(NOTES.mldsa.note), [verifier]))).toBeUndefined()
})

test('without ML-DSA installed, signatures of unknown keys are still ignored', () => {
  uninstall()
  expect(codeOf(() => openNote(utf8(NOTES.mldsa.note), [verifierOf(NOTES.sumdb.vkeys[0]!)]))).toBe(
    'signature_missing',
  )
})

test('installing replaces the primitive for the process', () => {
  installPrimitives({ mlDsa44: { ...mlDsa44, verify: () => false } })
  expect(codeOf(() => openNote(utf8(NOTES.mldsa.note), [verifierOf(NOTES.mldsa.vkeys[0]!)]))).toBe(
    'signature_invalid',
  )
})

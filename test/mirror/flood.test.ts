// What a stranger, who needs no more than the origin of a log, can make a mirror do.
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { primitives } from '../../src/core/crypto.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { createCopies } from '../../src/mirror/copies.ts'
import { originLog, signedTime, type TestMirror, testMirror, uploadBody } from '../support/mirror.ts'
import type { SignedTree } from '../support/signed-tree.ts'

let log: SignedTree
let mirror: TestMirror

beforeEach(async () => {
  log = originLog()
  mirror = await testMirror({ logs: [log] })
})
afterEach(async () => {
  vi.restoreAllMocks()
  await mirror.remove()
})

test('many who ask at once for a fresh signature are given one and the same', async () => {
  await mirror.advance(log, 0, 600)
  signedTime(mirror, log, 600, await mirror.upload(uploadBody(log, { start: 0, end: 600 })))
  mirror.now += 10_000
  const signing = vi.spyOn(primitives, 'ed25519Sign')
  const body = uploadBody(log, { start: 600, end: 600 })
  const replies = await Promise.all(Array.from({ length: 40 }, () => mirror.upload(body)))
  for (const reply of replies) signedTime(mirror, log, 600, reply)
  expect(signing).toHaveBeenCalledTimes(1)
})

test('asking for copies of which nothing came yet does not read the list of all logs each time', async () => {
  let reads = 0
  const logs = (): ReturnType<typeof mirror.store.logs> => {
    reads++
    return mirror.store.logs()
  }
  const known = { verifiersOf: () => log.vkeys.map(verifierOf), originOf: () => log.origin }
  const copies = createCopies({ ...mirror.store, logs }, known)
  await Promise.all(Array.from({ length: 20 }, () => copies.existing('any')))
  expect(reads).toBe(1)
  await copies.of(log.origin)
  expect(await copies.existing('any')).toMatchObject({ origin: log.origin, mirrored: true })
})

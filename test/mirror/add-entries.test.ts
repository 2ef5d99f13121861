// The table of https://c2sp.org/tlog-mirror, "add-entries", row by row.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import {
  checkCopy,
  GZIP,
  gzipped,
  infoOf,
  originLog,
  pathOf,
  signedTime,
  type TestMirror,
  testMirror,
  uploadBody,
  uploadHeader,
} from '../support/mirror.ts'
import type { SignedTree } from '../support/signed-tree.ts'

let log: SignedTree
let mirror: TestMirror

beforeEach(async () => {
  log = originLog()
  mirror = await testMirror({ logs: [log] })
})
afterEach(() => mirror.remove())

function upload(start: number, end: number, more: { ticket?: Uint8Array; packages?: number } = {}) {
  return mirror.upload(uploadBody(log, { start, end, ...more }))
}

describe('the whole way', () => {
  test('checkpoint, entries, signature; and again for what the log grew by', async () => {
    await mirror.advance(log, 0, 600)
    expect(
      (await mirror.get(`${pathOf(log)}/checkpoint`)).status,
      'nothing is signed before it is held',
    ).toBe(404)
    signedTime(mirror, log, 600, await upload(0, 600))
    await expect(checkCopy(mirror, log, 600)).resolves.toBeUndefined()
    signedTime(mirror, log, 600, await upload(600, 600))
    await mirror.advance(log, 600, 1200)
    signedTime(mirror, log, 1200, await upload(600, 1200))
    await expect(checkCopy(mirror, log, 1200)).resolves.toBeUndefined()
  })

  test('packed with gzip', async () => {
    await mirror.advance(log, 0, 300)
    const body = gzipped(uploadBody(log, { start: 0, end: 300 }))
    signedTime(mirror, log, 300, await mirror.upload(body, GZIP))
    await expect(checkCopy(mirror, log, 300)).resolves.toBeUndefined()
  })

  test('an empty log is copied too, and grows', async () => {
    await mirror.advance(log, 0, 0)
    signedTime(mirror, log, 0, await upload(0, 0))
    await expect(checkCopy(mirror, log, 0)).resolves.toBeUndefined()
    signedTime(mirror, log, 0, await upload(0, 0))
    await mirror.advance(log, 0, 300)
    signedTime(mirror, log, 300, await upload(0, 300))
    await expect(checkCopy(mirror, log, 300)).resolves.toBeUndefined()
  })

  test('a log beyond a tile of level 1, in requests of 32 packages', async () => {
    const size = 66_000
    await mirror.advance(log, 0, size)
    for (let next = 0; ;) {
      const reply = await mirror.upload(
        gzipped(uploadBody(log, { start: next, end: size, packages: 32 })),
        GZIP,
      )
      if (reply.status === 200) break
      expect([reply.status, infoOf(reply).size]).toEqual([202, size])
      next = infoOf(reply).next
    }
    await expect(checkCopy(mirror, log, size)).resolves.toBeUndefined()
  }, 60_000)
})

describe('404', () => {
  test('an origin that is not known', async () => {
    const other = originLog('origin.example/other')
    expect((await mirror.upload(uploadBody(other, { start: 0, end: 0 }))).status).toBe(404)
  })
})

describe('422', () => {
  test('no checkpoint was ever brought', async () => {
    expect((await upload(0, 0)).status).toBe(422)
    expect((await upload(0, 600)).status).toBe(422)
  })

  test('an entry that is not the one of the checkpoint: nothing is kept', async () => {
    await mirror.advance(log, 0, 600)
    const body = uploadBody(log, { start: 0, end: 600 })
    body[uploadHeader(log.origin, 0n, 0n).length + 2]! ^= 1
    expect((await mirror.upload(body)).status).toBe(422)
    expect(infoOf(await upload(0, 0)).next).toBe(0)
  })

  test('a wrong proof later on: what was proven before it stays, and nothing is signed', async () => {
    await mirror.advance(log, 0, 600)
    const body = uploadBody(log, { start: 0, end: 600, packages: 2 })
    body[body.length - 1]! ^= 1
    expect((await mirror.upload(body)).status).toBe(422)
    expect(infoOf(await upload(0, 0)).next).toBe(256)
    expect((await mirror.get(`${pathOf(log)}/checkpoint`)).status).toBe(404)
    signedTime(mirror, log, 600, await upload(256, 600))
    await expect(checkCopy(mirror, log, 600)).resolves.toBeUndefined()
  })

  test('right entries with proofs for another size', async () => {
    await mirror.advance(log, 0, 600)
    expect((await mirror.upload(uploadBody(log, { start: 0, end: 600, size: 601 }))).status).toBe(422)
  })

  test('entries of another history of the log', async () => {
    await mirror.advance(log, 0, 600)
    const { signedTree } = await import('../support/signed-tree.ts')
    const fork = signedTree(log.origin, {
      skeys: (log as SignedTree & { skeys: string[] }).skeys,
      branch: 500,
    })
    expect((await mirror.upload(uploadBody(fork, { start: 0, end: 600 }))).status).toBe(422)
    expect((await mirror.post('/add-checkpoint', await fork.advance(600, 700))).status).toBe(422)
  })
})

describe('409', () => {
  test('an end that never was a checkpoint; the answer says where to go on', async () => {
    await mirror.advance(log, 0, 600)
    for (const [start, end] of [
      [0, 0],
      [0, 599],
      [0, 601],
    ] as const) {
      const reply = await upload(start, end, { packages: 0 })
      expect([reply.status, infoOf(reply).size, infoOf(reply).next]).toEqual([409, 600, 0])
    }
  })

  test('an end below what is signed', async () => {
    await mirror.advance(log, 0, 600)
    await upload(0, 600)
    const reply = await upload(300, 300)
    expect([reply.status, infoOf(reply).size, infoOf(reply).next]).toEqual([409, 600, 600])
  })

  test('a start beyond the next entry', async () => {
    await mirror.advance(log, 0, 600)
    const reply = await upload(256, 600)
    expect([reply.status, infoOf(reply).size, infoOf(reply).next]).toEqual([409, 600, 0])
  })

  test('more than 2,048 entries that are there already, by one', async () => {
    const size = 35 * 256
    await mirror.advance(log, 0, size)
    signedTime(mirror, log, size, await upload(0, size))
    expect((await upload(0, size, { packages: 1 })).status).toBe(409)
    expect((await upload(size - 2049, size, { packages: 1 })).status).toBe(409)
    signedTime(mirror, log, size, await upload(size - 2048, size))
    await expect(checkCopy(mirror, log, size)).resolves.toBeUndefined()
  })
})

describe('202', () => {
  test('some packages: the rest is asked for, with the same proofs', async () => {
    await mirror.advance(log, 0, 600)
    let reply = await upload(0, 600, { packages: 1 })
    expect([reply.status, infoOf(reply).size, infoOf(reply).next]).toEqual([202, 600, 256])
    reply = await upload(256, 600, { packages: 1 })
    expect([reply.status, infoOf(reply).next]).toEqual([202, 512])
    signedTime(mirror, log, 600, await upload(512, 600))
    await expect(checkCopy(mirror, log, 600)).resolves.toBeUndefined()
  })

  test('a package that is cut anywhere is as if it had not been sent', async () => {
    await mirror.advance(log, 0, 600)
    const one = uploadBody(log, { start: 0, end: 600, packages: 1 })
    const two = uploadBody(log, { start: 0, end: 600, packages: 2 })
    const proof = log.subtree(256, 512, 600).proof.length * 32
    for (const cut of [
      one.length + 1,
      one.length + 2,
      one.length + 3,
      two.length - proof - 1,
      two.length - proof,
      two.length - 1,
    ]) {
      const reply = await mirror.upload(two.subarray(0, cut))
      expect([reply.status, infoOf(reply).next], `cut at ${cut}`).toEqual([202, 256])
    }
  })

  test('what follows the last package is nothing', async () => {
    await mirror.advance(log, 0, 300)
    const body = Buffer.concat([uploadBody(log, { start: 0, end: 300 }), Buffer.from('more')])
    expect(signedTime(mirror, log, 300, await mirror.upload(body))).toBeGreaterThan(0)
  })
})

describe('400', () => {
  test('a header that is cut anywhere', async () => {
    await mirror.advance(log, 0, 600)
    const header = uploadHeader(log.origin, 0n, 600n, Buffer.from('ticket'))
    for (let cut = 0; cut < header.length; cut++)
      expect((await mirror.upload(header.subarray(0, cut))).status, `cut at ${cut}`).toBe(400)
  })

  test('a first package that is cut anywhere', async () => {
    await mirror.advance(log, 0, 3)
    const body = uploadBody(log, { start: 0, end: 3 })
    for (let cut = uploadHeader(log.origin, 0n, 0n).length; cut < body.length; cut++)
      expect((await mirror.upload(body.subarray(0, cut))).status, `cut at ${cut}`).toBe(400)
  })

  test.each([
    ['an empty origin', uploadHeader('', 0n, 600n)],
    [
      'an origin that is not text',
      Buffer.concat([Buffer.of(0, 1, 0xff), uploadHeader('', 0n, 600n).subarray(2)]),
    ],
    ['an end before the start', uploadHeader('origin.example/log', 600n, 300n)],
    ['a start beyond 2^63', uploadHeader('origin.example/log', 2n ** 63n, 2n ** 63n)],
    ['an end beyond 2^63', uploadHeader('origin.example/log', 0n, 2n ** 63n)],
    ['an end beyond 2^53', uploadHeader('origin.example/log', 0n, 2n ** 53n)],
  ])('%s', async (_, body) => {
    await mirror.advance(log, 0, 600)
    expect((await mirror.upload(body)).status).toBe(400)
  })

  test('a proof of more than 63 hashes', async () => {
    await mirror.advance(log, 0, 600)
    const body = uploadBody(log, { start: 0, end: 600, packages: 1 })
    const before = body.length - log.subtree(0, 256, 600).proof.length * 32 - 1
    expect(
      (await mirror.upload(Buffer.concat([body.subarray(0, before), Buffer.of(64), Buffer.alloc(64 * 32)])))
        .status,
    ).toBe(400)
  })

  test('what is not gzip and says that it is', async () => {
    await mirror.advance(log, 0, 600)
    expect((await mirror.upload(uploadBody(log, { start: 0, end: 600 }), GZIP)).status).toBe(400)
  })

  test('nothing of it leaves a trace', async () => {
    await mirror.advance(log, 0, 600)
    await mirror.upload(uploadBody(log, { start: 0, end: 600 }).subarray(0, 100))
    signedTime(mirror, log, 600, await upload(0, 600))
    await expect(checkCopy(mirror, log, 600)).resolves.toBeUndefined()
  })
})

describe('415', () => {
  test.each([
    { 'content-type': 'text/plain' },
    { 'content-type': 'application/octet-stream; charset=utf-8' },
    { 'content-type': 'application/octet-stream', 'content-encoding': 'br' },
  ])('%j', async (headers) => {
    expect((await mirror.upload(uploadBody(log, { start: 0, end: 0 }), headers)).status).toBe(415)
  })
})

describe('the signature', () => {
  test('is of now when it is asked for anew, also while the log is ahead; a minute later it is also served', async () => {
    await mirror.advance(log, 0, 600)
    const first = signedTime(mirror, log, 600, await upload(0, 600))
    await mirror.advance(log, 600, 1200)
    expect((await upload(600, 1200, { packages: 1 })).status).toBe(202)
    mirror.now += 5_000
    expect(signedTime(mirror, log, 600, await upload(600, 600))).toBe(first + 5)
    expect(await mirror.store.history(1, 10, 100)).toHaveLength(1)
    mirror.now += 60_000
    expect(signedTime(mirror, log, 600, await upload(600, 600))).toBe(first + 65)
    expect(await mirror.store.history(1, 10, 100)).toHaveLength(2)
    await expect(checkCopy(mirror, log, 600)).resolves.toBeUndefined()
  })

  test('has a time that does not go back with the clock', async () => {
    await mirror.advance(log, 0, 600)
    const first = signedTime(mirror, log, 600, await upload(0, 600))
    await mirror.advance(log, 600, 700)
    mirror.now -= 3_600_000
    expect(signedTime(mirror, log, 700, await upload(600, 700))).toBeGreaterThanOrEqual(first)
  })
})

// Uploads that get in each other's way, in one process and in two on one database (the cases are those of sunlight's tests).
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import {
  checkCopy,
  infoOf,
  originLog,
  signedTime,
  type TestMirror,
  testMirror,
  uploadBody,
  type UploadParts,
} from '../support/mirror.ts'
import type { SignedTree } from '../support/signed-tree.ts'

let log: SignedTree
let mirror: TestMirror
let second: TestMirror

beforeEach(async () => {
  log = originLog()
  mirror = await testMirror({ logs: [log] })
  second = await mirror.another()
})
afterEach(async () => {
  await second.stop()
  await mirror.remove()
})

function upload(parts: UploadParts, at = mirror) {
  return at.upload(uploadBody(log, parts))
}

async function copied(size: number): Promise<void> {
  await mirror.advance(log, 0, size)
  signedTime(mirror, log, size, await upload({ start: 0, end: size }))
}

test('whoever comes to sign after a larger checkpoint was signed is told so; nothing goes back', async () => {
  await copied(600)
  await mirror.advance(log, 600, 1200)
  mirror.now += 2_000
  mirror.hooks.beforeSign = async () => {
    signedTime(second, log, 1200, await upload({ start: 600, end: 1200 }, second))
  }
  const reply = await upload({ start: 600, end: 600 })
  expect([reply.status, infoOf(reply).size, infoOf(reply).next]).toEqual([409, 1200, 1200])
  await expect(checkCopy(second, log, 1200)).resolves.toBeUndefined()
})

test('two that come to sign the same checkpoint are both given a signature', async () => {
  await copied(600)
  await mirror.advance(log, 600, 1200)
  mirror.hooks.beforeSign = async () => {
    signedTime(second, log, 1200, await upload({ start: 600, end: 1200 }, second))
  }
  signedTime(mirror, log, 1200, await upload({ start: 600, end: 1200 }))
  await expect(checkCopy(mirror, log, 1200)).resolves.toBeUndefined()
})

test('a smaller checkpoint that was signed meanwhile is no obstacle', async () => {
  await copied(600)
  await mirror.advance(log, 600, 900)
  const { ticket } = infoOf(await upload({ start: 0, end: 0 }))
  await mirror.advance(log, 900, 1200)
  mirror.hooks.beforeSign = async () => {
    signedTime(second, log, 900, await upload({ start: 900, end: 900, ticket }, second))
  }
  signedTime(mirror, log, 1200, await upload({ start: 600, end: 1200 }))
  await expect(checkCopy(mirror, log, 1200)).resolves.toBeUndefined()
})

test('the pending checkpoint may move while an upload for the last one is under way', async () => {
  await mirror.advance(log, 0, 600)
  mirror.hooks.beforeSign = () => second.advance(log, 600, 1200)
  signedTime(mirror, log, 600, await upload({ start: 0, end: 600 }))
  await expect(checkCopy(mirror, log, 600)).resolves.toBeUndefined()
  signedTime(mirror, log, 1200, await upload({ start: 600, end: 1200 }))
  await expect(checkCopy(mirror, log, 1200)).resolves.toBeUndefined()
})

test('somebody else stores and signs everything while an upload stores its first package', async () => {
  await copied(600)
  await mirror.advance(log, 600, 1200)
  mirror.hooks.beforeStore = async () => {
    signedTime(second, log, 1200, await upload({ start: 600, end: 1200 }, second))
  }
  signedTime(mirror, log, 1200, await upload({ start: 600, end: 1200 }))
  await expect(checkCopy(mirror, log, 1200)).resolves.toBeUndefined()
})

test('an upload that was cut off is told of what others brought meanwhile', async () => {
  await mirror.advance(log, 0, 600)
  mirror.hooks.beforeStore = async () => {
    expect((await upload({ start: 0, end: 600, packages: 2 }, second)).status).toBe(202)
  }
  const reply = await upload({ start: 0, end: 600, packages: 1 })
  expect([reply.status, infoOf(reply).next]).toEqual([202, 512])
})

test('when others have gone beyond its checkpoint meanwhile, it is sent on to the newest', async () => {
  await mirror.advance(log, 0, 600)
  mirror.hooks.beforeStore = async () => {
    await second.advance(log, 600, 1200)
    expect((await upload({ start: 0, end: 1200, packages: 4 }, second)).status).toBe(202)
  }
  const reply = await upload({ start: 0, end: 600, packages: 1 })
  expect([reply.status, infoOf(reply).size, infoOf(reply).next]).toEqual([202, 1200, 1024])
})

test('two uploads begin in the middle of a tile, after a restart', async () => {
  await copied(300)
  await mirror.advance(log, 300, 500)
  const third = await mirror.another()
  const replies = await Promise.all([
    upload({ start: 300, end: 500 }, third),
    upload({ start: 280, end: 500 }, second),
  ])
  for (const [i, reply] of replies.entries()) signedTime([third, second][i]!, log, 500, reply)
  await expect(checkCopy(third, log, 500)).resolves.toBeUndefined()
  await third.stop()
})

test('an older copy of the database signs nothing', async () => {
  await copied(600)
  await mirror.advance(log, 600, 700)
  // What was signed last is known outside; the database that knows less is not the newest.
  const { size, root, note } = (await mirror.guard.read(log.origin))!
  const later = Buffer.from(note).toString().replace('\n600\n', '\n650\n')
  await mirror.guard.move(log.origin, { size, root, note }, { size: 650, root, note: Buffer.from(later) })
  mirror.now += 2_000
  expect((await upload({ start: 600, end: 700 })).status).toBe(503)
  const ready = await mirror.get('/readyz')
  expect([ready.status, JSON.parse(ready.text).problems[0].message]).toEqual([
    503,
    expect.stringContaining('the entries stored are not those that were signed'),
  ])
})

test('a mirror whose guard is lost signs nothing until it is brought back', async () => {
  await copied(600)
  await mirror.advance(log, 600, 700)
  const { rmSync } = await import('node:fs')
  rmSync(`${mirror.folder}/guard`, { recursive: true })
  expect((await upload({ start: 600, end: 700 })).status).toBe(503)
})

test('whatever is sent, in whatever order, cut wherever: the copy is a prefix of the log', async () => {
  const sizes = [0, 1, 255, 256, 257, 600, 1000, 1400]
  const step = fc.oneof(
    fc.record({ kind: fc.constant('grow' as const) }),
    fc.record({
      kind: fc.constant('upload' as const),
      back: fc.nat(300),
      cut: fc.double({ min: 0, max: 1, noNaN: true }),
      at: fc.boolean(),
      pair: fc.boolean(),
    }),
  )
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 14 }), async (steps) => {
      const one = originLog(`origin.example/run-${run++}`)
      const extra = await testMirror({ logs: [one], shared: mirror })
      let pending = 0
      await extra.advance(one, 0, 0)
      for (const each of steps) {
        if (each.kind === 'grow') {
          const next = sizes[Math.min(sizes.length - 1, sizes.indexOf(pending) + 1)]!
          await extra.advance(one, pending, next)
          pending = next
          continue
        }
        const { next } = infoOrZero(
          await extra.upload(uploadBody(one, { start: pending, end: pending })),
          pending,
        )
        const start = Math.max(0, Math.min(next, pending) - each.back)
        const body = uploadBody(one, { start, end: pending })
        const sent = body.subarray(0, Math.ceil(body.length * each.cut))
        const statuses = (
          await Promise.all([extra.upload(sent), each.pair ? extra.upload(body) : undefined])
        ).map((reply) => reply?.status)
        for (const status of statuses) expect([200, 202, 400, 409, undefined]).toContain(status)
        await checkPrefix(extra, one)
      }
      signedTime(extra, one, pending, await finish(extra, one, pending))
      await expect(checkCopy(extra, one, pending)).resolves.toBeUndefined()
      await extra.stop()
    }),
    { numRuns: 15 },
  )
}, 120_000)

function infoOrZero(reply: Awaited<ReturnType<TestMirror['upload']>>, size: number): { next: number } {
  return reply.status === 200 ? { next: size } : infoOf(reply)
}

async function finish(at: TestMirror, of: SignedTree, size: number) {
  const { next } = infoOrZero(await at.upload(uploadBody(of, { start: size, end: size })), size)
  return at.upload(uploadBody(of, { start: next, end: size }))
}

/** What is stored is the log up to its size, whether it is signed or not. */
async function checkPrefix(at: TestMirror, of: SignedTree): Promise<void> {
  const info = (await at.store.logs()).find(({ origin }) => origin === of.origin)!
  const { size, root } = await at.store.head(info.id)
  expect(Buffer.from(root).equals(of.root(size))).toBe(true)
  const entries = await at.store.entries(info.id, 0, size)
  expect(entries.map(String)).toEqual(Array.from({ length: size }, (_, i) => String(i)))
}

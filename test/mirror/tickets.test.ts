// Tickets: uploads that go on although the log has grown (c2sp.org/tlog-mirror; the cases are those of sunlight's tests).
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
let other: SignedTree
let mirror: TestMirror

beforeEach(async () => {
  log = originLog()
  other = originLog('origin.example/other')
  mirror = await testMirror({ logs: [log, other] })
})
afterEach(() => mirror.remove())

function upload(parts: UploadParts, of = log) {
  return mirror.upload(uploadBody(of, parts))
}

/** The ticket of the pending checkpoint. */
async function ticketNow(of = log): Promise<Buffer> {
  return infoOf(await upload({ start: 0, end: 0 }, of)).ticket
}

test('an upload is finished at its own checkpoint after the log has grown', async () => {
  await mirror.advance(log, 0, 600)
  const { ticket } = infoOf(await upload({ start: 0, end: 600, packages: 2 }))
  await mirror.advance(log, 600, 1200)
  const without = await upload({ start: 512, end: 600 })
  expect([without.status, infoOf(without).size, infoOf(without).next]).toEqual([409, 1200, 512])
  signedTime(mirror, log, 600, await upload({ start: 512, end: 600, ticket }))
  await expect(checkCopy(mirror, log, 600)).resolves.toBeUndefined()
  signedTime(mirror, log, 1200, await upload({ start: 600, end: 1200 }))
  await expect(checkCopy(mirror, log, 1200)).resolves.toBeUndefined()
})

test('a forged, cut or foreign ticket is as good as none', async () => {
  const tickets = new Map<SignedTree, Buffer>()
  for (const one of [log, other]) {
    await mirror.advance(one, 0, 600)
    tickets.set(one, infoOf(await upload({ start: 0, end: 600, packages: 2 }, one)).ticket)
    await mirror.advance(one, 600, 1200)
  }
  const good = tickets.get(log)!
  for (const at of [0, 31, 32, Math.floor(good.length / 2), good.length - 1]) {
    const bad = Buffer.from(good)
    bad[at]! ^= 1
    const reply = await upload({ start: 512, end: 600, ticket: bad })
    expect([reply.status, infoOf(reply).size, infoOf(reply).next]).toEqual([409, 1200, 512])
  }
  for (const bad of [Buffer.from('short'), good.subarray(1), tickets.get(other)!])
    expect((await upload({ start: 512, end: 600, ticket: bad })).status).toBe(409)
  for (const one of [log, other]) {
    signedTime(mirror, one, 600, await upload({ start: 512, end: 600, ticket: tickets.get(one)! }, one))
    await expect(checkCopy(mirror, one, 600)).resolves.toBeUndefined()
  }
})

test('a ticket does not take back what was signed', async () => {
  await mirror.advance(log, 0, 300)
  const ticket = await ticketNow()
  await mirror.advance(log, 300, 600)
  await upload({ start: 0, end: 600 })
  const reply = await upload({ start: 300, end: 300, ticket })
  expect([reply.status, infoOf(reply).size, infoOf(reply).next]).toEqual([409, 600, 600])
  await expect(checkCopy(mirror, log, 600)).resolves.toBeUndefined()
})

test('an upload that is interrupted again and again keeps its checkpoint, and gets there', async () => {
  await mirror.advance(log, 0, 600)
  let info = infoOf(await upload({ start: 0, end: 600, packages: 1 }))
  await mirror.advance(log, 600, 1200)
  const reply = await upload({ start: 256, end: 600, ticket: info.ticket, packages: 1 })
  info = infoOf(reply)
  expect([reply.status, info.size, info.next]).toEqual([202, 600, 512])
  signedTime(mirror, log, 600, await upload({ start: 512, end: 600, ticket: info.ticket }))
})

test('a start beyond the next entry is told the checkpoint of the ticket', async () => {
  await mirror.advance(log, 0, 600)
  const { ticket } = infoOf(await upload({ start: 0, end: 600, packages: 2 }))
  await mirror.advance(log, 600, 1200)
  const reply = await upload({ start: 600, end: 600, ticket })
  expect([reply.status, infoOf(reply).size, infoOf(reply).next]).toEqual([409, 600, 512])
  signedTime(mirror, log, 600, await upload({ start: 512, end: 600, ticket: infoOf(reply).ticket }))
})

test('when all entries of the ticket are there, whoever starts too early is sent on to the newest checkpoint', async () => {
  const old = 16 * 256
  const size = 35 * 256
  await mirror.advance(log, 0, old)
  const ticket = await ticketNow()
  await mirror.advance(log, old, size)
  expect((await upload({ start: 0, end: size, packages: 34 })).status).toBe(202)
  const reply = await upload({ start: 0, end: old, ticket, packages: 1 })
  expect([reply.status, infoOf(reply).size, infoOf(reply).next]).toEqual([409, size, 34 * 256])
})

test('a checkpoint below the next entry is signed for whoever has its ticket, however far below', async () => {
  await mirror.advance(log, 0, 300)
  const ticket = await ticketNow()
  const size = 35 * 256
  await mirror.advance(log, 300, size)
  expect((await upload({ start: 0, end: size, packages: 34 })).status).toBe(202)
  signedTime(mirror, log, 300, await upload({ start: 300, end: 300, ticket }))
  await expect(checkCopy(mirror, log, 300)).resolves.toBeUndefined()
  signedTime(mirror, log, 300, await upload({ start: 200, end: 300, ticket }))
})

test('a ticket is good at another process, and after a restart', async () => {
  await mirror.advance(log, 0, 600)
  const { ticket } = infoOf(await upload({ start: 0, end: 600, packages: 1 }))
  await mirror.advance(log, 600, 1200)
  const next = await mirror.another()
  const reply = await next.upload(uploadBody(log, { start: 256, end: 600, ticket }))
  signedTime(next, log, 600, reply)
  await expect(checkCopy(next, log, 600)).resolves.toBeUndefined()
  await next.stop()
})

// A log that serves anything at all: a monitor names what is wrong, never fails in another way, and reads no more than it must.
import fc from 'fast-check'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { monitored, witnessPath } from '../support/monitored.ts'
import { entriesUpTo, type StaticLog, staticLog } from '../support/static-log.ts'

let log: StaticLog

beforeEach(async () => {
  log = await staticLog()
})
afterEach(() => log.close())

/** A change of bytes at a place between 0 and 1. */
const change = fc.record({
  kind: fc.constantFrom('flip', 'cut', 'insert', 'replace'),
  at: fc.double({ min: 0, max: 0.999_999, noNaN: true }),
  bytes: fc.uint8Array({ minLength: 1, maxLength: 40 }),
})

function changed(
  bytes: Uint8Array,
  { kind, at, bytes: more }: { kind: string; at: number; bytes: Uint8Array },
): Uint8Array {
  const place = Math.floor(at * bytes.length)
  if (kind === 'flip') return bytes.map((byte, i) => (i === place ? (byte + more[0]! + 1) % 256 : byte))
  if (kind === 'cut') return bytes.slice(0, place)
  if (kind === 'replace') return more
  return Uint8Array.of(...bytes.slice(0, place), ...more, ...bytes.slice(place))
}

test('a checkpoint that was changed in any way is malformed or not signed, and is never remembered', async () => {
  log.publish(entriesUpTo(300))
  const note = log.files.get('checkpoint')!
  const good = monitored(log)
  await good.round()
  await fc.assert(
    fc.asyncProperty(change, async (how) => {
      const bytes = changed(note, how)
      fc.pre(Buffer.compare(bytes, note) !== 0)
      log.files.set('checkpoint', bytes)
      const { violations, failure } = await good.round()
      expect(failure).toBeUndefined()
      expect(violations.map(({ code }) => code)).toEqual([
        expect.stringMatching(/^(checkpoint_malformed|signature_refused)$/),
      ])
      expect(violations[0]!.notes.offered).toEqual(bytes)
      expect((await good.store.load())!.note).toEqual(note)
    }),
    { numRuns: 500 },
  )
})

test('a tile or bundle that was changed in any way is found and never called a fork', async () => {
  log.publish(entriesUpTo(300))
  const before = monitored(log)
  await before.round()
  const remembered = (await before.store.load())!
  log.publish(entriesUpTo(1_000))
  const paths = Array.from(log.files.keys()).filter(
    (path) => path !== 'checkpoint' && !/\.p\/(44|1)$/.test(path),
  )
  expect(paths).toHaveLength(9)
  await fc.assert(
    fc.asyncProperty(fc.constantFrom(...paths), change, async (path, how) => {
      const bytes = log.files.get(path)!
      const broken = changed(bytes, how)
      fc.pre(Buffer.compare(broken, bytes) !== 0)
      log.files.set(path, broken)
      const monitor = monitored(log, { entries: true })
      await monitor.store.save(remembered)
      const { violations, failure } = await monitor.round()
      log.files.set(path, bytes)
      expect(failure).toBeUndefined()
      expect(violations.map(({ code }) => code)).toEqual([
        expect.stringMatching(/^(tile_differs|root_differs|entry_differs)$/),
      ])
    }),
    { numRuns: 300 },
  )
})

test.each([
  ['checkpoint', 'checkpoint_malformed'],
  ['tile/0/001.p/44', 'tile_differs'],
  ['tile/0/000', 'tile_differs'],
])('an endless %s is cut off', async (path, code) => {
  log.publish(entriesUpTo(300))
  let sent = 0
  log.intercept((request, response) => {
    if (request.url !== `/${path}`) return false
    const chunk = Buffer.alloc(65_536)
    const write = (): void => {
      while (!response.destroyed && sent < 1_000_000_000) {
        sent += chunk.length
        if (response.write(chunk)) continue
        response.once('drain', write)
        return
      }
    }
    write()
    return true
  })
  expect(await monitored(log, { entries: true }).codes()).toEqual([code])
  expect(sent).toBeLessThan(20_000_000)
})

test('witnesses and mirrors that serve anything at all are warnings', async () => {
  const other = await staticLog()
  log.publish(entriesUpTo(300))
  other.publish(entriesUpTo(300))
  const note = other.files.get('checkpoint')!
  const monitor = monitored(log, { witnesses: [other.url], mirrors: [other.url] })
  await fc.assert(
    fc.asyncProperty(change, async (how) => {
      const bytes = changed(note, how)
      fc.pre(Buffer.compare(bytes, note) !== 0)
      other.files.set('checkpoint', bytes)
      other.files.set(witnessPath(log.origin), bytes)
      const { violations, warnings, failure } = await monitor.round()
      expect([violations, warnings.length, failure]).toEqual([[], 2, undefined])
    }),
    { numRuns: 200 },
  )
  await other.close()
})

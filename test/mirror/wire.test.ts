import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeUtf8 } from '../../src/core/bytes.ts'
import { byteReader } from '../../src/mirror/byte-reader.ts'
import { readHeader, readPackage } from '../../src/mirror/read-request.ts'
import { openTicket, sealTicket } from '../../src/mirror/ticket.ts'
import { formatHeader, formatMirrorInfo, packageRanges, parseMirrorInfo } from '../../src/mirror/wire.ts'
import { uploadBody, originLog } from '../support/mirror.ts'

const bytes = fc.uint8Array({ maxLength: 100 })
const size = fc.maxSafeNat()

/** A body that comes in pieces of the given sizes. */
async function* pieces(body: Uint8Array, cut: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < body.length; at += cut) yield body.subarray(at, at + cut)
}

function readerOf(body: Uint8Array, cut = 7) {
  return byteReader(pieces(body, cut), new AbortController().signal)
}

test('what a mirror-info says is read back, and only its one spelling', () => {
  fc.assert(
    fc.property(size, size, bytes, (pending, next, ticket) => {
      const text = formatMirrorInfo({ size: pending, next, ticket })
      expect(parseMirrorInfo(encodeUtf8(text))).toEqual({ size: pending, next, ticket })
    }),
  )
  for (const text of [
    '',
    '1\n2\n',
    '1\n2\n\n\n',
    '01\n2\n\n',
    '1\n2\nAA\n',
    '1\n2\n\nx',
    '-1\n2\n\n',
    '1\r\n2\n\n',
  ])
    expect(() => parseMirrorInfo(encodeUtf8(text)), JSON.stringify(text)).toThrow(
      expect.objectContaining({ code: 'invalid_answer' }),
    )
})

test('a header is read as it was written, however the network cuts it', async () => {
  const origin = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 50 })
  await fc.assert(
    fc.asyncProperty(
      origin,
      size,
      size,
      bytes,
      fc.integer({ min: 1, max: 60 }),
      async (name, a, b, ticket, cut) => {
        const header = { origin: name, start: Math.min(a, b), end: Math.max(a, b), ticket }
        expect(await readHeader(readerOf(formatHeader(header), cut))).toEqual(header)
      },
    ),
  )
})

test('the packages of an upload cover it without gaps, and are cut at multiples of 256', () => {
  fc.assert(
    fc.property(fc.nat(5000), fc.nat(5000), (a, b) => {
      const range = { start: Math.min(a, b), end: Math.max(a, b) }
      let at = range.start
      for (const { entries, subtree } of packageRanges(range)) {
        expect(entries.start).toBe(at)
        expect(entries.end).toBeGreaterThan(entries.start)
        expect(subtree).toEqual({ start: at - (at % 256), end: entries.end })
        expect(entries.end % 256 === 0 || entries.end === range.end).toBe(true)
        at = entries.end
      }
      expect(at).toBe(range.end)
    }),
  )
})

describe('a package', () => {
  const log = originLog()
  const header = 2 + log.origin.length + 8 + 8 + 2
  const body = uploadBody(log, { start: 250, end: 300, packages: 1 })

  test('is read whole, or not at all: cut anywhere it is none', async () => {
    for (let cut = header; cut <= body.length; cut++) {
      const reader = readerOf(body.subarray(0, cut), 11)
      await readHeader(reader)
      const sent = await readPackage(reader, 6, () => {})
      const texts = sent?.entries.map((entry) => Buffer.from(entry).toString())
      const whole = ['250', '251', '252', '253', '254', '255']
      expect(texts, `cut at ${cut}`).toEqual(cut < body.length ? undefined : whole)
    }
  })

  test('says how much memory it takes before it takes it', async () => {
    const entry = Buffer.concat([Buffer.of(0xff, 0xff), Buffer.alloc(65_535)])
    const told: number[] = []
    const reading = readPackage(readerOf(entry, 1000), 2, (count) => {
      told.push(count)
      if (count > 60_000) throw new RangeError('too much')
    })
    await expect(reading).rejects.toThrow('too much')
    expect(told).toEqual([65_535])
  })

  test('ends with the body when that is cut off by its deadline', async () => {
    const deadline = new AbortController()
    const stalled = byteReader({ next: () => new Promise(() => {}) }, deadline.signal)
    const reading = readPackage(stalled, 1, () => {})
    deadline.abort()
    expect(await reading).toBeUndefined()
  })
})

test('a ticket opens under its key, for its origin, and only whole', () => {
  const key = new Uint8Array(32).fill(7)
  const note = encodeUtf8('a signed note')
  const ticket = sealTicket(key, 'a.example/log', note)
  expect(openTicket(key, 'a.example/log', ticket)).toEqual(note)
  expect(openTicket(key, 'a.example/lo', ticket)).toBeUndefined()
  expect(openTicket(new Uint8Array(32), 'a.example/log', ticket)).toBeUndefined()
  for (let at = 0; at < ticket.length; at++) {
    const flipped = ticket.slice()
    flipped[at]! ^= 1
    expect(openTicket(key, 'a.example/log', flipped), `bit of byte ${at}`).toBeUndefined()
    expect(openTicket(key, 'a.example/log', ticket.slice(0, at)), `cut at ${at}`).toBeUndefined()
  }
})

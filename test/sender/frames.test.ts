import fc from 'fast-check'
import { expect, test } from 'vitest'
import { encodeFrame, readFrames } from '../../src/sender/frames.ts'

const payloads = fc.array(
  fc.json().map((text) => Buffer.from(text)),
  { minLength: 1, maxLength: 8 },
)

test('records come back as they were written, with their times', () => {
  fc.assert(
    fc.property(payloads, fc.nat(), (written, time) => {
      const file = Buffer.concat(written.map((payload, i) => encodeFrame(payload, time + i)))
      const read = [...readFrames(file, true)]
      expect(read.map((item) => item.payload && Buffer.from(item.payload))).toEqual(written)
      expect(read.map((item) => 'time' in item && item.time)).toEqual(written.map((_, i) => time + i))
    }),
  )
})

test('no damage to one record hides another, and every byte is accounted for', () => {
  fc.assert(
    fc.property(
      payloads,
      fc.nat(),
      fc.uint8Array({ minLength: 1, maxLength: 30 }),
      (written, seed, noise) => {
        const frames = written.map((payload) => encodeFrame(payload, 1))
        const hit = seed % frames.length
        const frame = frames[hit]!
        const before = Buffer.from(frame)
        frame.set(noise.subarray(0, frame.length), seed % Math.max(1, frame.length - noise.length + 1))
        const items = [...readFrames(Buffer.concat(frames), true)]
        const read = items.flatMap((item) => (item.payload ? [Buffer.from(item.payload)] : []))
        const others = written.filter((_, i) => i !== hit || before.equals(frame))
        expect(read).toEqual(others)
        const covered = items.map(({ at, end }) => [at, end])
        expect(
          covered
            .flat()
            .slice(1, -1)
            .filter((_, i) => i % 2 === 0),
        ).toEqual(
          covered
            .flat()
            .slice(2)
            .filter((_, i) => i % 2 === 0),
        )
      },
    ),
  )
})

test('a file that is read in pieces of any size gives the same records', () => {
  fc.assert(
    fc.property(payloads, fc.integer({ min: 600, max: 5_000 }), (written, size) => {
      const file = Buffer.concat(written.map((payload) => encodeFrame(payload.subarray(0, 500), 1)))
      const read: Buffer[] = []
      for (let at = 0; at < file.length;) {
        const piece = file.subarray(at, at + size)
        let end = 0
        for (const item of readFrames(piece, at + piece.length === file.length)) {
          if (item.payload) read.push(Buffer.from(item.payload))
          ;({ end } = item)
        }
        expect(end).toBeGreaterThan(0)
        at += end
      }
      expect(read).toEqual(written.map((payload) => payload.subarray(0, 500)))
    }),
  )
})

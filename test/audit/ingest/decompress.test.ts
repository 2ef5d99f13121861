import { deflateRawSync, deflateSync, gzipSync } from 'node:zlib'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AuditError } from '../../../src/audit/event/errors.ts'
import { decompress } from '../../../src/audit/ingest/decompress.ts'
import { buffersInUse, growthDuring } from '../../support/memory.ts'

const LIMIT = 1_000_000
const text = Buffer.from('an event of some length, and again: '.repeat(2_000))
const hello = Buffer.from('hello hello hello hello hello hello hello\n')

// By zstd 1.5.
const ZSTD = {
  hello: Buffer.from('KLUv/QRYbQAAOGhlbGxvIAoBAEKWInUXyfM=', 'base64'),
  withoutChecksum: Buffer.from('KLUv/QBYbQAAOGhlbGxvIAoBAEKWIg==', 'base64'),
  nothing: Buffer.from('KLUv/SQAAQAAmenYUQ==', 'base64'),
  /** 2^20 zeros, whose frame does not say so. */
  zeros: Buffer.from('KLUv/QRoTAAACAABAPz/ORACAgAQAAIAEAACABAAAgAQAAIAEAACABAAAwAQAPE+FuE=', 'base64'),
}
const skippable = Buffer.from('512a4d1803000000616263', 'hex')

const refused = async (
  body: Uint8Array,
  encoding: string | undefined,
  limit = LIMIT,
): Promise<AuditError> => {
  const error: unknown = await decompress(body, encoding, limit).then(
    () => undefined,
    (reason: unknown) => reason,
  )
  if (error instanceof AuditError) return error
  throw new Error(`not refused with an AuditError: ${String(error)}`)
}

const encodings: [name: string, encoding: string, encode: (body: Uint8Array) => Uint8Array][] = [
  ['gzip', 'gzip', gzipSync],
  ['gzip by its old name', 'x-gzip', gzipSync],
  ['deflate, which is zlib', 'deflate', deflateSync],
  ['deflate as some send it, raw', 'deflate', deflateRawSync],
]

describe.each(encodings)('%s', (_, encoding, encode) => {
  test('what was compressed comes out, up to the very limit', async () => {
    expect(Buffer.from(await decompress(encode(text), encoding, text.length))).toEqual(text)
    expect(await decompress(encode(Buffer.alloc(0)), encoding, LIMIT)).toHaveLength(0)
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 2_000 }), async (bytes) => {
        expect(Buffer.from(await decompress(encode(bytes), encoding, LIMIT))).toEqual(Buffer.from(bytes))
      }),
      { numRuns: 30 },
    )
  })

  test('one byte more than the limit is refused, with the limit named', async () => {
    const error = await refused(encode(text), encoding, text.length - 1)
    expect(error).toMatchObject({ code: 'body_expands', evidence: { limit: text.length - 1 } })
    expect(error.message).toContain(String(text.length - 1))
  })

  test('a body without its end is refused wherever it was cut', async () => {
    const whole = encode(text)
    for (const size of [0, 1, 5, whole.length >> 1, whole.length - 1]) {
      expect((await refused(whole.subarray(0, size), encoding)).code).toBe('invalid_compression')
    }
  })

  test('what follows the end is not dropped without a word', async () => {
    const error = await refused(Buffer.concat([encode(text), Buffer.from('xyz')]), encoding)
    expect(error.code).toBe('invalid_compression')
  })
})

test('gzip: members one after the other are one body', async () => {
  const body = Buffer.concat([gzipSync('one'), gzipSync('two')])
  expect(Buffer.from(await decompress(body, 'gzip', LIMIT)).toString()).toBe('onetwo')
})

test('a bomb costs about the limit, not what it expands to', async () => {
  const bomb = gzipSync(Buffer.alloc(300_000_000))
  const peak = await growthDuring(buffersInUse, async () => {
    expect((await refused(bomb, 'gzip', LIMIT)).code).toBe('body_expands')
  })
  expect(peak).toBeLessThan(100_000_000)
})

test('what there is of the output is told as it grows, and whoever is told may end it', async () => {
  const bomb = gzipSync(Buffer.alloc(8_000_000))
  for (const [body, encoding] of [
    [bomb, 'gzip'],
    [deflateSync(Buffer.alloc(8_000_000)), 'deflate'],
    [ZSTD.zeros, 'zstd'],
  ] as const) {
    const enough = new Error('enough')
    let told = 0
    const decompressing = decompress(body, encoding, 10_000_000, (size) => {
      told = size
      if (size > 500_000) throw enough
    })
    await expect(decompressing).rejects.toBe(enough)
    expect(told).toBeLessThan(2_000_000)
  }
  let last = 0
  const whole = await decompress(bomb, 'gzip', 10_000_000, (size) => {
    expect(size).toBeGreaterThan(last)
    last = size
  })
  expect(last).toBe(whole.length)
})

describe('zstd', () => {
  test('what was compressed comes out, up to the very limit', async () => {
    expect(Buffer.from(await decompress(ZSTD.hello, 'zstd', hello.length))).toEqual(hello)
    expect(Buffer.from(await decompress(ZSTD.withoutChecksum, 'zstd', LIMIT))).toEqual(hello)
    expect(await decompress(ZSTD.nothing, 'zstd', LIMIT)).toHaveLength(0)
    const zeros = Buffer.from(await decompress(ZSTD.zeros, 'zstd', 1_048_576))
    expect(zeros.equals(Buffer.alloc(1_048_576))).toBe(true)
  })

  test('frames one after the other are one body, without those that are to be skipped', async () => {
    const body = Buffer.concat([ZSTD.hello, skippable, ZSTD.nothing, ZSTD.withoutChecksum])
    expect(Buffer.from(await decompress(body, 'zstd', LIMIT))).toEqual(Buffer.concat([hello, hello]))
  })

  test('more than the limit is refused, with the limit named', async () => {
    expect(await refused(ZSTD.hello, 'zstd', hello.length - 1)).toMatchObject({
      code: 'body_expands',
      evidence: { limit: hello.length - 1 },
    })
    expect((await refused(ZSTD.zeros, 'zstd', 1_048_575)).code).toBe('body_expands')
  })

  test('a body without its end is refused wherever it was cut', async () => {
    for (const whole of [
      ZSTD.hello,
      ZSTD.zeros,
      ZSTD.nothing,
      Buffer.concat([ZSTD.hello, skippable]),
      skippable,
    ]) {
      for (let size = 0; size < whole.length; size++) {
        if (size === ZSTD.hello.length) continue
        expect((await refused(whole.subarray(0, size), 'zstd', 2_000_000)).code).toBe('invalid_compression')
      }
    }
  })

  test('what follows the end is not dropped without a word', async () => {
    const body = Buffer.concat([ZSTD.hello, Buffer.from('more of it')])
    expect((await refused(body, 'zstd')).code).toBe('invalid_compression')
  })

  test('damage is found by the checksum', async () => {
    const damaged = Buffer.from(ZSTD.hello)
    damaged[12] = 0x69
    expect((await refused(damaged, 'zstd')).code).toBe('invalid_compression')
  })

  test('no damage throws anything else, and none gets past the limit', async () => {
    const mutated = fc
      .tuple(fc.constantFrom(...Object.values(ZSTD)), fc.nat(), fc.nat(255))
      .map(([whole, at, byte]) => {
        const copy = Buffer.from(whole)
        copy[at % copy.length] = byte
        return copy
      })
    await fc.assert(
      fc.asyncProperty(mutated, async (body) => {
        const result = await decompress(body, 'zstd', 1_000).catch((error: unknown) => error)
        expect(result instanceof Uint8Array ? result.length <= 1_000 : result instanceof AuditError).toBe(
          true,
        )
      }),
      { numRuns: 500 },
    )
  })
})

test('without an encoding the body is as it is, and within the limit too', async () => {
  for (const encoding of [undefined, '', 'identity', 'Identity']) {
    expect(await decompress(text, encoding, text.length)).toBe(text)
    expect((await refused(text, encoding, text.length - 1)).code).toBe('body_expands')
  }
})

test('names of encodings are read without regard to case and space', async () => {
  expect(Buffer.from(await decompress(gzipSync(text), ' GZIP ', LIMIT))).toEqual(text)
})

test.each([
  ['snappy', 'gzip'],
  ['br', 'gzip, deflate, zstd'],
  ['gzip, gzip', 'one content encoding'],
  ['identity, gzip', 'one content encoding'],
  ['compress', 'gzip, deflate, zstd'],
])('%s is refused as unknown here, and the message says what to send', async (encoding, advice) => {
  const error = await refused(gzipSync(text), encoding)
  expect(error.code).toBe('unsupported_encoding')
  expect(error.message).toContain(advice)
})

test('random bytes are refused as what they are', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ minLength: 1, maxLength: 300 }),
      fc.constantFrom('gzip', 'deflate', 'zstd'),
      async (bytes, encoding) => {
        const result = await decompress(bytes, encoding, 10_000).catch((error: unknown) => error)
        expect(result instanceof Uint8Array ? result.length <= 10_000 : result instanceof AuditError).toBe(
          true,
        )
      },
    ),
    { numRuns: 500 },
  )
})

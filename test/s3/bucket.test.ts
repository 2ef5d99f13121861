// What a bucket does when its server does not do its part. What it does with a real one: test/interop/bucket.test.ts.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createGuard } from '../../src/guard/guard.ts'
import { guardBucket } from '../../src/guard/s3.ts'
import { type Bucket, openBucket } from '../../src/s3/bucket.ts'
import { s3Settings } from '../../src/s3/settings.ts'
import { headOf, ORIGIN } from '../guard/heads.ts'

let answers: ((request: IncomingMessage, response: ServerResponse) => void)[] = []
let asked: IncomingMessage[] = []
let server: ReturnType<typeof createServer>
let bucket: Bucket

beforeEach(async () => {
  answers = []
  asked = []
  server = createServer((request, response) => {
    request.resume()
    asked.push(request)
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    answer?.(request, response)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  bucket = openBucket('s3://some-bucket/a/b', settings())
})
afterEach(async () => {
  server.closeAllConnections()
  await new Promise((resolve) => {
    server.close(resolve)
  })
})

function settings(): ReturnType<typeof s3Settings> {
  return s3Settings({
    AWS_ENDPOINT_URL: 'http://unused.example',
    AWS_ENDPOINT_URL_S3: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'the secret',
    AWS_SESSION_TOKEN: 'token',
  })
}

const status =
  (code: number, body = '', headers: Record<string, string> = {}) =>
  (_request: IncomingMessage, response: ServerResponse): void =>
    void response.writeHead(code, headers).end(body)

const body = Buffer.from('bytes')

describe('a bucket', () => {
  test('is asked by path, with a signature over the content and never with the secret', async () => {
    answers = [status(200)]
    await bucket.put('tile/0/x001/067.p/8', body, { cacheControl: 'no-store', contentType: 'text/plain' })
    expect(asked[0]!.url).toBe('/some-bucket/a/b/tile/0/x001/067.p/8')
    expect(asked[0]!.headers).toMatchObject({
      authorization: expect.stringMatching(
        /^AWS4-HMAC-SHA256 Credential=id\/\d{8}\/us-east-1\/s3\/aws4_request/,
      ),
      'x-amz-content-sha256': '277089d91c0bdf4f2e6862ba7e4a07605119431f5d13f726dd352b06f1b206a9',
      'x-amz-security-token': 'token',
      'cache-control': 'no-store',
      'content-type': 'text/plain',
    })
    expect(JSON.stringify(asked[0]!.headers)).not.toContain('the secret')
  })

  test('is asked again when its server is busy or breaks off, but a condition is sent once', async () => {
    const broken = (_request: IncomingMessage, response: ServerResponse): void => void response.destroy()
    answers = [status(503), broken, status(200, 'found', { etag: '"1"' })]
    expect(await bucket.get('key', 10)).toEqual({ bytes: new Uint8Array(Buffer.from('found')), etag: '"1"' })
    answers = [status(500), status(200)]
    await bucket.put('key', body)
    for (const options of [{ ifNone: true }, { ifMatch: '"1"' }]) {
      answers = [status(503), status(200)]
      await expect(bucket.put('key', body, options)).rejects.toMatchObject({ code: 'bucket_unavailable' })
      expect(answers).toHaveLength(1)
    }
  })

  test.each([
    [404, '<Error><Code>NoSuchKey</Code></Error>', 'object_changed'],
    [409, '<Error><Code>ConditionalRequestConflict</Code></Error>', 'object_changed'],
    [412, '<Error><Code>PreconditionFailed</Code></Error>', 'object_changed'],
    [403, '<Error><Code>AccessDenied</Code></Error>', 'bucket_refused'],
    [301, '<Error><Code>PermanentRedirect</Code></Error>', 'bucket_refused'],
    [501, '<Error><Code>NotImplemented</Code></Error>', 'bucket_unavailable'],
  ])('says %i to a condition: %s', async (code, answer, expected) => {
    answers = [status(code, answer, { location: 'http://127.0.0.1:1/' })]
    await expect(bucket.put('key', body, { ifMatch: '"1"' })).rejects.toMatchObject({ code: expected })
    expect(asked).toHaveLength(1)
  })

  test('without the key has nothing, without the bucket is an error', async () => {
    answers = [status(404, '<Error><Code>NoSuchKey</Code></Error>')]
    expect(await bucket.get('key', 10)).toBeUndefined()
    answers = [status(404, '<Error><Code>NoSuchBucket</Code></Error>')]
    await expect(bucket.get('key', 10)).rejects.toMatchObject({ code: 'bucket_refused' })
    await expect(bucket.put('key', body)).rejects.toMatchObject({ code: 'bucket_refused' })
  })

  test('is not read from a server that names no content: a condition on an empty name would be none', async () => {
    answers = [status(200, 'found')]
    await expect(bucket.get('key', 10)).rejects.toMatchObject({ code: 'bucket_refused' })
  })

  test('is read no further than asked', async () => {
    let sent = 0
    answers = [
      (_request, response) => {
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536))) sent += 65_536
          if (!response.destroyed) response.once('drain', more)
        }
        more()
      },
    ]
    await expect(bucket.get('key', 100_000)).rejects.toMatchObject({ code: 'object_too_large' })
    expect(sent).toBeLessThan(100 * 2 ** 20)
  })

  test.each(['s3://', 's3://x', 's3://Bucket', 's3://bucket/../other', 's3://bucket/a?b', 'https://bucket'])(
    'is not %s',
    (address) => {
      expect(() => openBucket(address, settings())).toThrow(
        expect.objectContaining({ code: 'bucket_unusable' }),
      )
    },
  )

  test('needs keys, and an address that can be one', () => {
    const keyless = { ...settings(), secretAccessKey: undefined }
    expect(() => openBucket('s3://bucket', keyless)).toThrow('AWS_SECRET_ACCESS_KEY')
    const nowhere = { ...settings(), endpoint: 'somewhere' }
    expect(() => openBucket('s3://bucket', nowhere)).toThrow('not an http(s) address')
  })
})

describe('a guard in a bucket', () => {
  test('is refused where the server ignores conditions', async () => {
    answers = [(request, response) => void response.writeHead(request.method === 'PUT' ? 200 : 404).end()]
    await expect(
      createGuard(guardBucket(bucket)).move(ORIGIN, undefined, await headOf(1)),
    ).rejects.toMatchObject({
      code: 'log_halted',
      message: expect.stringContaining('cannot be a guard'),
    })
  })

  test('that cannot be asked answers nothing', async () => {
    answers = [status(403, '<Error><Code>AccessDenied</Code></Error>')]
    const guard = createGuard(guardBucket(bucket))
    await expect(guard.read(ORIGIN)).rejects.toMatchObject({ code: 'guard_unavailable' })
    await expect(guard.move(ORIGIN, undefined, await headOf(1))).rejects.toMatchObject({
      code: 'guard_unavailable',
    })
    await expect(guard.halt(ORIGIN, 'why')).rejects.toMatchObject({ code: 'guard_unavailable' })
  })
})

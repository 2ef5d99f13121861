import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Client, ClientError, createClient } from '../../src/client/index.ts'
import { parseBundle } from '../../src/core/bundle.ts'
import { decodeUtf8, encodeUtf8, toBase64 } from '../../src/core/bytes.ts'
import { hashLeaf } from '../../src/core/hash.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import { entriesUpTo, SEED } from '../support/static-log.ts'

const VKEY = vkeyOf(generateSkey('log.example/append', 0x01, SEED))

type Answer = (request: IncomingMessage, body: Uint8Array, response: ServerResponse) => void

let server: Server
let stored: string[]
let bodies: number
let pauses: number[]
/** Answers of the next requests; afterwards the log answers as it should. */
let next: Answer[]

beforeEach(async () => {
  stored = []
  bodies = 0
  pauses = []
  next = []
  server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => (next.shift() ?? store)(request, new Uint8Array(Buffer.concat(chunks)), response))
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
})
afterEach(
  () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    }),
)

/** A log with deduplication, as src/http/append-routes.ts answers. */
const store: Answer = (request, body, response) => {
  bodies++
  const many = request.headers['content-type'] === 'application/vnd.prooflog.bundle'
  const entries = many ? parseBundle(body, { maxEntries: 8_192 }) : [body]
  let duplicates = 0
  const indexes = entries.map((entry) => {
    const known = stored.indexOf(decodeUtf8(entry))
    if (known >= 0) duplicates++
    return known >= 0 ? known : stored.push(decodeUtf8(entry)) - 1
  })
  const consecutive = indexes.every((index, i) => index === indexes[0]! + i)
  const batch = {
    count: entries.length,
    duplicates,
    ...(consecutive ? { first_index: indexes[0] } : { indexes }),
  }
  const one = { index: indexes[0], leaf_hash: toBase64(hashLeaf(body)), duplicate: duplicates > 0 }
  response.end(JSON.stringify(many ? batch : one))
}

/** Stores, and then loses the answer. */
const storeAndHangUp: Answer = (request, body, response) => {
  store(request, body, { end: () => response.destroy() } as unknown as ServerResponse)
}

function refuse(status: number, headers: Record<string, string> = {}, body = '{}'): Answer {
  return (_request, _body, response) => void response.writeHead(status, headers).end(body)
}

function client(retries = 5): Client {
  const { port } = server.address() as AddressInfo
  return createClient({
    url: `http://127.0.0.1:${port}`,
    vkeys: [VKEY],
    retries,
    pause: (ms) => (pauses.push(ms), Promise.resolve()),
  })
}

async function indexesOf(
  entries: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  options = {},
): Promise<number[]> {
  const indexes: number[] = []
  for await (const receipt of client().appendMany(entries, options)) indexes.push(...receipt.indexes)
  return indexes
}

test('an appended entry has an index, and the same bytes get the same one', async () => {
  expect(await client().append('a')).toMatchObject({ index: 0, duplicate: false })
  expect(await client().append(encodeUtf8('b'))).toMatchObject({ index: 1, duplicate: false })
  expect(await client().append('a')).toMatchObject({ index: 0, duplicate: true })
})

test('an entry whose acknowledgement was lost is sent again and stored once', async () => {
  next = [storeAndHangUp]
  expect(await client().append('a')).toMatchObject({ index: 0, duplicate: true })
  expect(stored).toEqual(['a'])
})

test('an overloaded log is asked again when it says, and nothing is lost', async () => {
  next = [refuse(503, { 'retry-after': '7' }), refuse(429), refuse(502)]
  expect((await client().append('a')).index).toBe(0)
  expect(pauses[0]).toBe(7_000)
  expect(pauses).toHaveLength(3)
})

test('after its retries the client gives up with a code to act on', async () => {
  next = [refuse(503), refuse(503), refuse(503)]
  await expect(client(2).append('a')).rejects.toMatchObject({
    code: 'unavailable',
    evidence: { status: 503 },
  })
})

test.each([
  [401, 'key_unknown'],
  [403, 'insufficient_scope'],
  [413, 'entry_too_large'],
])('a refusal (%i) is not repeated, and carries the code of the server', async (status, problem) => {
  next = [refuse(status, {}, JSON.stringify({ code: problem, detail: 'why' }))]
  await expect(client().append('a')).rejects.toMatchObject({ code: 'refused', evidence: { status, problem } })
  expect(pauses).toEqual([])
})

test('an acknowledgement for other bytes is refused', async () => {
  next = [(request, _body, response) => store(request, encodeUtf8('other'), response)]
  await expect(client().append('a')).rejects.toMatchObject({ code: 'bad_answer' })
})

test.each(['', 'not json', '[]', '{"index":-1}', '{"index":1.5,"leaf_hash":"","duplicate":false}'])(
  'an answer that is no receipt is refused: %s',
  async (body) => {
    next = [refuse(200, {}, body)]
    await expect(client().append('a')).rejects.toMatchObject({ code: 'bad_answer' })
  },
)

test('many entries keep their order, in batches', async () => {
  expect(await indexesOf(entriesUpTo(1000), { batch: 64 })).toEqual(entriesUpTo(1000).map((_, i) => i))
  expect(stored).toEqual(entriesUpTo(1000).map(decodeUtf8))
  expect(bodies).toBe(16)
})

test('receipts come in the order of the entries, even when batches overtake each other', async () => {
  const entries = entriesUpTo(300)
  const indexes = await indexesOf(entries, { batch: 10, window: 8 })
  expect(indexes.map((index) => stored[index])).toEqual(entries.map(decodeUtf8))
})

test('duplicates inside a batch point to their first place', async () => {
  const entries = ['a', 'b', 'a', 'c'].map(encodeUtf8)
  expect(await indexesOf(entries)).toEqual([0, 1, 0, 2])
})

test('a batch whose acknowledgement was lost is stored once', async () => {
  next = [store, storeAndHangUp]
  expect(await indexesOf(entriesUpTo(30), { batch: 10 })).toEqual(entriesUpTo(30).map((_, i) => i))
  expect(stored).toHaveLength(30)
})

test('entries of a slow source are sent before the batch is full', async () => {
  let release = (): void => undefined
  const gate = new Promise<void>((resolve) => {
    release = resolve
  })
  async function* slow(): AsyncGenerator<Uint8Array> {
    yield encodeUtf8('first')
    await gate
    yield encodeUtf8('second')
  }
  const receipts = client().appendMany(slow())
  expect((await receipts.next()).value).toEqual({ indexes: [0], duplicates: 0 })
  expect(stored).toEqual(['first'])
  release()
  expect((await receipts.next()).value).toEqual({ indexes: [1], duplicates: 0 })
  expect((await receipts.next()).done).toBe(true)
})

test('an entry too large is refused before it is sent, by its position', async () => {
  const entries = [encodeUtf8('fine'), new Uint8Array(65_536)]
  await expect(indexesOf(entries)).rejects.toMatchObject({ code: 'entry_too_large', evidence: { entry: 1 } })
  expect(await indexesOf([new Uint8Array(65_535), new Uint8Array()])).toEqual([0, 1])
})

test('an acknowledgement for fewer entries than sent is refused', async () => {
  next = [refuse(200, {}, '{"count":2,"duplicates":0,"first_index":0}')]
  await expect(indexesOf(entriesUpTo(3))).rejects.toMatchObject({ code: 'bad_answer' })
})

test('a server that is not there is reported as such', async () => {
  const { port } = server.address() as AddressInfo
  await new Promise((resolve) => server.close(resolve))
  const gone = createClient({ url: `http://127.0.0.1:${port}`, vkeys: [VKEY], retries: 0 })
  await expect(gone.append('a')).rejects.toBeInstanceOf(ClientError)
  await expect(gone.append('a')).rejects.toMatchObject({ code: 'unreachable' })
})

test.each(['ftp://example.com', 'example.com', 'http://example.com/?a=b'])(
  '%s is not the address of a log',
  (url) => {
    expect(() => createClient({ url, vkeys: [VKEY] })).toThrow(
      expect.objectContaining({ code: 'invalid_url' }),
    )
  },
)

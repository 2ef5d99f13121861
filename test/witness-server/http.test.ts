import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { connect as connectSocket } from 'node:net'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { concat, encodeUtf8 } from '../../src/core/bytes.ts'
import { openNote } from '../../src/core/note.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { createRateLimit } from '../../src/witness/rate-limit.ts'
import { mutate } from '../support/note-vectors.ts'
import { signedTree } from '../support/signed-tree.ts'
import { testWitness, type TestWitness } from '../support/witness.ts'

const tree = signedTree('log.example/http')
const quiet = signedTree('log.example/quiet')
let witness: TestWitness

beforeAll(async () => {
  witness = await testWitness([...tree.listed, ...quiet.listed])
  await witness.post(await tree.advance(0, 5))
})
afterAll(() => witness.remove())

function pathOf(origin: string): string {
  return `/${createHash('sha256').update(origin).digest('hex')}/checkpoint`
}

describe('the monitoring endpoint', () => {
  test('serves the newest checkpoint with the signatures of the log and of the witness', async () => {
    for (const [from, to] of [
      [5, 5],
      [5, 9],
    ] as const) {
      const { text: lines } = await witness.post(await tree.advance(from, to))
      const answer = await witness.get(pathOf(tree.origin))
      expect(answer.status).toBe(200)
      expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
      expect(answer.text).toBe(Buffer.from(concat(await tree.checkpoint(to), encodeUtf8(lines))).toString())
      const verifiers = [...tree.vkeys, ...witness.vkeys].map(verifierOf)
      expect(openNote(encodeUtf8(answer.text), verifiers).verified).toHaveLength(3)
    }
  })

  test('is 404 for what was never cosigned, is not known, or is spelled otherwise', async () => {
    for (const path of [
      pathOf(quiet.origin),
      pathOf('log.example/unknown'),
      pathOf(tree.origin).toUpperCase().replace('CHECKPOINT', 'checkpoint'),
      '/abc/checkpoint',
    ])
      expect((await witness.get(path)).status, path).toBe(404)
  })
})

test('/ says who the witness is', async () => {
  const { name, vkeys } = witness
  expect(JSON.parse((await witness.get('/')).text)).toEqual({ name, vkeys, logs: 2, sign_subtree: true })
})

test('/healthz, /readyz and /metrics', async () => {
  expect((await witness.get('/healthz')).text).toBe('ok\n')
  expect((await witness.get('/readyz')).text).toBe('ready\n')
  const { text } = await witness.get('/metrics')
  expect(text).toContain('prooflog_witness_logs 2')
  expect(text).toMatch(
    /prooflog_witness_request_seconds_count\{route="\/add-checkpoint",status="200"\} [1-9]/,
  )
})

test('any page may ask: CORS on every answer, and OPTIONS is 204', async () => {
  for (const path of ['/add-checkpoint', '/sign-subtree']) {
    const asked = await fetch(witness.url + path, { method: 'OPTIONS' })
    expect(asked.status).toBe(204)
    expect(asked.headers.get('access-control-allow-origin')).toBe('*')
    expect(asked.headers.get('access-control-allow-methods')).toContain('POST')
    expect((await witness.post('nonsense', path)).headers.get('access-control-allow-origin')).toBe('*')
    const got = await fetch(witness.url + path)
    expect([got.status, got.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
  }
  expect((await witness.get(pathOf(tree.origin))).headers.get('access-control-allow-origin')).toBe('*')
})

describe('a body beyond 128 KiB is 413', () => {
  test('before any of it is sent, when its length is told', async () => {
    const { hostname, port } = new URL(witness.url)
    const socket = connectSocket(Number(port), hostname)
    await once(socket, 'connect')
    socket.write('POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nContent-Length: 131073\r\n\r\n')
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toContain('HTTP/1.1 413')
    socket.destroy()
  })

  test('as soon as it is passed, when it is not', async () => {
    const { hostname, port } = new URL(witness.url)
    const socket = connectSocket(Number(port), hostname)
    await once(socket, 'connect')
    socket.on('error', () => {})
    socket.write('POST /add-checkpoint HTTP/1.1\r\nHost: w\r\nTransfer-Encoding: chunked\r\n\r\n')
    const chunk = `4000\r\n${'x'.repeat(0x4000)}\r\n`
    for (let i = 0; i < 9; i++) socket.write(chunk) // and the end never comes
    const [answer] = (await once(socket, 'data')) as [Buffer]
    expect(answer.toString()).toContain('HTTP/1.1 413')
    socket.destroy()
  })

  test('and one of 128 KiB is read', async () => {
    const answer = await witness.post(`old 5\n\n${tree.origin}\n${'x'.repeat(100_000)}`)
    expect(answer.status).toBe(400)
  })

  test('a compressed body is not unpacked: 415', async () => {
    const headers = { 'content-encoding': 'gzip' }
    const answer = await fetch(`${witness.url}/add-checkpoint`, { method: 'POST', headers, body: 'x' })
    expect(answer.status).toBe(415)
  })
})

describe('a log that asks too often', () => {
  test('is told to come later, in whole seconds, and others are not; its signatures are not looked at', async () => {
    const slow = await testWitness([...tree.listed, ...quiet.listed], { rate: 1, mlDsa: false })
    const answers = []
    const forged = `old 0\n\n${tree.origin}\nwhatever`
    for (let i = 0; i < 6; i++) answers.push(await slow.post(forged))
    expect(answers.map(({ status }) => status)).toEqual([400, 400, 400, 400, 429, 429])
    expect(answers.at(-1)?.headers.get('retry-after')).toMatch(/^[1-9][0-9]*$/)
    expect((await slow.post(await quiet.advance(0, 1))).status).toBe(200)
    await slow.remove()
  })

  test('has its rate back with time', () => {
    let now = 0
    const limit = createRateLimit(2, () => now)
    const codes = (times: number): number =>
      Array.from({ length: times }, () => {
        try {
          limit('a')
          return 1
        } catch {
          return 0
        }
      }).reduce<number>((sum, one) => sum + one, 0)
    expect(codes(10)).toBe(4)
    now = 500
    expect(codes(10)).toBe(1)
    now = 100_000
    expect(codes(10)).toBe(4)
  })
})

describe('whatever is sent', () => {
  const ANSWERS = [200, 400, 403, 404, 409, 422]
  const FRACTION = fc.double({ min: 0, max: 1, noNaN: true })

  test('to add-checkpoint gets a status of the protocol, and cosigns nothing but the log', async () => {
    const right = await tree.advance(9, 12)
    await fc.assert(
      fc.asyncProperty(fc.nat(2), FRACTION, fc.nat(255), async (how, at, value) => {
        const body = mutate(right, how, at, value)
        const { status, text } = await witness.post(body)
        expect(ANSWERS).toContain(status)
        const cosigned = /^(— witness\.example\/w1 \S+\n){2}$/.test(text)
        expect(cosigned).toBe(status === 200)
      }),
      { numRuns: 300 },
    )
  })

  test('to sign-subtree gets a status of the protocol', async () => {
    const { text } = await witness.get(pathOf(tree.origin))
    const { root, proof } = tree.subtree(0, 4, 9)
    const right = encodeUtf8(
      `subtree 0 4\n${[root, ...proof].map((hash) => Buffer.from(hash).toString('base64')).join('\n')}\n\n${text}`,
    )
    await fc.assert(
      fc.asyncProperty(fc.nat(2), FRACTION, fc.nat(255), async (how, at, value) => {
        const { status } = await witness.post(mutate(right, how, at, value), '/sign-subtree')
        expect(ANSWERS).toContain(status)
      }),
      { numRuns: 150 },
    )
  })

  test('bytes of no form at all are 400', async () => {
    await fc.assert(
      fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (body) => {
        expect([400, 404]).toContain((await witness.post(body)).status)
        expect([400, 404]).toContain((await witness.post(body, '/sign-subtree')).status)
      }),
      { numRuns: 100 },
    )
  })
})

test('while the database is away: 503 with Retry-After, and /readyz says so', async () => {
  const lost = await testWitness(quiet.listed, { mlDsa: false })
  await lost.database.owner.unsafe('ALTER TABLE witness.heads RENAME TO gone')
  const answer = await lost.post(await quiet.advance(0, 1))
  expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
  await lost.database.owner.unsafe('ALTER TABLE witness.gone RENAME TO heads')
  expect((await lost.post(await quiet.advance(0, 1))).status).toBe(200)
  await lost.remove()
})

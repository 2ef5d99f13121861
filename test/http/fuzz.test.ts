// Whatever is sent, the answer is a documented one: success or a problem from the table, never 500, never a stack.
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { FormatError } from '../../src/core/errors.ts'
import { guardedRoutes } from '../../src/http/app.ts'
import { HttpError } from '../../src/http/errors.ts'
import { problemCodesOf } from '../../src/http/openapi.ts'
import { parseBundleBody, parseJsonEntry, parseLines } from '../../src/http/parse-entries.ts'
import { PROBLEMS } from '../../src/http/problem.ts'
import { hashOf, numberOf } from '../../src/http/query.ts'
import { routeName } from '../../src/http/route.ts'
import { type TestApp, testApp } from '../support/http-app.ts'

let t: TestApp
beforeAll(async () => {
  t = await testApp()
})

const number = fc.oneof(
  fc.maxSafeNat().map(String),
  fc.nat(310).map(String),
  fc.constantFrom('', '-1', '00', '1e3', '256', '300', '9007199254740991', '9007199254740992', '0x1', '1 '),
)
const hash = fc.oneof(
  fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes).toString('hex')),
  fc.uint8Array({ minLength: 31, maxLength: 33 }).map((bytes) => Buffer.from(bytes).toString('base64')),
)
const anything = fc.oneof(
  number,
  hash,
  fc.string({ unit: 'binary' }),
  fc.string(),
  fc.constantFrom('published', '__proto__', '\0', '%', '..', 'null'),
)
const logName = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom('private', 'open') },
  { weight: 1, arbitrary: anything },
)
const tile = fc.oneof(
  fc
    .tuple(fc.nat(3), fc.nat(3), fc.option(fc.nat(257)))
    .map(([l, n, w]) => `${l}/00${n}${w === null ? '' : `.p/${w}`}`),
  fc
    .array(fc.constantFrom('0', '1', 'x000', '000', '001.p', '44', 'entries', '.', '..', '', 'p'))
    .map((parts) => parts.join('/')),
)
const parameter = fc.tuple(
  fc.oneof(
    fc.constantFrom(
      'index',
      'hash',
      'size',
      'from',
      'to',
      'start',
      'end',
      'limit',
      'before',
      'leaf_hash',
      'wait',
      'timeout',
    ),
    fc.string(),
  ),
  anything,
)
const body = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.json().map((text) => Buffer.from(text)),
  fc.array(fc.json()).map((lines) => Buffer.from(lines.join('\n'))),
  fc
    .array(fc.record({ entry: fc.base64String() }))
    .map((lines) => Buffer.from(lines.map((line) => JSON.stringify(line)).join('\n'))),
  fc
    .record({
      name: anything,
      scopes: fc.array(fc.constantFrom('entries:read', 'x')),
      logs: fc.option(fc.array(anything)),
      expires_at: anything,
    })
    .map((value) => Buffer.from(JSON.stringify(value))),
)
const headers = fc.record(
  {
    authorization: fc.constantFrom(
      'Bearer all',
      'Bearer all',
      'Bearer all',
      'Bearer down',
      'Bearer x',
      'Basic eDp5',
      'Bearer',
    ),
    'content-type': fc.constantFrom(
      'application/octet-stream',
      'application/json',
      'application/x-ndjson',
      'application/vnd.prooflog.bundle',
      'text/plain',
    ),
    accept: fc.constantFrom('application/json', 'application/x-ndjson', '*/*', 'x'),
    'content-length': fc.oneof(number, fc.constant('x')).filter((text) => /^\S*$/.test(text)),
    'content-encoding': fc.constantFrom('gzip', 'identity'),
    range: fc.constant('bytes=0-1'),
  },
  { requiredKeys: [] },
)

test('any request to any route gets an answer that is documented for it', async () => {
  const guarded = guardedRoutes(t.deps)
  const request = fc.record({
    guarded: fc.constantFrom(...guarded),
    log: logName,
    tile,
    any: anything,
    query: fc.array(parameter, { maxLength: 3 }),
    body,
    headers,
  })
  let served = 0
  await fc.assert(
    fc.asyncProperty(
      request,
      async ({ guarded: { route }, log, tile: tilePath, any, query, body: bytes, headers: sent }) => {
        const path = route.path
          .replace(':log', () => encodeURIComponent(log))
          .replace(/:(tile|bundle)\{\.\+\}/, () => tilePath || 'x')
          .replace(/:(index|id)/, () => encodeURIComponent(any) || '0')
        const search = query
          .map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`)
          .join('&')
        const response = await t.app.request(`${path}${search && `?${search}`}`, {
          method: route.method,
          headers: sent,
          ...(route.method === 'POST' ? { body: new Uint8Array(bytes) } : {}),
        })
        // The line says which route answered: dot segments and tile paths may lead to another one.
        const answering = guarded.find(
          (one) => routeName(one.route) === `${route.method} ${String(t.lines.at(-1)!['route'])}`,
        )
        const allowed =
          answering === undefined
            ? ['not_found', 'method_not_allowed']
            : ['served', ...problemCodesOf(answering.route, answering.access)]
        const { code, text } = await outcomeOf(response)
        expect(allowed, `${routeName(route)} ${path} ${text}`).toContain(code)
        expect(code).not.toBe('unavailable')
        expect(text).not.toMatch(/\n\s+at |\.ts:\d|node_modules/)
        if (code === 'served') served++
      },
    ),
    { numRuns: 3000 },
  )
  expect(served, 'the fuzzer must get through now and then').toBeGreaterThan(300)
})

async function outcomeOf(response: Response): Promise<{ code: string; text: string }> {
  const text = await response.text()
  if (response.ok) return { code: 'served', text }
  const problem = JSON.parse(text) as { code: keyof typeof PROBLEMS; status: number }
  expect(response.headers.get('content-type')).toBe('application/problem+json')
  expect([problem.status, PROBLEMS[problem.code].status]).toEqual([response.status, response.status])
  return { code: problem.code, text }
}

test('any path and method gets an answer', async () => {
  const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS')
  await fc.assert(
    fc.asyncProperty(method, fc.webPath(), async (verb, path) => {
      const response = await t.app.request(path || '/', { method: verb })
      expect([200, 204, 400, 401, 404, 405]).toContain(response.status)
    }),
    { numRuns: 1000 },
  )
})

test.each([
  ['lines', (bytes: Uint8Array) => parseLines(bytes)],
  ['a JSON entry', (bytes: Uint8Array) => parseJsonEntry(bytes)],
  ['a bundle', (bytes: Uint8Array) => parseBundleBody(bytes)],
  ['a number', (bytes: Uint8Array) => numberOf('n', Buffer.from(bytes).toString())],
  ['a hash', (bytes: Uint8Array) => hashOf('h', Buffer.from(bytes).toString())],
])(
  'the parser of %s reads any bytes or refuses them with HttpError, and repeats none of them',
  (_, parse) => {
    fc.assert(
      fc.property(body, (bytes) => {
        const error = thrownBy(() => parse(bytes))
        expect(error === undefined || error instanceof HttpError).toBe(true)
        expect(error).not.toBeInstanceOf(FormatError)
      }),
      { numRuns: 2000 },
    )
  },
)

test('what is sent as lines or as a bundle is what is stored', () => {
  const entries = fc.array(fc.uint8Array({ maxLength: 40 }), { minLength: 1, maxLength: 20 })
  fc.assert(
    fc.property(entries, (wanted) => {
      const lines = wanted
        .map((entry) => JSON.stringify({ entry: Buffer.from(entry).toString('base64') }))
        .join('\n')
      expect(parseLines(Buffer.from(lines)).map((entry) => [...entry])).toEqual(
        wanted.map((entry) => [...entry]),
      )
      const bundle = wanted.flatMap((entry) => [Math.floor(entry.length / 256), entry.length % 256, ...entry])
      expect(parseBundleBody(Uint8Array.from(bundle)).map((entry) => [...entry])).toEqual(
        wanted.map((entry) => [...entry]),
      )
    }),
  )
})

function thrownBy(work: () => unknown): unknown {
  try {
    work()
    return undefined
  } catch (error) {
    return error
  }
}

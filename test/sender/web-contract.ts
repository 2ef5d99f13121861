// What a middleware promises, whatever the framework: run by each of them with a real server.
import { request } from 'node:http'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type RequestAuditOptions, type Sender, SenderError, type Who } from '../../src/sender/index.ts'
import { type Fixture, fixture } from './fixture.ts'

export interface WebServer {
  readonly url: string
  close(): Promise<void>
}

/** Made by each framework from the same handlers. */
export interface Handlers {
  /** GET /users/:id answers 200 {"ok":true} with a header `x-made: yes` and a cookie. */
  readonly user: () => void
  /** GET /stream answers in three pieces, with pauses of 30 ms. */
  readonly pieces: readonly string[]
  // GET /throws throws an Error; GET /missing has no route; GET /denied answers 403; POST /users answers 201; GET /healthz 200.
}

export type Build = (
  sender: Sender,
  options: Pick<RequestAuditOptions<never>, 'proxies'> & {
    readonly actor?: () => Who | Promise<Who>
    readonly skipHealth?: boolean
    readonly pattern?: string
    readonly action?: string
  },
  handlers: Handlers,
) => Promise<WebServer>

export function webContract(name: string, build: Build): void {
  describe(`${name}`, () => {
    let at: Fixture
    let server: WebServer | undefined
    let ran: number
    const handlers = { user: () => void ran++, pieces: ['one ', 'two ', 'three'] }
    beforeEach(async () => {
      at = await fixture()
      ran = 0
    })
    afterEach(async () => {
      await server?.close()
      server = undefined
      await at.end()
    })

    async function start(sender: Sender, options: Parameters<Build>[1] = {}): Promise<string> {
      server = await build(sender, options, handlers)
      return server.url
    }
    /** Events that were recorded, in the order in which they arrived, once there are so many. */
    async function events(sender: Sender, count: number): Promise<Record<string, never>[]> {
      for (let tries = 0; tries < 2_000 && at.receiver.taken.length < count; tries++) {
        await sender.deliver()
        await sleep(10)
      }
      return at.receiver.taken.map(({ event }) => event as Record<string, never>)
    }

    for (const whenFull of ['refuse', 'drop-newest'] as const) {
      describe(`${whenFull}`, () => {
        test('a request is recorded with what it was, and nothing of what it carried', async () => {
          const sender = await at.sender({ whenFull })
          const actor = (): Who => ({ id: 'u1', name: 'Ada', session: 's1' })
          const url = await start(sender, { actor })
          const trace = '0af7651916cd43dd8448eb211c80319c'
          const answer = await fetch(`${url}/users/7?verbose=1&x=?`, {
            headers: {
              'user-agent': 'test/1',
              authorization: 'Bearer hidden',
              cookie: 'hidden=1',
              traceparent: `00-${trace}-b7ad6b7169203331-01`,
              'x-forwarded-for': '203.0.113.9',
            },
          })
          expect(answer.status).toBe(200)
          expect(answer.headers.get('x-made')).toBe('yes')
          expect(await answer.json()).toEqual({ ok: true })
          await fetch(`${url}/users`, {
            method: 'POST',
            body: 'hidden',
            headers: { 'content-type': 'text/plain' },
          })
          const [get, post] = await events(sender, 2)
          expect(get).toMatchObject({
            action: 'http.get',
            outcome: 'success',
            actor: { id: 'u1', name: 'Ada' },
            auth: { session_id: 's1' },
            src: { ip: '127.0.0.1' },
            http: {
              method: 'GET',
              path: '/users/7',
              query: 'verbose=1&x=?',
              status: 200,
              user_agent: 'test/1',
              host: new URL(url).host,
            },
            trace_id: trace,
            span_id: 'b7ad6b7169203331',
            extra: { duration_ms: expect.any(Number) },
          })
          expect(post).toMatchObject({ action: 'http.post', http: { path: '/users', status: 201 } })
          expect(JSON.stringify(at.receiver.taken)).not.toContain('hidden')
          expect(at.problems).toEqual([])
        })

        test('what fails is recorded as failure: refusals, missing routes, handlers that throw', async () => {
          const sender = await at.sender({ whenFull })
          const url = await start(sender)
          expect((await fetch(`${url}/denied`)).status).toBe(403)
          expect((await fetch(`${url}/missing`)).status).toBe(404)
          expect((await fetch(`${url}/throws`)).status).toBe(500)
          const found = await events(sender, 3)
          expect(found.map(({ outcome }) => outcome)).toEqual(['failure', 'failure', 'failure'])
          expect(found.map(({ http }) => http?.['status'])).toEqual([403, 404, 500])
        })

        test('a streamed answer arrives whole', async () => {
          const sender = await at.sender({ whenFull })
          const url = await start(sender)
          expect(await (await fetch(`${url}/stream`)).text()).toBe(handlers.pieces.join(''))
          expect(await events(sender, 1)).toMatchObject([{ outcome: 'success', http: { status: 200 } }])
        })

        test('options: skip, a name and a pattern instead of the path, the client behind our proxies', async () => {
          const sender = await at.sender({ whenFull })
          const url = await start(sender, {
            skipHealth: true,
            pattern: '/users/:id',
            action: 'user.read',
            proxies: 1,
          })
          await fetch(`${url}/healthz`)
          await fetch(`${url}/users/7`, { headers: { 'x-forwarded-for': '198.51.100.1, 203.0.113.9' } })
          const found = await events(sender, 1)
          await sleep(50)
          expect(at.receiver.taken).toHaveLength(1)
          expect(found).toMatchObject([
            { action: 'user.read', http: { path: '/users/:id' }, src: { ip: '203.0.113.9' } },
          ])
        })

        test('a client that goes away is recorded with what its request did', async () => {
          const sender = await at.sender({ whenFull })
          const url = await start(sender)
          await new Promise<void>((resolve) => {
            const gone = request(`${url}/stream`, (response) => {
              response.once('data', () => gone.destroy())
            })
            gone.on('close', resolve).on('error', () => undefined)
            gone.end()
          })
          expect(await events(sender, 1)).toMatchObject([{ outcome: 'success', http: { path: '/stream' } }])
        })
      })
    }

    test('refuse: no answer leaves before its event is on disk', async () => {
      const sender = await at.sender()
      at.receiver.behave = () => ({ status: 503 })
      const url = await start(sender)
      for (let n = 1; n <= 20; n++) {
        await fetch(`${url}/users/7`)
        expect(sender.status().waiting).toBe(n)
      }
    })

    test('refuse: without room for its event, a request is answered 503 and its handler does not run', async () => {
      at.receiver.behave = () => ({ status: 503, headers: { 'retry-after': '60' } })
      const sender = await at.sender({ maxBytes: 1_048_576 })
      const url = await start(sender)
      const large = { action: 'fill', outcome: 'success', params: 'x'.repeat(250_000) } as const
      for (let n = 0; n < 4; n++) await sender.audit(large)
      await sender.audit({ ...large, params: 'x'.repeat(30_000) })
      const answer = await fetch(`${url}/users/7`)
      expect(answer.status).toBe(503)
      expect(answer.headers.get('retry-after')).toBe('5')
      expect(await answer.json()).toMatchObject({ code: 'audit_unavailable' })
      expect(ran).toBe(0)
      expect(at.problems.at(-1)).toMatchObject({ code: 'not_recorded', evidence: { reason: 'spool_full' } })
    })

    test('refuse: an answer whose event cannot be recorded is replaced by 503, headers, cookies and all', async () => {
      const real = await at.sender()
      const fault = new SenderError('spool_unavailable', 'a fault of the disk')
      const room = { audit: () => Promise.reject(fault), release: () => undefined }
      const url = await start({ ...real, reserve: () => Promise.resolve(room) })
      for (const path of ['/users/7', '/stream']) {
        const answer = await fetch(`${url}${path}`)
        expect(answer.status).toBe(503)
        expect(answer.headers.get('content-type')).toBe('application/problem+json')
        expect(answer.headers.get('x-made')).toBe(null)
        expect(answer.headers.get('set-cookie')).toBe(null)
        expect(await answer.json()).toMatchObject({ code: 'audit_unavailable' })
        expect(at.problems.at(-1)).toMatchObject({
          code: 'not_recorded',
          evidence: { reason: 'spool_unavailable' },
        })
      }
      expect(ran).toBe(1) // it is honest about that: the handler ran
      await sleep(150) // the stream of the second goes on, and harms nobody
    })

    test('refuse: an actor() that throws is no record', async () => {
      const sender = await at.sender()
      const url = await start(sender, {
        actor: () => {
          throw new Error('no session')
        },
      })
      expect((await fetch(`${url}/users/7`)).status).toBe(503)
      expect(at.problems).toMatchObject([
        { code: 'not_recorded', message: expect.stringContaining('no session') },
      ])
    })

    test('drop-newest: neither a full spool nor callbacks that throw delay or change an answer', async () => {
      at.receiver.behave = () => ({ status: 503, headers: { 'retry-after': '60' } })
      const sender = await at.sender({ maxBytes: 1_048_576, whenFull: 'drop-newest' })
      const large = { action: 'fill', outcome: 'success', params: 'x'.repeat(250_000) } as const
      const url = await start(sender, {
        actor: () => {
          throw new Error('no session')
        },
      })
      for (let n = 0; n < 4; n++) await sender.audit(large)
      for (let n = 0; n < 8; n++) await sender.audit({ ...large, params: 'x'.repeat(10_000) })
      const before = sender.status().dropped
      await sender.audit({ ...large, params: 'x'.repeat(10_000) })
      expect(sender.status().dropped).toBe(before + 1)
      for (let n = 0; n < 100; n++) expect((await fetch(`${url}/users/7`)).status).toBe(200)
      expect(ran).toBe(100)
      const codes = () => at.problems.map(({ code }) => code)
      await expect.poll(codes).toContain('callback_failed')
      await expect.poll(codes).toContain('dropped')
    })
  })
}

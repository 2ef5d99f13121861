import { Readable } from 'node:stream'
import { setTimeout as sleep } from 'node:timers/promises'
import fastify from 'fastify'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { auditFastify } from '../../src/sender/index.ts'
import { type Fixture, fixture } from './fixture.ts'
import { webContract } from './web-contract.ts'

webContract('auditFastify', async (sender, { actor, skipHealth, pattern, action, proxies }, handlers) => {
  const app = fastify({ forceCloseConnections: true })
  await app.register(
    auditFastify(sender, {
      actor: () => actor?.(),
      skip: (request) => skipHealth === true && request.originalUrl === '/healthz',
      path: () => pattern,
      action: () => action,
      proxies,
    }),
  )
  app.get('/users/:id', (_, reply) => {
    handlers.user()
    return reply.header('x-made', 'yes').header('set-cookie', 'session=1').send({ ok: true })
  })
  app.post('/users', (request, reply) => reply.code(201).send(request.body))
  app.get('/stream', (_, reply) => {
    async function* pieces() {
      for (const piece of handlers.pieces) {
        yield piece
        await sleep(30)
      }
    }
    return reply.type('text/plain').send(Readable.from(pieces()))
  })
  app.get('/denied', (_, reply) => reply.code(403).send('no'))
  app.get('/healthz', () => 'ok')
  app.get('/throws', () => {
    throw new Error('thrown by a handler')
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  return { url, close: () => app.close() }
})

let at: Fixture
beforeEach(async () => {
  at = await fixture()
})
afterEach(() => at.end())

test('auditFastify records what an error handler answers as failure, and what was hijacked when it ends', async () => {
  const sender = await at.sender()
  const app = fastify()
  await app.register(auditFastify(sender))
  app.setErrorHandler((_, __, reply) => reply.code(200).send('made up'))
  app.get('/throws', () => {
    throw new Error('thrown')
  })
  app.get('/hijacked', (_, reply) => {
    void reply.hijack()
    reply.raw.end('mine')
  })
  const url = await app.listen({ port: 0, host: '127.0.0.1' })
  expect((await fetch(`${url}/throws`)).status).toBe(200)
  expect(await (await fetch(`${url}/hijacked`)).text()).toBe('mine')
  await expect.poll(() => sender.deliver().then(() => at.receiver.taken)).toHaveLength(2)
  expect(at.receiver.taken.map(({ event }) => event)).toMatchObject([
    { outcome: 'failure', http: { path: '/throws', status: 200 } },
    { outcome: 'success', http: { path: '/hijacked' } },
  ])
  await app.close()
})

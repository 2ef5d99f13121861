import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import { createAdaptorServer } from '@hono/node-server'
import { Hono } from 'hono'
import { stream } from 'hono/streaming'
import { auditHono } from '../../src/sender/index.ts'
import { webContract } from './web-contract.ts'

webContract('auditHono', async (sender, { actor, skipHealth, pattern, action, proxies }, handlers) => {
  const app = new Hono()
  app.use(
    auditHono(sender, {
      actor: () => actor?.(),
      skip: (c) => skipHealth === true && c.req.url.endsWith('/healthz'),
      path: () => pattern,
      action: () => action,
      proxies,
    }),
  )
  app.get('/users/:id', (c) => {
    handlers.user()
    c.header('x-made', 'yes')
    c.header('set-cookie', 'session=1')
    return c.json({ ok: true })
  })
  app.post('/users', async (c) => c.text(await c.req.text(), 201))
  app.get('/stream', (c) =>
    stream(c, async (out) => {
      for (const piece of handlers.pieces) {
        await out.write(piece)
        await sleep(30)
      }
    }),
  )
  app.get('/denied', (c) => c.text('no', 403))
  app.get('/healthz', (c) => c.text('ok'))
  app.get('/throws', () => {
    throw new Error('thrown by a handler')
  })
  app.onError((_, c) => c.text('sorry', 500))
  const server = createAdaptorServer({ fetch: app.fetch })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  }
})

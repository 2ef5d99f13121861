import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { setTimeout as sleep } from 'node:timers/promises'
import express from 'express'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { auditExpress } from '../../src/sender/index.ts'
import { type Fixture, fixture } from './fixture.ts'
import { webContract } from './web-contract.ts'

// For /file: this very text, read by a test.
async function listen(app: express.Express) {
  app.set('env', 'test') // it prints no errors of handlers
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

webContract('auditExpress', async (sender, { actor, skipHealth, pattern, action, proxies }, handlers) => {
  const app = express()
  app.use(
    auditExpress(sender, {
      actor: () => actor?.(),
      skip: (req: express.Request) => skipHealth === true && req.path === '/healthz',
      path: () => pattern,
      action: () => action,
      proxies,
    }),
  )
  const users = express.Router()
  users.get('/:id', (_, res) => {
    handlers.user()
    res.set('x-made', 'yes').cookie('session', '1').json({ ok: true })
  })
  users.post('/', express.text(), (req, res) => void res.status(201).send(req.body))
  app.use('/users', users)
  app.get('/stream', async (_, res) => {
    for (const piece of handlers.pieces) {
      res.write(piece)
      await sleep(30)
    }
    res.end()
  })
  app.get('/denied', (_, res) => void res.sendStatus(403))
  app.get('/healthz', (_, res) => void res.send('ok'))
  app.get('/throws', () => {
    throw new Error('thrown by a handler')
  })
  return listen(app)
})

let at: Fixture
beforeEach(async () => {
  at = await fixture()
})
afterEach(() => at.end())

test('auditExpress holds back every way to answer, and gives it back as it was', async () => {
  const sender = await at.sender()
  const app = express()
  app.use(auditExpress(sender))
  app.get('/write-head', (_, res) => {
    res.writeHead(202, 'Taken', { 'x-a': '1', 'content-type': 'text/plain' })
    res.write('a', () => undefined)
    res.end('b')
  })
  app.get('/flush', async (_, res) => {
    res.flushHeaders()
    expect(res.headersSent).toBe(true)
    await sleep(50)
    res.end('late')
  })
  app.get('/late-header', (_, res) => {
    // As on-headers does, on which compression and sessions rest.
    const writeHead = res.writeHead.bind(res) as (status: number) => typeof res
    const end = res.end.bind(res)
    let fired = false
    res.writeHead = ((status: number) => {
      if (!fired) res.setHeader('x-late', 'yes')
      fired = true
      return writeHead(status)
    }) as never
    for (const piece of ['a', 'b']) {
      if (!fired) res.writeHead(res.statusCode)
      res.write(piece)
    }
    res.writeHead(res.statusCode)
    end('c')
  })
  app.get('/callback', (_, res) => void res.end('x', () => app.emit('ended')))
  app.get('/file', (_, res) => res.sendFile(new URL(import.meta.url).pathname))
  app.get('/throws-late', (_, res) => {
    res.send('first')
    throw new Error('after the answer')
  })
  app.get('/big', (_, res) => {
    const chunk = Buffer.alloc(65_536, 'x')
    let left = 100
    const more = (): void => {
      while (left-- > 0) if (!res.write(chunk)) return void res.once('drain', more)
      res.end()
    }
    more()
  })
  const server = await listen(app)
  const head = await fetch(`${server.url}/write-head`)
  expect([head.status, head.statusText, head.headers.get('x-a'), await head.text()]).toEqual([
    202,
    'Taken',
    '1',
    'ab',
  ])
  expect(await (await fetch(`${server.url}/flush`)).text()).toBe('late')
  const patched = await fetch(`${server.url}/late-header`)
  expect([patched.headers.get('x-late'), await patched.text()]).toEqual(['yes', 'abc'])
  const ended = once(app, 'ended')
  expect(await (await fetch(`${server.url}/callback`)).text()).toBe('x')
  await ended
  expect(await (await fetch(`${server.url}/file`)).text()).toContain('this very text, read by a test')
  expect((await fetch(`${server.url}/file`, { method: 'HEAD' })).headers.get('etag')).not.toBe(null)
  expect((await (await fetch(`${server.url}/big`)).arrayBuffer()).byteLength).toBe(6_553_600)
  const late = await fetch(`${server.url}/throws-late`).then(
    (answer) => answer.status,
    () => 0,
  )
  expect([0, 200]).toContain(late) // cut off or answered, as without us: never another status with the first answer's body
  // The last one is recorded after its answer.
  await expect.poll(() => sender.deliver().then(() => at.receiver.taken)).toHaveLength(8)
  expect(at.receiver.taken[0]?.event).toMatchObject({ http: { status: 202 } })
  await server.close()
})

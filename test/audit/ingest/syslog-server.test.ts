import { once } from 'node:events'
import net from 'node:net'
import tls from 'node:tls'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { AuditError } from '../../../src/audit/event/errors.ts'
import type { Incoming } from '../../../src/audit/event/types.ts'
import {
  createSyslogServer,
  type SyslogOptions,
  type SyslogPeer,
  type SyslogServer,
} from '../../../src/audit/ingest/syslog.ts'
import { TEST_CERTIFICATE, TEST_KEY } from './syslog-certificate.ts'

const servers: SyslogServer[] = []
const sockets: net.Socket[] = []
afterEach(async () => {
  for (const socket of sockets.splice(0)) socket.destroy()
  await Promise.all(servers.splice(0).map((server) => server.close()))
})

async function start(options: Partial<SyslogOptions> = {}) {
  const messages: string[] = []
  const faults: string[] = []
  const onRecords = async (records: readonly Incoming[]) => {
    for (const one of records)
      messages.push(one.kind === 'event' ? (one.event.message ?? '') : one.reason.code)
  }
  const server = await createSyslogServer({
    port: 0,
    host: '127.0.0.1',
    onRecords,
    onFault: (error) => faults.push(String(error)),
    ...options,
    limits: { graceMs: 500, ...options.limits },
  })
  servers.push(server)
  return { server, messages, faults, onRecords }
}

/** Nothing can be recorded before `comeBack`. */
async function startAway() {
  const { messages, onRecords } = await start()
  let away = true
  const { server } = await start({
    onRecords: async (records) => {
      if (away) throw new Error('away')
      await onRecords(records)
    },
  })
  return { server, messages, comeBack: () => void (away = false) }
}

async function connect(server: SyslogServer): Promise<net.Socket> {
  const socket = net.connect({ port: server.port, host: '127.0.0.1' })
  sockets.push(socket)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  return socket
}

const message = (text: string) => `<13>1 2026-01-31T12:00:00Z h a - - - ${text}`
const counted = (text: string) => `${Buffer.byteLength(message(text))} ${message(text)}`
/** events.once would reject for an error before it. */
const closed = (socket: net.Socket) =>
  new Promise((resolve) => (socket.closed ? resolve(true) : socket.once('close', resolve)))
const until = (check: () => boolean, timeout = 20_000) => vi.waitUntil(check, { timeout, interval: 5 })

describe('over TCP', () => {
  test('counted frames and lines are recorded in order, however they are cut', async () => {
    const { server, messages } = await start()
    const socket = await connect(server)
    const stream = Buffer.from(
      Array.from({ length: 40 }, (_, n) => (n % 2 ? `${message(String(n))}\n` : counted(String(n)))).join(''),
    )
    for (let at = 0; at < stream.length; at += 97) {
      socket.write(stream.subarray(at, at + 97))
      if (at % 5 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    socket.end()
    await until(() => messages.length === 40)
    expect(messages).toEqual(Array.from({ length: 40 }, (_, n) => String(n)))
    await until(() => server.connections() === 0)
  })

  test('a message longer than allowed is quarantined, and costs no other', async () => {
    const { server, messages } = await start({ limits: { maxFrame: 1_000 } })
    const socket = await connect(server)
    socket.end(`${counted('a')}${counted('x'.repeat(5_000))}${counted('b')}`)
    await until(() => messages.length === 3)
    expect(messages).toEqual(['a', 'too_large', 'b'])
  })

  test('a batch that fails is tried again, the very same, until it is recorded', async () => {
    const batches: (readonly Incoming[])[] = []
    let failures = 2
    const onRecords = async (records: readonly Incoming[]) => {
      batches.push(records)
      if (failures-- > 0) throw new Error('the database is away')
    }
    const { server, faults } = await start({ onRecords })
    const socket = await connect(server)
    socket.end(`<13>1 - h a - - - no time\n${message('b')}\n`)
    await until(() => batches.length === 3)
    expect(batches[1]).toBe(batches[0])
    expect(batches[2]).toEqual(batches[0])
    expect(faults).toEqual(['Error: the database is away', 'Error: the database is away'])
  })

  test('a message that fits no entry is quarantined, and keeps none of the others from being recorded', async () => {
    const { messages, onRecords } = await start()
    const { server, faults } = await start({
      onRecords: async (records) => {
        const tooLarge = records.some((one) => one.kind === 'event' && one.event.message?.startsWith('x'))
        if (tooLarge) throw new AuditError('event_too_large', 'The entry of the event has 99999 bytes.')
        await onRecords(records)
      },
    })
    const socket = await connect(server)
    const sent = ['a', 'xx', 'b', 'c', 'xy', 'd', 'e']
    socket.end(sent.map(counted).join(''))
    await until(() => messages.length === 7)
    expect(messages).toEqual(['a', 'too_large', 'b', 'c', 'too_large', 'd', 'e'])
    expect(faults).toEqual([])
  })

  test('while paused no connection is taken, and what was sent before is recorded as soon as it can be', async () => {
    const { server, messages, comeBack } = await startAway()
    const before = await connect(server)
    before.resume()
    before.write(counted('before'))
    await until(() => server.connections() === 1)
    const told = once(before, 'end')
    server.pause()
    await told
    await expect(connect(server)).rejects.toThrow('ECONNREFUSED')
    comeBack()
    await server.resume()
    const after = await connect(server)
    after.end(counted('after'))
    await until(() => messages.length === 2)
    expect(messages.toSorted()).toEqual(['after', 'before'])
    server.pause()
    await server.close()
  })

  test('while a batch is not recorded, nothing more is read: the sender has to wait, and nothing is lost', async () => {
    const { server, messages, comeBack } = await startAway()
    const socket = await connect(server)
    const one = `${message('x'.repeat(1_000))}\n`
    const piece = one.repeat(64)
    let sent = 0
    // Far more than all buffers of the system hold.
    for (; sent < 64 * 1_000; sent += 64) {
      if (!socket.write(piece)) {
        const drained = await Promise.race([
          once(socket, 'drain').then(() => true),
          new Promise((resolve) => setTimeout(resolve, 300, false)),
        ])
        if (!drained) {
          sent += 64
          break
        }
      }
    }
    expect(sent, 'the sender was made to wait').toBeLessThan(64 * 1_000)
    expect(messages).toEqual([])
    comeBack()
    socket.end(`${message('last')}\n`)
    await until(() => messages.at(-1) === 'last')
    expect(messages).toHaveLength(sent + 1)
  })

  test('a peer that goes while its messages cannot be recorded loses none', async () => {
    const { server, messages, comeBack } = await startAway()
    const socket = await connect(server)
    await new Promise<void>((resolve) => socket.end(counted('a') + counted('b'), resolve))
    socket.destroy()
    await closed(socket)
    comeBack()
    await until(() => messages.length === 2)
    expect(messages).toEqual(['a', 'b'])
  })

  test('batches are no larger than the limit', async () => {
    const sizes: number[] = []
    const { server } = await start({
      limits: { batch: 3 },
      onRecords: async (records) => void sizes.push(records.length),
    })
    const socket = await connect(server)
    socket.end(counted('x').repeat(10))
    await until(() => sizes.reduce((sum, size) => sum + size, 0) === 10)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(3)
  })

  test.each([{ maxConnections: 1 }, { maxPerAddress: 1 }])(
    'connections beyond %j are refused, and said so',
    async (limits) => {
      const { server, faults, messages } = await start({ limits })
      const first = await connect(server)
      await until(() => server.connections() === 1)
      const second = net.connect({ port: server.port, host: '127.0.0.1' })
      sockets.push(second)
      second.on('error', () => undefined)
      await closed(second)
      expect(faults).toHaveLength(1)
      first.end(counted('a'))
      await until(() => messages.length === 1)
    },
  )

  test('an idle connection is closed, and one that waits for us is not', async () => {
    let release: () => void = () => undefined
    const { server } = await start({
      limits: { idleMs: 500 },
      onRecords: () => new Promise((resolve) => (release = resolve)),
    })
    const idle = await connect(server)
    idle.resume()
    const busy = await connect(server)
    busy.resume()
    busy.write(counted('a'))
    await closed(idle)
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    expect(busy.closed).toBe(false)
    release()
    await closed(busy)
  })

  test('the peer and its address are told', async () => {
    const peers: SyslogPeer[] = []
    const { server } = await start({ onRecords: async (_, peer) => void peers.push(peer) })
    const socket = await connect(server)
    const port = socket.localPort
    socket.end(counted('a'))
    await until(() => peers.length === 1)
    expect(peers).toEqual([{ address: '127.0.0.1', port }])
  })
})

describe('closing', () => {
  test('takes what was sent before the peer learned of it, and no new connection', async () => {
    const { server, messages } = await start({ limits: { graceMs: 5_000 } })
    const socket = await connect(server)
    await until(() => server.connections() === 1)
    socket.once('end', () => socket.end(counted('parting')))
    socket.resume()
    await server.close()
    expect(messages).toEqual(['parting'])
    expect(server.connections()).toBe(0)
    await expect(connect(server)).rejects.toThrow('ECONNREFUSED')
  })

  test('does not wait longer than the grace for a peer that stays', async () => {
    const { server, messages } = await start({ limits: { graceMs: 200 } })
    const socket = net.connect({ port: server.port, host: '127.0.0.1', allowHalfOpen: true })
    sockets.push(socket)
    socket.on('error', () => undefined)
    socket.write(counted('a'))
    await until(() => messages.length === 1)
    await server.close()
    expect(server.connections()).toBe(0)
  })

  test.each([
    ['fails', () => Promise.reject(new Error('away'))],
    ['never ends', () => new Promise<void>(() => undefined)],
  ])('gives up recording that %s, and says how much was lost', async (_, onRecords) => {
    let begun = false
    const { server, faults } = await start({
      limits: { graceMs: 200 },
      onRecords: () => {
        begun = true
        return onRecords()
      },
    })
    const socket = await connect(server)
    socket.write(counted('a') + counted('b'))
    await until(() => begun)
    await server.close()
    expect(faults.filter((fault) => fault.includes('2 syslog messages were not recorded'))).toHaveLength(1)
  })

  test('a port that is taken is said at once', async () => {
    const { server } = await start()
    await expect(start({ port: server.port })).rejects.toMatchObject({ code: 'EADDRINUSE' })
  })
})

describe('over TLS (RFC 5425)', () => {
  const secure = { key: TEST_KEY, cert: TEST_CERTIFICATE }
  const connectTls = async (server: SyslogServer, options: tls.ConnectionOptions = {}) => {
    const socket = tls.connect({
      port: server.port,
      host: '127.0.0.1',
      servername: 'localhost',
      ca: TEST_CERTIFICATE,
      ...options,
    })
    sockets.push(socket)
    socket.on('error', () => undefined)
    await once(socket, 'secureConnect')
    return socket
  }

  test('messages come as over TCP', async () => {
    const { server, messages } = await start({ tls: secure })
    const socket = await connectTls(server)
    socket.end(Array.from({ length: 2_000 }, (_, n) => counted(String(n))).join(''))
    await until(() => messages.length === 2_000)
    expect(messages).toEqual(Array.from({ length: 2_000 }, (_, n) => String(n)))
    await until(() => server.connections() === 0)
  })

  test('a client shows a certificate, and who it is is told', async () => {
    const peers: SyslogPeer[] = []
    const { server } = await start({
      tls: { ...secure, ca: TEST_CERTIFICATE, requestCert: true, rejectUnauthorized: true },
      onRecords: async (_, peer) => void peers.push(peer),
    })
    const socket = await connectTls(server, secure)
    socket.end(counted('a'))
    await until(() => peers.length === 1)
    expect(peers[0]?.certificate?.name).toBe('sender.example')
    expect(peers[0]?.certificate?.sha256).toMatch(/^[0-9a-f]{64}$/)
  })

  test('a client without one is not heard where one is asked for, nor plain TCP', async () => {
    const { server, messages, faults } = await start({
      tls: { ...secure, ca: TEST_CERTIFICATE, requestCert: true, rejectUnauthorized: true },
    })
    const socket = await connectTls(server)
    socket.write(counted('a'))
    const plain = await connect(server)
    plain.write(counted('b'))
    plain.resume()
    await Promise.all([closed(socket), closed(plain)])
    await until(() => faults.length >= 2)
    expect(messages).toEqual([])
  })

  test('closing takes what was sent before the peer learned of it', async () => {
    const { server, messages, faults } = await start({ tls: secure, limits: { graceMs: 5_000 } })
    const socket = await connectTls(server, { allowHalfOpen: true } as tls.ConnectionOptions)
    socket.write(counted('a'))
    await until(() => messages.length === 1)
    socket.once('end', () => socket.end(counted('parting')))
    socket.resume()
    await server.close()
    expect(messages).toEqual(['a', 'parting'])
    expect(faults).toEqual([])
  })

  test('closing waits for TLS connections too', async () => {
    const { server, messages } = await start({ tls: secure })
    const socket = await connectTls(server)
    socket.resume()
    socket.write(counted('a'))
    await until(() => messages.length === 1)
    await server.close()
    expect(server.connections()).toBe(0)
  })
})

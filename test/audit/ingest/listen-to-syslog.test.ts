// What the port for syslog does while its log takes no entries.
import { once } from 'node:events'
import net from 'node:net'
import { pino } from 'pino'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createMetrics } from '../../../src/http/metrics.ts'
import { listenToSyslog } from '../../../src/listen-to-syslog.ts'
import { type FakeLog, fakeLog, type FakeLogs, fakeLogs } from '../../support/fake-logs.ts'

const PLACE = { host: '127.0.0.1', port: 0, log: 'hosts', source: 'hosts', tls: undefined }
const metrics = createMetrics()
let lines: { level: number; msg: string }[]
let recorded: string[]
let logs: FakeLogs
let log: FakeLog
let fault: Error | undefined
let listener: Awaited<ReturnType<typeof listenToSyslog>>

beforeEach(() => {
  lines = []
  recorded = []
  fault = undefined
  log = fakeLog('hosts')
  logs = fakeLogs(log)
})
afterEach(() => listener.close())

async function listen(): Promise<void> {
  const logger = pino({}, { write: (line: string) => void lines.push(JSON.parse(line)) })
  listener = await listenToSyslog(PLACE, {
    logs,
    recorder: {
      async record(_log, incoming) {
        if (fault) throw fault
        for (const one of incoming) recorded.push((one.kind === 'event' && one.event.message) || one.kind)
        return []
      },
    },
    logger,
    observer: metrics,
    lookEvery: 10,
  })
}

async function send(text: string): Promise<net.Socket> {
  const socket = net.connect({ port: listener.port, host: '127.0.0.1' })
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.end(`<13>1 2026-01-31T12:00:00Z h a - - - ${text}\n`)
  socket.resume()
  return socket
}
const set = (change: object): void => void Object.assign(log.info, change)
const listening = async (): Promise<string | undefined> =>
  /^prooflog_syslog_listening\{.*port="(\d+)".*\} (\d)$/m.exec(
    (await metrics.text())
      .split('\n')
      .filter((line) => line.includes(`port="${listener?.port}"`))
      .join('\n'),
  )?.[2]
const told = (text: string): number => lines.filter(({ msg }) => msg.includes(text)).length

test.each([{ state: 'frozen' }, { state: 'draining' }, { mirrored: true }])(
  'a log that is %j has no port: the senders keep what they have, until it takes entries again',
  async (change) => {
    await listen()
    await send('a')
    await vi.waitUntil(() => recorded.length === 1, 20_000)
    expect(await listening()).toBe('1')
    set(change)
    await vi.waitUntil(async () => (await listening()) === '0', 20_000)
    await expect(send('b')).rejects.toThrow('ECONNREFUSED')
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(told('not listening'), 'said once').toBe(1)
    set({ state: 'open', mirrored: false })
    await vi.waitUntil(async () => (await listening()) === '1', 20_000)
    await send('c')
    await vi.waitUntil(() => recorded.length === 2, 20_000)
    expect(recorded).toEqual(['a', 'c'])
  },
)

test('what was read when the log was frozen is held, and recorded when it is open again', async () => {
  await listen()
  fault = new Error('away')
  await send('held')
  await vi.waitUntil(() => told('tried again') === 1, 20_000)
  set({ state: 'frozen' })
  fault = undefined
  await vi.waitUntil(async () => (await listening()) === '0', 20_000)
  expect(recorded).toEqual([])
  set({ state: 'open' })
  await vi.waitUntil(() => recorded.length === 1, 20_000)
})

test('a port whose log is not there yet opens when it is', async () => {
  logs.byName.delete('hosts')
  await listen()
  await expect(send('a')).rejects.toThrow('ECONNREFUSED')
  logs.byName.set('hosts', log)
  await vi.waitUntil(async () => (await listening()) === '1', 20_000)
  await send('b')
  await vi.waitUntil(() => recorded.length === 1, 20_000)
})

test('a fault that passes closes no port, and is told once a minute however often it comes', async () => {
  await listen()
  fault = new Error('the database is away')
  await Promise.all(Array.from({ length: 5 }, (_, i) => send(`m${i}`)))
  await vi.waitUntil(() => told('tried again') > 0, 20_000)
  await new Promise((resolve) => setTimeout(resolve, 700))
  expect(told('tried again')).toBe(1)
  expect(await listening()).toBe('1')
  fault = undefined
  await vi.waitUntil(() => recorded.length === 5, 20_000)
})

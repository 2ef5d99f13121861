// Syslog over TCP (RFC 6587) and TLS (RFC 5425). Syslog acknowledges nothing: a sender holds a message to be delivered as soon as
// its system has taken it. All that can be done is not to read from a connection while what was read is not committed, so that
// the sender's own queue fills instead of ours. What is on its way when this process is killed may be lost: where that matters,
// have an agent read the syslog and send it by a protocol with answers.
import net from 'node:net'
import tls from 'node:tls'
import type { Incoming } from '../event/types.ts'
import { type ConnectionContext, serveConnection } from './syslog-connection.ts'
import type { SyslogLimits, SyslogPeer } from './syslog-types.ts'

export type { SyslogLimits, SyslogPeer }

const SYSLOG_LIMITS: SyslogLimits = {
  maxFrame: 65_536,
  maxConnections: 256,
  maxPerAddress: 128,
  idleMs: 86_400_000,
  batch: 1_024,
  graceMs: 5_000,
}

export interface SyslogOptions {
  /** 0 for any that is free. */
  readonly port: number
  readonly host?: string
  /** Certificate and key; with `ca` and `requestCert`, clients need certificates. TLS 1.2 at least. */
  readonly tls?: tls.TlsOptions
  /**
   * Records a batch, in order; resolves when it is committed. When it rejects, it is called again with the same batch, after 0.2 s and
   * then at growing intervals up to 5 s, for as long as it takes; nothing is read from the connection meanwhile. After
   * `event_too_large` it is called with parts, and what alone fits no entry is quarantined.
   */
  readonly onRecords: (records: readonly Incoming[], peer: SyslogPeer) => Promise<void>
  /** Told of failed attempts to record, of broken connections, and of how many messages closing gave up. */
  readonly onFault?: (error: unknown, peer?: SyslogPeer) => void
  readonly limits?: Partial<SyslogLimits>
  /** The time now, for messages without one; RFC 3339 in UTC. */
  readonly now?: () => string
}

export interface SyslogServer {
  readonly port: number
  /** Connections that are open now. */
  connections(): number
  /**
   * Takes no connections until `resume`, so that what the senders have stays in their queues, and tells the peers to stop. What they
   * sent before is recorded as ever, as soon as that can be.
   */
  pause(): void
  /** @throws the system's error when the port cannot be had any more */
  resume(): Promise<void>
  /** Takes no more connections, tells the peers to stop, records what they still sent, and ends after `graceMs` at the latest. */
  close(): Promise<void>
}

/**
 * Listens for syslog; resolves when it does. Messages of one connection are recorded in order, those of several side by side.
 * @throws the system's error when the port cannot be had
 */
export async function createSyslogServer(options: SyslogOptions): Promise<SyslogServer> {
  const limits = { ...SYSLOG_LIMITS, ...options.limits }
  // Under TLS these differ: the first are of TCP, the second are what is read from.
  const open = new Set<net.Socket>()
  const serving = new Map<net.Socket, Promise<void>>()
  const giveUp = new AbortController()
  const { onRecords, now = () => new Date().toISOString() } = options
  const onFault = options.onFault ?? (() => undefined)
  const context: ConnectionContext = { limits, onRecords, onFault, now, giveUp: giveUp.signal }
  let closed: Promise<void> | undefined
  let paused = false
  const server = listener(options.tls, (socket) => {
    if (socket.destroyed) return // refused below, before it came here
    serving.set(
      socket,
      serveConnection(socket, context).finally(() => serving.delete(socket)),
    )
    if (closed || paused) socket.end()
  })
  server.maxConnections = limits.maxConnections
  server.prependListener('connection', (socket: net.Socket) => {
    open.add(socket)
    socket.on('close', () => open.delete(socket))
    const same = [...open].filter(({ remoteAddress }) => remoteAddress === socket.remoteAddress)
    if (same.length <= limits.maxPerAddress) return
    onFault(new Error(`a connection was refused: its address has ${limits.maxPerAddress} already`))
    socket.destroy()
  })
  server.on('drop', () => onFault(new Error('a connection was refused: there are as many as are allowed')))
  server.on('tlsClientError', (error: Error) => onFault(error))
  await listen(server, options)
  server.on('error', (error) => onFault(error))
  const port = portOf(server)
  return {
    port,
    connections: () => open.size,
    pause() {
      if (paused || closed) return
      paused = true
      server.close()
      for (const socket of serving.keys()) socket.end()
    },
    async resume() {
      if (!paused || closed) return
      await listen(server, { ...options, port })
      paused = false
    },
    close: () => (closed ??= close(server, { open, serving, giveUp, graceMs: limits.graceMs })),
  }
}

function listener(secure: tls.TlsOptions | undefined, serve: (socket: net.Socket) => void): net.Server {
  // Half-open, so that what a peer sent before it learned that we close is still read.
  const common = { allowHalfOpen: true, keepAlive: true, keepAliveInitialDelay: 60_000, noDelay: true }
  if (!secure) return net.createServer({ ...common, highWaterMark: 262_144 }, serve)
  return tls.createServer({ minVersion: 'TLSv1.2', handshakeTimeout: 10_000, ...secure, ...common }, serve)
}

async function listen(server: net.Server, { port, host }: SyslogOptions): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}

function portOf(server: net.Server): number {
  const address = server.address()
  return typeof address === 'object' && address !== null ? address.port : 0
}

async function close(
  server: net.Server,
  state: {
    readonly open: ReadonlySet<net.Socket>
    readonly serving: ReadonlyMap<net.Socket, Promise<void>>
    readonly giveUp: AbortController
    readonly graceMs: number
  },
): Promise<void> {
  const stopped = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  const gone = [...state.open].map((socket) => new Promise((resolve) => socket.once('close', resolve)))
  const timer = setTimeout(() => {
    state.giveUp.abort()
    for (const socket of state.open) socket.destroy()
  }, state.graceMs)
  for (const socket of state.serving.keys()) socket.end()
  await Promise.all([stopped, ...gone])
  // After the last connection: its last messages may still be on their way to the log.
  await Promise.all(state.serving.values())
  clearTimeout(timer)
}

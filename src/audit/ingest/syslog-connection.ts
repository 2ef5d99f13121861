// One connection of a syslog sender, from its first byte to its last.
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { AuditError, UnreadableEvent } from '../event/errors.ts'
import { rawIncoming } from '../event/read-event.ts'
import type { Incoming } from '../event/types.ts'
import { syslogIncoming } from './syslog-event.ts'
import { type SyslogFrame, SyslogFramer } from './syslog-frames.ts'
import type { SyslogLimits, SyslogPeer } from './syslog-types.ts'

export interface ConnectionContext {
  readonly limits: SyslogLimits
  readonly onRecords: (records: readonly Incoming[], peer: SyslogPeer) => Promise<void>
  readonly onFault: (error: unknown, peer?: SyslogPeer) => void
  readonly now: () => string
  /** Aborted when closing has waited long enough. */
  readonly giveUp: AbortSignal
}

const FIRST_PAUSE = 200
const LONGEST_PAUSE = 5_000

/** Reads and records until the peer ends; never rejects. Nothing is read while a batch is being recorded. */
export async function serveConnection(socket: Socket, context: ConnectionContext): Promise<void> {
  const peer = peerOf(socket)
  const framer = new SyslogFramer(context.limits.maxFrame)
  let recording = false
  const record = async (frames: readonly SyslogFrame[]) => {
    recording = true
    for (let at = 0; at < frames.length; at += context.limits.batch)
      await recordBatch(frames.slice(at, at + context.limits.batch), peer, context)
    recording = false
    socket.setTimeout(context.limits.idleMs)
  }
  // A socket that waits for us is not idle.
  socket.setTimeout(context.limits.idleMs)
  socket.on('timeout', () => {
    if (!recording) socket.destroy()
  })
  let broken = false
  try {
    // Iterating reads whatever has come meanwhile as one piece, so batches grow with the load; and it reads no further than the
    // buffer of the socket while the loop is busy.
    for await (const chunk of socket) await record(framer.push(chunk as Uint8Array))
  } catch (error) {
    broken = true
    context.onFault(error, peer)
  }
  await record(framer.end(broken))
  socket.end()
  socket.destroySoon()
}

/** Messages, and what is recorded of each. */
interface Batch {
  readonly frames: readonly SyslogFrame[]
  readonly records: readonly Incoming[]
}

/** Records a batch, however often it takes. @returns when it is committed, or given up because the server closes */
async function recordBatch(
  frames: readonly SyslogFrame[],
  peer: SyslogPeer,
  { onRecords, onFault, now, giveUp }: ConnectionContext,
): Promise<void> {
  // Once for all attempts: a message without a time must not become two events because the first attempt failed.
  const received = now()
  const waiting: Batch[] = [{ frames, records: frames.map((frame) => syslogIncoming(frame, received)) }]
  let pause = FIRST_PAUSE
  for (let batch = waiting[0]; batch !== undefined && !giveUp.aborted; batch = waiting[0]) {
    const failed = await unlessGivenUp(attempt(onRecords, batch.records, peer), giveUp)
    const rest = failed === undefined ? [] : withoutTooLarge(batch, failed.error)
    if (rest !== undefined) {
      waiting.splice(0, 1, ...rest)
      pause = FIRST_PAUSE
      continue
    }
    onFault(failed?.error, peer)
    await sleep(pause, giveUp)
    pause = Math.min(pause * 2, LONGEST_PAUSE)
  }
  const left = waiting.reduce((sum, { records }) => sum + records.length, 0)
  if (left > 0) onFault(new Error(`closing: ${left} syslog messages were not recorded`), peer)
}

/**
 * One message that fits no entry would keep all others from being recorded for ever: its batch is halved until it is found, and it
 * is quarantined. Undefined for another error, which goes away or is somebody's to mend.
 */
function withoutTooLarge({ frames, records }: Batch, error: unknown): Batch[] | undefined {
  if (!(error instanceof AuditError) || error.code !== 'event_too_large') return undefined
  const half = Math.ceil(frames.length / 2)
  const part = (from: number, to?: number) => ({
    frames: frames.slice(from, to),
    records: records.slice(from, to),
  })
  if (frames.length > 1) return [part(0, half), part(half)]
  const [frame] = frames
  if (frame === undefined || records[0]?.kind !== 'event') return undefined
  const why = new UnreadableEvent('too_large', error.message)
  return [{ frames, records: [rawIncoming(frame.bytes, 'syslog', why)] }]
}

/** Undefined when it is committed. */
async function attempt(
  onRecords: ConnectionContext['onRecords'],
  records: readonly Incoming[],
  peer: SyslogPeer,
): Promise<{ readonly error: unknown } | undefined> {
  try {
    await onRecords(records, peer)
    return undefined
  } catch (error) {
    return { error }
  }
}

/** What `work` says, or that it was not waited for. */
function unlessGivenUp<T>(work: Promise<T>, signal: AbortSignal): Promise<T | { readonly error: Error }> {
  return new Promise((resolve, reject) => {
    const givenUp = () => resolve({ error: new Error('closing: recording took too long') })
    signal.addEventListener('abort', givenUp)
    work.then(resolve, reject).finally(() => signal.removeEventListener('abort', givenUp))
  })
}

function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve()
    const done = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}

function peerOf(socket: Socket): SyslogPeer {
  const peer = { address: socket.remoteAddress ?? '', port: socket.remotePort ?? 0 }
  if (!(socket instanceof TLSSocket) || !socket.authorized) return peer
  const { fingerprint256, subject } = socket.getPeerCertificate()
  if (typeof fingerprint256 !== 'string') return peer
  const sha256 = fingerprint256.replaceAll(':', '').toLowerCase()
  const name: unknown = subject?.CN
  return { ...peer, certificate: typeof name === 'string' ? { sha256, name } : { sha256 } }
}

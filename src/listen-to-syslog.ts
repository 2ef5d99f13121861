// A port for syslog: its messages are events of one log, filed under one source. It is open while the log takes entries.
import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import { createSyslogServer, type SyslogPeer } from './audit/ingest/syslog.ts'
import type { Recorder } from './audit/record/types.ts'
import type { SyslogListener } from './config.ts'
import type { EventObserver } from './http/event-metrics.ts'
import { LogError } from './log/errors.ts'
import { refusedAppend } from './log/refused-append.ts'
import type { Log, Logs } from './log/types.ts'

export interface SyslogParts {
  readonly logs: Pick<Logs, 'open'>
  readonly recorder: Pick<Recorder, 'record'>
  readonly logger: Logger
  readonly observer: Pick<EventObserver, 'listening'>
  /** Milliseconds between looks at whether the log takes entries. Default 1,000. */
  readonly lookEvery?: number
}

/** Within so many milliseconds the same fault is told once, and so many different ones: a sender can make them as fast as it likes. */
const QUIET = 60_000
const MOST_FAULTS = 100

/**
 * Listens until it is closed. With an authority (`ca`), only clients with a certificate of it are let in. While the log takes no
 * entries by somebody's will (frozen, about to be, a copy, not made yet) the port is closed: syslog has no answer that could say so,
 * and what a sender cannot connect for stays in its queue.
 * @throws the system's error for the port; what reading the files throws
 */
export async function listenToSyslog(
  { host, port, log: name, source, tls }: SyslogListener,
  { logs, recorder, logger, observer, lookEvery = 1_000 }: SyslogParts,
): Promise<{ readonly port: number; close(): Promise<void> }> {
  const tell = sparingly(logger, name)
  const server = await createSyslogServer({
    host,
    port,
    ...(tls === undefined
      ? {}
      : {
          tls: {
            cert: await readFile(tls.cert),
            key: await readFile(tls.key),
            ...(tls.ca === undefined
              ? {}
              : { ca: await readFile(tls.ca), requestCert: true, rejectUnauthorized: true }),
          },
        }),
    async onRecords(records) {
      // Asked first: what cannot be stored need not be sealed.
      await recorder.record(await openFor(logs, name), records, source)
    },
    onFault: tell,
  })
  let listening = true
  const set = (now: boolean): void => {
    listening = now
    observer.listening(name, server.port, now)
  }
  async function look(): Promise<void> {
    const refused = await openFor(logs, name).then(
      () => undefined,
      (error: unknown) => error,
    )
    if (listening && isRefusal(refused)) {
      server.pause()
      set(false)
      logger.warn(
        { err: refused, port: server.port, log: name },
        'syslog: not listening: the log takes no entries',
      )
    } else if (!listening && refused === undefined) {
      await server.resume()
      set(true)
      logger.info({ port: server.port, log: name, source }, 'listening for syslog again')
    }
  }
  set(true)
  logger.info({ port: server.port, log: name, source }, 'listening for syslog')
  await look()
  let looking: Promise<void> | undefined
  const timer = setInterval(() => {
    looking ??= look()
      .catch(tell)
      .finally(() => {
        looking = undefined
      })
  }, lookEvery)
  timer.unref()
  return {
    port: server.port,
    async close() {
      clearInterval(timer)
      await looking
      await server.close()
    },
  }
}

/** @throws LogError as Logs.open, and why the log takes no entries */
async function openFor(logs: Pick<Logs, 'open'>, name: string): Promise<Log> {
  const log = await logs.open(name)
  const refused = refusedAppend(log.info)
  if (refused !== undefined) throw refused
  return log
}

/** Not for a fault that passes by itself: then what was read is held, and nothing more is read. */
function isRefusal(error: unknown): boolean {
  const codes: readonly unknown[] = ['log_frozen', 'log_draining', 'log_mirrored', 'log_not_found']
  return error instanceof LogError && codes.includes(error.code)
}

function sparingly(logger: Logger, log: string): (error: unknown, peer?: SyslogPeer) => void {
  const told = new Set<string>()
  let since = Date.now()
  return (error, peer) => {
    const what = String(error)
    if (Date.now() - since >= QUIET) {
      told.clear()
      since = Date.now()
    }
    if (told.has(what) || told.size >= MOST_FAULTS) return
    told.add(what)
    logger.warn(
      { err: error, peer: peer?.address, log },
      'syslog: what cannot be recorded now is tried again',
    )
  }
}

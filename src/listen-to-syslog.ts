// A port for syslog: its messages are events of one log, filed under one source.
import { readFile } from 'node:fs/promises'
import type { Logger } from 'pino'
import { createSyslogServer, type SyslogServer } from './audit/ingest/syslog.ts'
import type { Recorder } from './audit/record/types.ts'
import type { SyslogListener } from './config.ts'
import type { Logs } from './log/types.ts'

/**
 * Listens until it is closed. With an authority (`ca`), only clients with a certificate of it are let in.
 * @throws the system's error for the port; what reading the files throws
 */
export async function listenToSyslog(
  { host, port, log, source, tls }: SyslogListener,
  { logs, recorder, logger }: { logs: Logs; recorder: Recorder; logger: Logger },
): Promise<SyslogServer> {
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
      await recorder.record(await logs.open(log), records, source)
    },
    onFault: (error, peer) =>
      logger.warn(
        { err: error, peer: peer?.address, log },
        'syslog: what cannot be recorded now is tried again',
      ),
  })
  logger.info({ port: server.port, log, source }, 'listening for syslog')
  return server
}

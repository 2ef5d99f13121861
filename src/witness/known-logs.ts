// The logs that this witness knows, in memory: looked at for every request, read again when any process adds one.
import { createHash } from 'node:crypto'
import type { Verifier } from '../core/note.ts'
import { verifierOf } from '../core/signer.ts'
import type { Database } from '../db/connect.ts'
import type { LogVerifiers } from './open-request.ts'

export interface KnownLogs extends LogVerifiers {
  /** How many there are. */
  readonly count: number
  /** The origin with this SHA-256, in lower-case hex; undefined when it is not known. */
  originOf(hash: string): string | undefined
  /** Reads again what is stored; other processes are told by the database. */
  refresh(): Promise<void>
  close(): Promise<void>
}

/** NOTIFY channel of the trigger on witness.logs. */
const CHANNEL = 'prooflog_witness_logs'

/** @param report told when a later reading failed; what was known stays known */
export async function openKnownLogs(db: Database, report: (error: unknown) => void): Promise<KnownLogs> {
  const known = new Map<string, Map<string, Verifier>>()
  const hashes = new Map<string, string>()

  async function read(): Promise<void> {
    const rows = await db.sql<{ origin: string; vkey: string }[]>`SELECT origin, vkey FROM witness.logs`
    for (const { origin, vkey } of rows) {
      const keys = known.get(origin) ?? new Map<string, Verifier>()
      // Rows are only ever added: what was parsed once is not parsed again.
      if (!keys.has(vkey)) keys.set(vkey, verifierOf(vkey))
      if (!known.has(origin)) hashes.set(hashOfOrigin(origin), origin)
      known.set(origin, keys)
    }
  }

  await read()
  const again = (): void => void read().catch(report)
  const listening = await db.sql.listen(CHANNEL, again, again)
  return {
    get count() {
      return known.size
    },
    verifiersOf: (origin) => {
      const keys = known.get(origin)
      return keys && [...keys.values()]
    },
    originOf: (hash) => hashes.get(hash),
    refresh: read,
    close: () => listening.unlisten(),
  }
}

/** By which the monitoring endpoint names a log. */
export function hashOfOrigin(origin: string): string {
  return createHash('sha256').update(origin).digest('hex')
}

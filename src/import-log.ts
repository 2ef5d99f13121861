// Takes over somebody's log: all of its entries, verified, as a log of our own with keys of our own.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import type { Transport } from './client/transport.ts'
import type { Config } from './config.ts'
import { CopyError } from './copy-error.ts'
import type { Checkpoint } from './core/checkpoint.ts'
import type { Policy } from './core/policy.ts'
import { connect } from './db/connect.ts'
import { migrate } from './db/migrate.ts'
import { replaceFile } from './files/durable.ts'
import { createKeyFiles } from './keys/key-files.ts'
import { checkFree, createLog } from './log/create-log.ts'
import type { LogInfo } from './log/types.ts'
import { reachDatabase } from './open-database.ts'
import { readSourceHead } from './source-head.ts'
import { stageCopy } from './stage-copy.ts'
import { createPostgresStore } from './store/store.ts'

export interface ImportOptions {
  readonly name: string
  /** By default the address of the new log without scheme, as for any new log. */
  readonly origin?: string | undefined
  readonly public: boolean
  readonly dedup: boolean
  /** Leave alone what an earlier attempt copied. */
  readonly anew: boolean
  readonly source: Transport
  /** Whom to believe that the source is the log. */
  readonly policy: Policy
  readonly onProgress: (done: number, total: number) => void
  /** Told what an operator should know. */
  readonly log: (message: string) => void
}

export interface Imported {
  readonly info: LogInfo
  /** Of the source: size and root are those of the new log. */
  readonly checkpoint: Checkpoint
  /** Entries that an earlier attempt had copied. */
  readonly resumedAt: number
  /** Where the source's signed checkpoint was put. */
  readonly noteFile: string
}

/**
 * Nothing of the log is visible before all of it is there. An attempt that ends early is gone on with by the next one.
 * @param env where secrets of keys come from
 * @throws LogError `log_exists`, `invalid_log_name`; CopyError; EvidenceError, ClientError; errors of checkPolicy; MigrationError
 */
export async function importLog(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  { name, origin: wanted, public: isPublic, dedup, anew, source, policy, onProgress, log }: ImportOptions,
): Promise<Imported> {
  const origin = wanted ?? `${config.publicUrl.replace(/^https?:\/\//, '')}/logs/${name}`
  const database = await reachDatabase(config, log, { create: true })
  const folder = join(config.dataDir, 'imports')
  const pool = connect({ url: database.ownerUrl, max: 2, name: 'prooflog import' })
  try {
    await migrate(database.ownerUrl)
    const store = createPostgresStore({ write: pool, read: pool, lead: pool })
    await checkFree(store, name, origin)
    const head = await readSourceHead(source, policy)
    const { checkpoint } = head.checked
    if (checkpoint.origin === origin) {
      throw new CopyError(
        'copy_differs',
        `the source is called ${origin} itself, and two logs of one name are a fork: choose another --origin, or use restore if the log is yours`,
      )
    }
    const staged = await stageCopy({ ownerUrl: database.ownerUrl, name, anew, source: head, onProgress })
    try {
      const reveal = {
        ...store,
        createLog: (next: Parameters<typeof store.createLog>[0]) => staged.reveal(next, checkpoint),
      }
      const keys = createKeyFiles(config.keysDir, env)
      const wantedLog = { name, origin, public: isPublic, dedup }
      const info = await createLog(wantedLog, { store: reveal, keys, clock: Date.now }, '')
      const noteFile = join(folder, `${name}.checkpoint`)
      mkdirSync(folder, { recursive: true, mode: 0o700 })
      await replaceFile(noteFile, head.note, 0o644)
      return { info, checkpoint, resumedAt: staged.size, noteFile }
    } finally {
      await staged.close()
    }
  } finally {
    await pool.close()
    await database.stop()
  }
}

// Rebuilds a lost log of ours from a verified copy: same origin, same keys, same root; or completes one whose database is an
// older copy. It goes on from the copy's checkpoint as if nothing had happened, or nothing is changed at all.
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { forgetLog } from './check-memory.ts'
import type { Transport } from './client/transport.ts'
import type { Config } from './config.ts'
import { CopyError } from './copy-error.ts'
import type { Checkpoint } from './core/checkpoint.ts'
import { parseVkey } from './core/keys.ts'
import { type Policy, policyFromVkeys } from './core/policy.ts'
import { connect, type Sql } from './db/connect.ts'
import { migrate } from './db/migrate.ts'
import { openGuards } from './guard/from-config.ts'
import { serverIdentity } from './guard/postgres.ts'
import { readKeyFile } from './keys/key-file.ts'
import { createKeyFiles } from './keys/key-files.ts'
import { createLog } from './log/create-log.ts'
import { LogError } from './log/errors.ts'
import { extendLog } from './log/extend-log.ts'
import type { Guard, Guarded, KeyRing, LogStore } from './log/ports.ts'
import type { LogInfo, Published } from './log/types.ts'
import { reachDatabase } from './open-database.ts'
import { checkExtends, readSourceHead, type SourceHead } from './source-head.ts'
import { stageCopy } from './stage-copy.ts'
import { checkMemoryPath } from './start-self-check.ts'
import { provenBatches } from './static/proven-batches.ts'
import { createPostgresStore } from './store/store.ts'

export interface RestoreOptions {
  readonly name: string
  readonly source: Transport
  /** Keys of mirrors or witnesses that must have cosigned the copy's checkpoint, all of them. */
  readonly cosigners: readonly string[]
  /** For a log that the database does not have any more. */
  readonly public: boolean
  readonly dedup: boolean
  /** Leave alone what an earlier attempt copied. */
  readonly anew: boolean
  readonly onProgress: (done: number, total: number) => void
  /** Told what an operator should know. */
  readonly log: (message: string) => void
}

export interface Restored {
  readonly info: LogInfo
  readonly checkpoint: Checkpoint
  /** Entries that the database held already. */
  readonly from: number
  /** Size of the last signed head that the guard knew; undefined when it knew none, and nothing told how new the copy is. */
  readonly guarded: number | undefined
}

interface Task extends RestoreOptions {
  readonly sql: Sql
  readonly store: LogStore
  readonly guard: Guard
  readonly keys: KeyRing
  readonly head: SourceHead
  readonly ownerUrl: string
}

const BUNDLES = 16

/**
 * @param env where secrets of keys come from
 * @throws CopyError `keys_missing`, `copy_behind`, `copy_differs`; LogError `log_halted`, `log_exists`, `guard_unavailable`;
 * EvidenceError, ClientError; errors of checkPolicy; MigrationError
 */
export async function restoreLog(
  config: Config,
  env: Readonly<Record<string, string | undefined>>,
  options: RestoreOptions,
): Promise<Restored> {
  const policy = await policyOfKeys(join(config.keysDir, `${options.name}.keys`), options)
  const head = await readSourceHead(options.source, policy)
  const database = await reachDatabase(config, options.log, { create: true })
  const pool = connect({ url: database.ownerUrl, max: 4, name: 'prooflog restore' })
  const guard = openGuards(config, () => serverIdentity(pool.sql))
  try {
    await migrate(database.ownerUrl)
    const store = createPostgresStore({ write: pool, read: pool, lead: pool })
    const keys = createKeyFiles(config.keysDir, env)
    const ports = { sql: pool.sql, store, guard, keys }
    const task: Task = { ...options, ...ports, head, ownerUrl: database.ownerUrl }
    const known = await knownLog(task)
    const restored = known === undefined ? await rebuild(task) : await complete(task, known)
    await forgetLog(checkMemoryPath(config), restored.info)
    return restored
  } finally {
    await guard.close()
    await pool.close()
    await database.stop()
  }
}

/** One of the log's own keys must have signed, and every cosigner asked for. */
async function policyOfKeys(path: string, { name, cosigners }: RestoreOptions): Promise<Policy> {
  const file = existsSync(path) ? await readKeyFile(path) : undefined
  if (file === undefined) {
    throw new CopyError(
      'keys_missing',
      `there is no ${path}: put the key file of log ${name} there from its backup. Without it nobody can sign for this log any more; "prooflog import" takes its entries over into a new one`,
    )
  }
  const { logs } = policyFromVkeys(file.lines.map(({ vkey }) => vkey))
  if (cosigners.length === 0) return { logs, witnesses: [], groups: [], quorum: 'none' }
  const witnesses = cosigners.map((vkey, i) => ({ name: `cosigner-${i + 1}`, key: parseVkey(vkey) }))
  const members = witnesses.map((witness) => witness.name)
  return {
    logs,
    witnesses,
    groups: [{ name: 'all', threshold: members.length, members }],
    quorum: 'all',
  }
}

/** The log as far as the database has it. @throws LogError `log_exists`, `log_mirrored`; CopyError */
async function knownLog({ store, name, head }: Task): Promise<LogInfo | undefined> {
  const { origin } = head.checked.checkpoint
  const log = (await store.logs()).find((one) => one.name === name || one.origin === origin)
  if (log === undefined) return undefined
  if (log.name !== name || log.origin !== origin) {
    throw new LogError(
      'log_exists',
      `the copy is of ${origin}, but the database has log "${log.name}" of ${log.origin}`,
    )
  }
  if (log.mirrored) throw new LogError('log_mirrored', `log ${name} of this database is a copy itself`)
  const stored = { ...(await store.head(log.id)), note: (await store.published(log.id))?.note }
  await checkExtends(head, definedNote(stored), 'the log in the database')
  return log
}

/** The guard's own check, before anything is written: whatever it holds, the copy must continue. */
async function checkGuard({ guard, head }: Task): Promise<Guarded | undefined> {
  const guarded = await guard.read(head.checked.checkpoint.origin)
  for (const older of guarded === undefined ? [] : [guarded, ...(guarded.behind ?? [])]) {
    if (older !== undefined) await checkExtends(head, older, 'the head that was signed last, in the guard,')
  }
  return guarded
}

/** From here on nothing smaller than the copy is ever signed. */
async function moveGuard({ guard, head }: Task, guarded: Guarded | undefined): Promise<void> {
  const { origin, size, root } = head.checked.checkpoint
  if (guarded !== undefined && guarded.behind === undefined && guarded.size === size) return
  await guard.move(origin, guarded, { size, root, note: head.note })
}

async function rebuild(task: Task): Promise<Restored> {
  const { name, store, head, keys, ownerUrl, anew, onProgress } = task
  const { checkpoint } = head.checked
  const guarded = await checkGuard(task)
  const staged = await stageCopy({ ownerUrl, name, anew, source: head, onProgress })
  try {
    // Copying may have taken hours.
    await moveGuard(task, await checkGuard(task))
    const reveal: LogStore = {
      ...store,
      createLog: (log) => staged.reveal(log, checkpoint, publishedOf(head, 0)),
    }
    const { public: isPublic, dedup } = task
    const wanted = { name, origin: checkpoint.origin, public: isPublic, dedup }
    const ring = currentKeys(keys, head)
    const info = await createLog(wanted, { store: reveal, keys: ring, clock: Date.now }, '')
    return { info, checkpoint, from: staged.size, guarded: guarded?.size }
  } finally {
    await staged.close()
  }
}

/**
 * A key in the file that did not sign the copy's checkpoint, although another of its type did, was retired: it does not sign
 * again. (A mirror may have left out all signatures of one type.)
 */
function currentKeys(keys: KeyRing, { checked }: SourceHead): KeyRing {
  const signed = new Set(checked.logKeys.map(({ vkey }) => vkey))
  const types = new Set(checked.logKeys.map(({ vkey }) => parseVkey(vkey).type))
  return {
    ...keys,
    create: async (name, origin) =>
      (await keys.create(name, origin)).filter(({ vkey, type }) => signed.has(vkey) || !types.has(type)),
  }
}

/** What is signed meanwhile would be of a smaller tree than the copy: the guard goes first. */
async function complete(task: Task, info: LogInfo): Promise<Restored> {
  await checkStopped(task.sql)
  const { store, head, keys, onProgress } = task
  const { checkpoint } = head.checked
  const signers = await keys.signers(info)
  if (signers.length === 0) throw new CopyError('keys_missing', `the keys of log ${info.name} are not here`)
  const guarded = await checkGuard(task)
  await moveGuard(task, guarded)
  const { size: from } = await store.head(info.id)
  for await (const { start, entries } of provenBatches(head.tiles, checkpoint, from, BUNDLES)) {
    const grown = await extendLog(store, info.id, start, entries)
    onProgress(grown.size, checkpoint.size)
  }
  await checkExtends(head, await store.head(info.id), 'the log in the database')
  const last = await store.published(info.id)
  if (last === undefined || last.size < checkpoint.size) {
    await store.intend(info.id, checkpoint)
    await store.publish(info.id, publishedOf(head, (last?.seq ?? -1) + 1, last))
  }
  return { info, checkpoint, from, guarded: guarded?.size }
}

/** An entry that a service takes in between would take the place of one that was signed. */
async function checkStopped(sql: Sql): Promise<void> {
  const running = await sql`
    SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND application_name IN ('prooflog write', 'prooflog lead')`
  if (running.length === 0) return
  throw new CopyError('service_running', 'a service runs on this database: stop it first, all its processes')
}

/** The copy's checkpoint as one of ours: signed when its signatures say, where they do. */
function publishedOf({ checked, note }: SourceHead, seq: number, last?: Published): Published {
  const { size, root } = checked.checkpoint
  const seconds = Math.max(0, ...checked.logKeys.map(({ timestamp }) => timestamp ?? 0))
  const signedAt = Math.max(seconds === 0 ? Date.now() : seconds * 1000, (last?.signedAt ?? 0) + 1)
  return { size, root, seq, signedAt, note, quorum: 'none' }
}

function definedNote<T extends { readonly note: Uint8Array | undefined }>(
  head: T,
): Omit<T, 'note'> & { readonly note?: Uint8Array } {
  const { note, ...rest } = head
  return note === undefined ? rest : { ...rest, note }
}

// The logs that this mirror copies: those that it knows (src/witness/known-logs.ts), each with its row of log.logs, which is made
// when the first checkpoint comes.
import { LogError } from '../log/errors.ts'
import type { LogStore } from '../log/ports.ts'
import type { LogInfo } from '../log/types.ts'
import { hashOfOrigin, type KnownLogs } from '../witness/known-logs.ts'
import { type Copy, copyOf } from './copy.ts'

export interface Copies {
  /** Undefined for an origin that is not known. @throws LogError `log_exists` when the origin is that of a log of our own */
  of(origin: string): Promise<Copy | undefined>
  /** The copy whose origin has this SHA-256, in lower-case hex, if anything was copied yet. */
  existing(hash: string): Promise<LogInfo | undefined>
}

/** Readers who ask for what is not there are told from a list that is so old at most; milliseconds. */
const LIST_AGE = 1_000

export function createCopies(
  store: Pick<LogStore, 'logs' | 'createLog' | 'change'>,
  known: Pick<KnownLogs, 'verifiersOf' | 'originOf'>,
): Copies {
  const copies = new Map<string, Copy>()
  let list: { readonly at: number; readonly rows: Promise<readonly LogInfo[]> } | undefined

  /** Anybody may ask for any log that is known, and reading the list of many logs is work. */
  function recentList(): Promise<readonly LogInfo[]> {
    const now = performance.now()
    if (list !== undefined && now - list.at < LIST_AGE) return list.rows
    const rows = store.logs()
    list = { at: now, rows }
    rows.catch(() => (list = undefined))
    return rows
  }

  async function rowOf(
    origin: string,
    rows: Promise<readonly LogInfo[]> = store.logs(),
  ): Promise<LogInfo | undefined> {
    const row = (await rows).find((log) => log.origin === origin)
    if (row !== undefined && !row.mirrored)
      throw new LogError(
        'log_exists',
        `${origin} is a log of this database itself: a mirror needs one of its own`,
      )
    return row
  }

  /** A row for the copy that has all keys of the log. */
  async function ensureRow(origin: string, vkeys: readonly string[]): Promise<LogInfo> {
    const row = (await rowOf(origin)) ?? (await createRow(origin, vkeys))
    const missing = vkeys.filter((vkey) => !row.vkeys.includes(vkey))
    if (missing.length === 0) return row
    await store.change(
      row,
      missing.map((value) => ({ what: 'key_added', value })),
    )
    return (await rowOf(origin)) ?? row
  }

  async function createRow(origin: string, vkeys: readonly string[]): Promise<LogInfo> {
    try {
      const name = `copy-${hashOfOrigin(origin).slice(0, 40)}`
      return await store.createLog({ name, origin, public: true, dedup: false, vkeys, mirrored: true })
    } catch (error) {
      const row = error instanceof LogError && error.code === 'log_exists' ? await rowOf(origin) : undefined
      if (row === undefined) throw error
      return row // another request was faster
    }
  }

  return {
    async of(origin) {
      const verifiers = known.verifiersOf(origin)
      if (verifiers === undefined) return undefined
      const copy = copies.get(origin)
      if (copy?.verifiers.length === verifiers.length) return copy // keys are only ever added
      const info = await ensureRow(
        origin,
        verifiers.map(({ vkey }) => vkey),
      )
      const made = copyOf(info)
      if (info.vkeys.length === verifiers.length) copies.set(origin, made)
      return made
    },
    async existing(hash) {
      const origin = known.originOf(hash)
      if (origin === undefined) return undefined
      return copies.get(origin)?.info ?? (await rowOf(origin, recentList()))
    },
  }
}

// Rotation of the key-encryption key. Add one to the file on every machine (key-file.ts addKek), then run this: afterwards nothing
// is wrapped under the older ones, nothing can be any more, and their lines may go.
import type { Sql } from '../../db/connect.ts'
import { AuditError } from '../event/errors.ts'
import { available } from './available.ts'
import { type Keks, openKeks } from './keks.ts'
import type { Kek } from './key-file.ts'
import { unwrapSecret, wrapSecret } from './secrets.ts'
import { unwrapSubjectKey, wrapSubjectKey } from './subject-key.ts'
import type { VaultOptions } from './vault.ts'

export interface Rewrapped {
  /** The key under which everything is wrapped now. */
  readonly kekId: string
  /** Subjects whose keys were wrapped anew by this run. */
  readonly subjects: number
}

/** Keys of one statement. */
const AT_ONCE = 1_000

/**
 * Wraps every key of the vault under the newest key of the file; may be stopped and run again. The service goes on meanwhile.
 * @param onProgress told how many keys of subjects are wrapped anew, of how many
 * @throws AuditError `vault_key_missing` when the file lacks a key that is in use, or its newest one was retired before
 */
export async function rewrap(
  { db: { sql }, keyFile }: VaultOptions,
  onProgress: (done: number, all: number) => void = () => {},
): Promise<Rewrapped> {
  return available(async () => {
    const keks = await openKeks(sql, keyFile)
    const newest = keks.newest()
    await retireOthers(sql, keks, newest)
    await rewrapSecrets(sql, keks, newest)
    return { kekId: newest.id, subjects: await rewrapSubjects(sql, keks, newest, onProgress) }
  })
}

/** From here on no process wraps under another key: one that does not know the newest reads its file again, or fails. */
async function retireOthers(sql: Sql, keks: Keks, newest: Kek): Promise<void> {
  const rows = await sql<{ kekId: string; live: boolean }[]>`
    SELECT kek_id AS "kekId", retired_at IS NULL AS live FROM vault.keks`
  if (rows.some(({ kekId, live }) => kekId === newest.id && !live)) {
    throw new AuditError(
      'vault_key_missing',
      `the newest key of the file, ${newest.id}, was retired before: this is an older file; use the one that the service uses`,
    )
  }
  for (const { kekId, live } of rows) if (live) await keks.find(kekId)
  await sql`UPDATE vault.keks SET retired_at = now() WHERE kek_id <> ${newest.id} AND retired_at IS NULL`
}

async function rewrapSecrets(sql: Sql, keks: Keks, newest: Kek): Promise<void> {
  const rows = await sql<{ name: string; kekId: string; wrapped: Buffer }[]>`
    SELECT name, kek_id AS "kekId", wrapped FROM vault.secrets WHERE kek_id <> ${newest.id}`
  for (const { name, kekId, wrapped } of rows) {
    const secret = unwrapSecret(await keks.find(kekId), name, wrapped)
    await sql`
      UPDATE vault.secrets SET kek_id = ${newest.id}, wrapped = ${wrapSecret(newest, name, secret)}
      WHERE name = ${name} AND kek_id = ${kekId}`
    secret.fill(0)
  }
}

async function rewrapSubjects(
  sql: Sql,
  keks: Keks,
  newest: Kek,
  onProgress: (done: number, all: number) => void,
): Promise<number> {
  const [counted] = await sql<{ all: number }[]>`
    SELECT count(*)::bigint AS all FROM vault.subject_keys WHERE kek_id <> ${newest.id}`
  const all = counted?.all ?? 0
  let done = 0
  for (let last = 0; ;) {
    const rows = await sql<
      { subjectId: number; logId: number; ref: string; kekId: string; wrapped: Buffer }[]
    >`
      SELECT subject_id AS "subjectId", s.log_id AS "logId", s.ref, k.kek_id AS "kekId", k.wrapped
      FROM vault.subject_keys k JOIN vault.subjects s USING (subject_id)
      WHERE k.kek_id <> ${newest.id} AND subject_id > ${last} ORDER BY subject_id LIMIT ${AT_ONCE}`
    const end = rows.at(-1)
    if (end === undefined) return done
    const wraps: string[] = []
    for (const { kekId, wrapped, ...place } of rows) {
      const key = unwrapSubjectKey(await keks.find(kekId), place, wrapped)
      wraps.push(wrapSubjectKey(newest, place, key).toString('hex'))
      key.fill(0)
    }
    await sql`
      UPDATE vault.subject_keys k SET kek_id = ${newest.id}, wrapped = decode(n.wrapped, 'hex')
      FROM unnest(${rows.map(({ subjectId }) => subjectId)}::bigint[], ${wraps}::text[]) AS n(subject_id, wrapped)
      WHERE k.subject_id = n.subject_id AND k.kek_id <> ${newest.id}`
    last = end.subjectId
    done += rows.length
    onProgress(done, Math.max(all, done))
  }
}

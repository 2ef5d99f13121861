// New subjects, as many as a batch needs, in one statement.
import { randomBytes } from 'node:crypto'
import type { Sql } from '../../db/connect.ts'
import { sqlState } from '../../store/errors.ts'
import { AuditError } from '../event/errors.ts'
import type { Keks } from './keks.ts'
import type { Secrets } from './secrets.ts'
import { wrapSubjectKey } from './subject-key.ts'

/** SQLSTATE of a deadlock. */
const DEADLOCK = '40P01'

/**
 * New subjects with new keys, one statement; those that another process makes at the same moment are left to it. Nothing is
 * wrapped under a key-encryption key that was retired: this process reads the key file again first.
 */
export async function insertSubjects(
  sql: Sql,
  { keks, secrets }: { keks: Keks; secrets: Secrets },
  logId: number,
  subjects: readonly (readonly [lookup: string, kind: string])[],
): Promise<void> {
  const kek = keks.newest()
  const refs = subjects.map(() => randomBytes(16).toString('base64url'))
  const wraps = refs.map((ref) => {
    const key = randomBytes(32)
    const wrapped = wrapSubjectKey(kek, { logId, ref }, key).toString('hex')
    key.fill(0)
    return wrapped
  })
  try {
    const [row] = await sql<{ live: boolean }[]>`
      WITH live AS MATERIALIZED (
        SELECT kek_id FROM vault.keks WHERE kek_id = ${kek.id} AND retired_at IS NULL FOR SHARE
      ), made AS (
        INSERT INTO vault.subjects (log_id, kind, ref, lookup)
        SELECT ${logId}::integer, n.kind, n.ref, decode(n.lookup, 'hex')
        FROM unnest(${subjects.map(([, kind]) => kind)}::text[], ${refs}::text[], ${subjects.map(([lookup]) => lookup)}::text[])
          WITH ORDINALITY AS n(kind, ref, lookup, i)
        WHERE EXISTS (SELECT FROM live) ORDER BY n.i
        ON CONFLICT (log_id, lookup) DO NOTHING RETURNING subject_id, ref
      ), keyed AS (
        INSERT INTO vault.subject_keys (subject_id, kek_id, wrapped)
        SELECT made.subject_id, ${kek.id}, decode(n.wrapped, 'hex')
        FROM made JOIN unnest(${refs}::text[], ${wraps}::text[]) AS n(ref, wrapped) USING (ref)
      )
      SELECT EXISTS (SELECT FROM live) AS live`
    if (row?.live !== true) await leaveRetired(keks, secrets, kek.id)
  } catch (error) {
    if (sqlState(error) !== DEADLOCK) throw error // the caller looks again
  }
}

async function leaveRetired(keks: Keks, secrets: Secrets, kekId: string): Promise<void> {
  await keks.reload()
  await secrets.check()
  if (keks.newest().id !== kekId) return
  throw new AuditError(
    'vault_key_missing',
    `the newest key of the vault's key file, ${kekId}, was retired: this process needs the file of those that serve the database now`,
  )
}

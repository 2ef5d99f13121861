// The transaction that destroys what is known of a subject.
import type { Sql, Transaction } from '../../db/connect.ts'
import type { Subject } from '../event/types.ts'
import { NOTHING_SCANNED, type Scanned, scanFields } from './erased-fields.ts'
import { lockHolds, refuseHeld } from './holds.ts'
import { rangesOf } from './ranges.ts'
import type { SubjectKey } from './subject-key.ts'
import type { KeyRow, Subjects } from './subjects.ts'

/** Rows that others derived from entries, destroyed in the same transaction. `indexes` ascend. */
export type ForgetDerived = (tx: Transaction, logId: number, indexes: readonly number[]) => Promise<void>

export interface Condemned {
  readonly id: string
  readonly logId: number
  readonly subjectId: number
}

/** A subject of some log that holds what was said elsewhere about those who are erased. */
export interface Companion {
  readonly logId: number
  readonly subject: Subject
}

/**
 * Destroys the key, the lookup and the disclosures of a subject whose erasure is approved, and notes what there was. Does
 * nothing when that has happened already.
 * @param companions destroyed in the same transaction, as far as they are there
 * @throws AuditError `subject_held`; what `forgetDerived` throws; nothing is destroyed then
 */
export async function shred(
  sql: Sql,
  subjects: Subjects,
  erasure: Condemned,
  forgetDerived: ForgetDerived,
  companions: readonly Companion[] = [],
): Promise<void> {
  const { logId, subjectId } = erasure
  const key = await readKey(sql, subjects, erasure)
  // Most of it is looked at before anybody has to wait for us.
  const scanned = key === undefined ? NOTHING_SCANNED : await scanFields(sql, logId, key, NOTHING_SCANNED)
  const destroyed = [subjectId]
  await sql.begin(async (tx) => {
    await lockHolds(tx, logId)
    if (!(await isApproved(tx, erasure.id))) return
    await refuseHeld(tx, logId, subjectId)
    // First: it waits for the appends that hold the key, and those that come later find it gone (sidecars.ts).
    await tx`DELETE FROM vault.subject_keys WHERE subject_id = ${subjectId}`
    const all = key === undefined ? scanned : await scanFields(tx, logId, key, scanned)
    const indexes = await destroyDisclosures(tx, subjectId)
    await tx`UPDATE vault.subjects SET lookup = NULL WHERE subject_id = ${subjectId}`
    await forgetDerived(tx, logId, indexes)
    for (const companion of companions) {
      const found = await shredCompanion(tx, subjects, companion, forgetDerived)
      if (found !== undefined) destroyed.push(found)
    }
    await noteShredded(tx, erasure.id, indexes, all)
  })
  for (const gone of destroyed) subjects.forget(gone)
}

/** Erasures that share one wait for each other here, so the one that is found is the one of now. */
async function shredCompanion(
  tx: Transaction,
  subjects: Subjects,
  { logId, subject }: Companion,
  forgetDerived: ForgetDerived,
): Promise<number | undefined> {
  await lockHolds(tx, logId)
  const found = await subjects.find(logId, subject)
  if (found === undefined) return undefined
  const { subjectId } = found
  await refuseHeld(tx, logId, subjectId)
  await tx`DELETE FROM vault.subject_keys WHERE subject_id = ${subjectId}`
  const indexes = await destroyDisclosures(tx, subjectId)
  await tx`UPDATE vault.subjects SET lookup = NULL WHERE subject_id = ${subjectId}`
  await forgetDerived(tx, logId, indexes)
  return subjectId
}

async function readKey(
  sql: Sql,
  subjects: Subjects,
  { logId, subjectId }: Condemned,
): Promise<SubjectKey | undefined> {
  const [row] = await sql<KeyRow[]>`
    SELECT subject_id AS "subjectId", s.ref, k.kek_id AS "kekId", k.wrapped
    FROM vault.subject_keys k JOIN vault.subjects s USING (subject_id) WHERE subject_id = ${subjectId}`
  return row === undefined ? undefined : subjects.keyOf(logId, row)
}

async function isApproved(tx: Transaction, id: string): Promise<boolean> {
  const [row] = await tx<
    { state: string }[]
  >`SELECT state FROM vault.erasures WHERE erasure_id = ${id} FOR UPDATE`
  return row?.state === 'approved'
}

async function destroyDisclosures(tx: Transaction, subjectId: number): Promise<number[]> {
  const rows = await tx<
    { index: number }[]
  >`DELETE FROM vault.disclosures WHERE subject_id = ${subjectId} RETURNING index`
  return rows.map(({ index }) => index).toSorted((a, b) => a - b)
}

async function noteShredded(
  tx: Transaction,
  id: string,
  indexes: readonly number[],
  { fields }: Scanned,
): Promise<void> {
  await tx`
    UPDATE vault.erasures SET state = 'shredded', entries = ${indexes.length}, ranges = ${rangesOf(indexes).flat()}::bigint[],
      fields = ${[...fields].toSorted()}::text[]
    WHERE erasure_id = ${id}`
}

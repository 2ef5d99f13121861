// Ciphertexts of entries, beside the keys that open them.
import type { Sql } from '../../db/connect.ts'
import { copyOut, type RowVisitor } from '../../store/copy-out.ts'
import { available } from './available.ts'
import type { SealedEntry } from './types.ts'

/** A row of vault.disclosures; `ref`, `kekId` and `wrapped` are null when its subject's row, or key, is not there. */
export interface SealedRow {
  readonly index: number
  readonly subjectId: number
  readonly sealed: Buffer
  readonly ref: string | null
  readonly kekId: string | null
  readonly wrapped: Buffer | null
}

/** Entries from which on a copy pays. */
const MANY = 256

/** Rows by index, in the order of subjects. One statement, so that a disclosure without a key is damage and not an erasure that came in between. */
export async function readSealed(
  sql: Sql,
  logId: number,
  entries: readonly SealedEntry[],
): Promise<ReadonlyMap<number, readonly SealedRow[]>> {
  const [first] = entries
  const last = entries.at(-1)
  if (first !== undefined && last !== undefined && isRange(entries, last.index - first.index))
    return readSealedRange(sql, logId, first.index, last.index + 1)
  const rows = createRows()
  for (const row of await available(() => selectRows(sql, logId, entries))) rows.add(row)
  return rows.byIndex
}

/** The same of all entries from `start` to `end`, exclusive. */
export async function readSealedRange(
  sql: Sql,
  logId: number,
  start: number,
  end: number,
): Promise<ReadonlyMap<number, readonly SealedRow[]>> {
  const rows = createRows()
  await available(() => copyRange(sql, logId, start, end, rows.add))
  return rows.byIndex
}

function createRows(): {
  readonly byIndex: ReadonlyMap<number, readonly SealedRow[]>
  readonly add: (row: SealedRow) => void
} {
  const byIndex = new Map<number, SealedRow[]>()
  return {
    byIndex,
    add: (row) => {
      const some = byIndex.get(row.index)
      if (some === undefined) byIndex.set(row.index, [row])
      else if (some.at(-1)?.subjectId !== row.subjectId) some.push(row) // an entry that was asked for twice
    },
  }
}

/** Many, ascending, most of those between the first and the last. */
function isRange(entries: readonly SealedEntry[], width: number): boolean {
  return (
    entries.length >= MANY &&
    width < 2 * entries.length &&
    entries.every(({ index }, i) => i === 0 || index > (entries[i - 1]?.index ?? index))
  )
}

function selectRows(
  sql: Sql,
  logId: number,
  entries: readonly SealedEntry[],
): PromiseLike<readonly SealedRow[]> {
  return sql<SealedRow[]>`
    SELECT d.index, d.subject_id AS "subjectId", d.sealed, s.ref, k.kek_id AS "kekId", k.wrapped
    FROM unnest(${entries.map(({ index }) => index)}::bigint[]) AS w(index)
    JOIN vault.disclosures d ON d.log_id = ${logId} AND d.index = w.index
    LEFT JOIN vault.subjects s USING (subject_id) LEFT JOIN vault.subject_keys k USING (subject_id)
    ORDER BY d.index, d.subject_id`
}

/** The bytes do not travel as text. In a transaction, for the driver would send other statements into the copy. */
function copyRange(
  sql: Sql,
  logId: number,
  start: number,
  end: number,
  add: (row: SealedRow) => void,
): Promise<void> {
  const query = `SELECT d.index, d.subject_id, d.sealed, s.ref, k.kek_id, k.wrapped
    FROM vault.disclosures d
    LEFT JOIN vault.subjects s USING (subject_id) LEFT JOIN vault.subject_keys k USING (subject_id)
    WHERE d.log_id = ${logId} AND d.index >= ${start} AND d.index < ${end} ORDER BY d.index, d.subject_id`
  const visit: RowVisitor = (bytes, starts, sizes) => {
    const [index = 0, subject = 0, sealed = 0, ref = 0, kek = 0, wrapped = 0] = starts
    const [, , sealedSize = 0, refSize = -1, kekSize = -1, wrappedSize = -1] = sizes
    add({
      index: Number(bytes.readBigInt64BE(index)),
      subjectId: Number(bytes.readBigInt64BE(subject)),
      sealed: Buffer.from(bytes.subarray(sealed, sealed + sealedSize)),
      ref: refSize < 0 ? null : bytes.toString('latin1', ref, ref + refSize),
      kekId: kekSize < 0 ? null : bytes.toString('latin1', kek, kek + kekSize),
      wrapped: wrappedSize < 0 ? null : Buffer.from(bytes.subarray(wrapped, wrapped + wrappedSize)),
    })
  }
  return sql.begin((tx) => copyOut(tx, query, visit))
}

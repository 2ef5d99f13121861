// Which kinds of fields an erasure destroys: what the entry about it says of them. Names that senders make up are left out, for
// they may identify somebody.
import { parseDisclosure } from '../../core/disclosure.ts'
import type { Sql, Transaction } from '../../db/connect.ts'
import { splitDisclosures } from './plaintext.ts'
import { bindingOf } from './seal.ts'
import type { SubjectKey } from './subject-key.ts'
import { openBytes } from './wrap.ts'

/** What was looked at until now: the rest is looked at once nothing can be added any more. */
export interface Scanned {
  readonly fields: ReadonlySet<string>
  /** Entries below this index. */
  readonly next: number
}

export const NOTHING_SCANNED: Scanned = { fields: new Set(), next: 0 }

/** Members whose own members senders name. */
const OPEN = new Set(['params', 'extra', 'evidence'])
/** Rows of one statement. */
const AT_ONCE = 1_000

/** `targets.0.name` → `targets.name`, `params.whatever` → `params`. */
export function fieldClass(path: string): string {
  const [first = '', ...rest] = path.split('.').filter((part) => !/^[0-9]+$/.test(part))
  const [second] = rest
  return second === undefined || OPEN.has(first) ? first : `${first}.${second}`
}

/** Goes on where `from` ended. */
export async function scanFields(
  sql: Sql | Transaction,
  logId: number,
  key: SubjectKey,
  from: Scanned,
): Promise<Scanned> {
  const fields = new Set(from.fields)
  for (let next = from.next; ;) {
    const rows = await sql<{ index: number; sealed: Buffer; leafHash: Buffer }[]>`
      SELECT d.index, d.sealed, e.leaf_hash AS "leafHash"
      FROM vault.disclosures d JOIN log.entries e USING (log_id, index)
      WHERE d.subject_id = ${key.subjectId} AND d.index >= ${next} AND d.log_id = ${logId}
      ORDER BY d.index LIMIT ${AT_ONCE}`
    const last = rows.at(-1)
    if (last === undefined) return { fields, next }
    for (const { sealed, leafHash } of rows)
      for (const name of classesOf(logId, key, sealed, leafHash)) fields.add(name)
    next = last.index + 1
  }
}

function classesOf(logId: number, key: SubjectKey, sealed: Buffer, leafHash: Buffer): string[] {
  try {
    const disclosures = splitDisclosures(openBytes(key.sealing, sealed, bindingOf(logId, leafHash)))
    return disclosures.map((disclosure) => fieldClass(parseDisclosure(disclosure).path))
  } catch {
    return ['unreadable'] // was changed in the database; destroyed all the same
  }
}

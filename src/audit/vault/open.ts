// Disclosures of entries, decrypted. What cannot be decrypted is damage, and said per entry.
import type { Sql } from '../../db/connect.ts'
import { AuditError } from '../event/errors.ts'
import { available } from './available.ts'
import { splitDisclosures, splitTexts } from './plaintext.ts'
import { readSealed, readSealedRange, type SealedRow } from './read-sealed.ts'
import { bindingOf } from './seal.ts'
import type { SubjectKey } from './subject-key.ts'
import type { Subjects } from './subjects.ts'
import type { OnDamage, OpenTexts, Range, SealedEntry } from './types.ts'
import { openBytes } from './wrap.ts'

/** Entries of one statement. */
const AT_ONCE = 4_096

/** See Vault.open. */
export async function openEntries(
  sql: Sql,
  subjects: Subjects,
  logId: number,
  entries: readonly SealedEntry[],
  onDamage: OnDamage = refuse,
): Promise<string[][]> {
  const opened: string[][] = []
  const damaged: AuditError[] = []
  for (let at = 0; at < entries.length; at += AT_ONCE) {
    const some = entries.slice(at, at + AT_ONCE)
    const rows = await readSealed(sql, logId, some)
    const opening = { subjects, logId, rows, split: splitDisclosures, onDamage: damaged.push.bind(damaged) }
    for (const entry of some) opened.push(await openEntry(opening, entry))
  }
  if (damaged.length > 0) onDamage(damaged)
  return opened
}

/** See Vault.openRange. */
export async function openRange(
  sql: Sql,
  subjects: Subjects,
  logId: number,
  { start, end }: Range,
  onDamage: OnDamage,
): Promise<OpenTexts> {
  const rows = await readSealedRange(sql, logId, start, end)
  const opening = { subjects, logId, rows, split: splitTexts, onDamage: (one: AuditError) => onDamage([one]) }
  return (entry) => openEntry(opening, entry)
}

interface Opening {
  readonly subjects: Subjects
  readonly logId: number
  readonly rows: ReadonlyMap<number, readonly SealedRow[]>
  /** Makes of a plaintext what is wanted. */
  readonly split: (plain: Buffer) => string[]
  readonly onDamage: (damage: AuditError) => void
}

/** At once when the keys are remembered. */
function openEntry(opening: Opening, { index, leafHash }: SealedEntry): string[] | Promise<string[]> {
  const { subjects, logId, rows, split, onDamage } = opening
  const binding = bindingOf(logId, leafHash)
  const opened = (rows.get(index) ?? []).map((row) => openRow(subjects, logId, binding, row))
  const splitAll = (results: readonly (Buffer | AuditError)[]): string[] =>
    results.flatMap((result) => {
      if (!(result instanceof AuditError)) return split(result)
      onDamage(result)
      return []
    })
  if (opened.every(isSettled)) return splitAll(opened)
  return Promise.all(opened.map(async (result) => result)).then(splitAll)
}

function isSettled<T>(result: T | Promise<T>): result is T {
  return !(result instanceof Promise)
}

/** Whoever does not say what to do about damage is not given less than there is without hearing of it. */
function refuse(damaged: readonly AuditError[]): void {
  const [first] = damaged
  if (first === undefined) return
  const indexes = [...new Set(damaged.map(({ evidence }) => evidence['index']))]
  throw new AuditError('vault_damaged', first.message, { ...first.evidence, indexes })
}

/** At once when the key is remembered. */
function openRow(
  subjects: Subjects,
  logId: number,
  binding: Buffer,
  row: SealedRow,
): Buffer | AuditError | Promise<Buffer | AuditError> {
  const { index, subjectId, ref, kekId, wrapped } = row
  if (ref === null || kekId === null || wrapped === null)
    return damage(index, 'the key of their subject is not there')
  const known = subjects.known(subjectId)
  if (known !== undefined) return decrypt(known, row, binding)
  return available(() => subjects.keyOf(logId, { subjectId, ref, kekId, wrapped })).then(
    (key) => decrypt(key, row, binding),
    (error: unknown) => {
      if (error instanceof AuditError && error.code === 'vault_damaged') return damage(index, error.message)
      throw error
    },
  )
}

function decrypt(
  { sealing }: SubjectKey,
  { index, sealed }: SealedRow,
  binding: Buffer,
): Buffer | AuditError {
  try {
    return openBytes(sealing, sealed, binding)
  } catch {
    return damage(index, 'they were changed, or belong to another entry')
  }
}

function damage(index: number, why: string): AuditError {
  return new AuditError(
    'vault_damaged',
    `the personal fields of entry ${index} cannot be opened (${why}): somebody changed the database; restore the row in vault.disclosures from a backup`,
    { index },
  )
}

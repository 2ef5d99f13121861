// Subjects and their keys: found, made for a whole batch in one statement, and remembered until they are destroyed.
import type { Sql } from '../../db/connect.ts'
import { AuditError } from '../event/errors.ts'
import type { Subject } from '../event/types.ts'
import { available } from './available.ts'
import { insertSubjects } from './insert-subjects.ts'
import type { Keks } from './keks.ts'
import type { Secrets } from './secrets.ts'
import { type SubjectCache, subjectCache } from './subject-cache.ts'
import { deriveSubjectKey, type SubjectKey, unwrapSubjectKey } from './subject-key.ts'

export interface Subjects {
  /** Keys of subjects, in their order; made for those that the log does not know. @throws AuditError `vault_unavailable`, `vault_key_missing`, `vault_damaged` */
  keysFor(logId: number, subjects: readonly Subject[]): Promise<SubjectKey[]>
  /** A subject that the log knows and that was not erased. @throws AuditError `vault_unavailable` */
  find(logId: number, subject: Subject): Promise<FoundSubject | undefined>
  /** The same by its ref. @throws AuditError `vault_unavailable` */
  findRef(logId: number, ref: string): Promise<FoundSubject | undefined>
  /** The key of a row. @throws AuditError `vault_key_missing`, `vault_damaged` */
  keyOf(logId: number, row: KeyRow): Promise<SubjectKey>
  /** The key, if it is remembered. */
  known(subjectId: number): SubjectKey | undefined
  /** Of one subject, or of all. */
  forget(subjectId?: number): void
}

export interface FoundSubject {
  readonly subjectId: number
  readonly ref: string
  readonly kind: Subject['kind']
}

/** A key as it is stored. */
export interface KeyRow {
  readonly subjectId: number
  readonly ref: string
  readonly kekId: string
  readonly wrapped: Buffer
}

/** Subjects of one statement. */
const AT_ONCE = 4_096
/** Another process made, or destroyed, the same subject at the same moment. */
const ATTEMPTS = 8

/** What a process knows a subject by; never stored. */
function nameOf(logId: number, { kind, id }: Subject): string {
  return `${logId} ${kind} ${id}`
}

interface Sources {
  readonly sql: Sql
  readonly keks: Keks
  readonly secrets: Secrets
  readonly cache: SubjectCache
}

export function createSubjects(sql: Sql, keks: Keks, secrets: Secrets): Subjects {
  const cache = subjectCache()
  const sources = { sql, keks, secrets, cache }
  return {
    keyOf: (logId, row) => keyOf(sources, logId, row),
    known: (subjectId) => cache.get(subjectId),
    async keysFor(logId, subjects) {
      const names = subjects.map((subject) => nameOf(logId, subject))
      const keys = names.map((name) => cache.named(name))
      const unknown = new Map<string, Subject>()
      for (const [i, subject] of subjects.entries())
        if (keys[i] === undefined) unknown.set(names[i] as string, subject)
      const obtained = new Map<string, SubjectKey>()
      const all = [...unknown]
      for (let at = 0; at < all.length; at += AT_ONCE)
        await available(() => obtain(sources, logId, all.slice(at, at + AT_ONCE), obtained))
      return keys.map((known, i) => known ?? keyAmong(obtained, names[i]))
    },
    async find(logId, { kind, id }) {
      const lookup = secrets.lookupOf(kind, id)
      const [row] = await available(
        () => sql<FoundSubject[]>`
          SELECT subject_id AS "subjectId", ref, kind FROM vault.subjects WHERE log_id = ${logId} AND lookup = ${lookup}`,
      )
      return row
    },
    async findRef(logId, ref) {
      const [row] = await available(
        () => sql<FoundSubject[]>`
          SELECT subject_id AS "subjectId", ref, kind FROM vault.subjects
          WHERE log_id = ${logId} AND ref = ${ref} AND lookup IS NOT NULL`,
      )
      return row
    },
    forget: (subjectId) => cache.forget(subjectId),
  }
}

function keyAmong(keys: ReadonlyMap<string, SubjectKey>, name: string | undefined): SubjectKey {
  const key = name === undefined ? undefined : keys.get(name)
  if (key === undefined) throw new TypeError('a subject without a key')
  return key
}

async function keyOf({ keks, cache }: Sources, logId: number, row: KeyRow): Promise<SubjectKey> {
  const known = cache.get(row.subjectId)
  if (known !== undefined) return known
  const { epoch } = cache
  const kek = await keks.find(row.kekId)
  const key = unwrapSubjectKey(kek, { logId, ref: row.ref }, row.wrapped)
  const derived = deriveSubjectKey(row.subjectId, row.ref, key)
  key.fill(0)
  cache.add(derived, epoch)
  return derived
}

/** Keys of subjects that this process does not remember, into `keys`. */
async function obtain(
  sources: Sources,
  logId: number,
  subjects: readonly (readonly [name: string, subject: Subject])[],
  keys: Map<string, SubjectKey>,
): Promise<void> {
  const { sql, secrets } = sources
  const wanted = new Map<string, { name: string; kind: string }>()
  for (const [name, { kind, id }] of subjects)
    wanted.set(secrets.lookupOf(kind, id).toString('hex'), { name, kind })
  for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
    for (const { lookup, key } of await read(sources, logId, wanted)) {
      keys.set(wanted.get(lookup)?.name ?? '', key)
      wanted.delete(lookup)
    }
    if (wanted.size === 0) return
    // In one order everywhere, so that two processes that make the same subjects do not wait for each other in a circle.
    const missing = [...wanted].toSorted(([a], [b]) => (a < b ? -1 : 1))
    await insertSubjects(
      sql,
      sources,
      logId,
      missing.map(([lookup, { kind }]) => [lookup, kind]),
    )
  }
  throw new AuditError('vault_unavailable', 'subjects change faster than they can be read: try again')
}

/** Those of `wanted`, by lookup, that are in the database. */
async function read(
  sources: Sources,
  logId: number,
  wanted: ReadonlyMap<string, { readonly name: string }>,
): Promise<{ lookup: string; key: SubjectKey }[]> {
  const { sql, cache } = sources
  const { epoch } = cache
  const rows = await sql<(KeyRow & { lookup: string })[]>`
    SELECT s.subject_id AS "subjectId", s.ref, w.lookup, k.kek_id AS "kekId", k.wrapped
    FROM unnest(${[...wanted.keys()]}::text[]) AS w(lookup)
    JOIN vault.subjects s ON s.log_id = ${logId} AND s.lookup = decode(w.lookup, 'hex')
    JOIN vault.subject_keys k USING (subject_id)`
  const found: { lookup: string; key: SubjectKey }[] = []
  for (const row of rows) {
    const key = await keyOf(sources, logId, row)
    cache.name(wanted.get(row.lookup)?.name ?? '', key.subjectId, epoch)
    found.push({ lookup: row.lookup, key })
  }
  return found
}

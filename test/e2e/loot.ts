// All that somebody who has taken the data folder holds: the database, the key file, and every secret that these open.
import { chmodSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseEnvelope } from '../../src/audit/event/envelope.ts'
import type { Envelope } from '../../src/audit/event/types.ts'
import { keyOf } from '../../src/audit/search/keys.ts'
import { createTerms, type Terms } from '../../src/audit/search/terms.ts'
import { wordsOf } from '../../src/audit/search/words.ts'
import { type Kek, readKeyFile } from '../../src/audit/vault/key-file.ts'
import { digestOf } from '../../src/audit/vault/plaintext.ts'
import { bindingOf } from '../../src/audit/vault/seal.ts'
import { loadSecrets, type Secrets } from '../../src/audit/vault/secrets.ts'
import {
  deriveSubjectKey,
  eventSecret,
  namelessId,
  saltOf,
  type SubjectKey,
  unwrapSubjectKey,
} from '../../src/audit/vault/subject-key.ts'
import { openBytes } from '../../src/audit/vault/wrap.ts'
import { disclosureJson } from '../../src/core/disclosure.ts'
import type { Sql } from '../../src/db/connect.ts'

export interface Loot {
  readonly secrets: Secrets
  readonly terms: Terms
  readonly keys: readonly SubjectKey[]
  readonly events: readonly { readonly log: string; readonly index: number; readonly envelope: Envelope }[]
  /** Every disclosure that can be opened, as JSON. */
  readonly opened: readonly { readonly log: string; readonly index: number; readonly text: string }[]
  readonly lookups: ReadonlySet<string>
  readonly storedTerms: ReadonlySet<number>
  /** Every row of every table of every schema, as text and in the binary format of COPY. */
  readonly dump: readonly { readonly table: string; readonly bytes: Buffer }[]
}

/** @param sql of the owner */
export async function steal(sql: Sql, folder: string): Promise<Loot> {
  const keks = (await readKeyFile(join(folder, 'vault.key'))) ?? []
  const kekOf = async (id: string): Promise<Kek> => keks.find((kek) => kek.id === id)!
  const secrets = await loadSecrets(sql, kekOf)
  const rows = await sql<{ logId: number; subjectId: number; ref: string; kekId: string; wrapped: Buffer }[]>`
    SELECT log_id AS "logId", subject_id AS "subjectId", ref, kek_id AS "kekId", wrapped
    FROM vault.subject_keys JOIN vault.subjects USING (subject_id)`
  const keys = new Map<number, SubjectKey>()
  for (const { logId, subjectId, ref, kekId, wrapped } of rows) {
    const key = unwrapSubjectKey(await kekOf(kekId), { logId, ref }, wrapped)
    keys.set(subjectId, deriveSubjectKey(subjectId, ref, key))
  }
  const lookups = await sql<{ lookup: Buffer }[]>`SELECT lookup FROM vault.subjects WHERE lookup IS NOT NULL`
  // Those that the planner keeps samples of, too.
  const terms = await sql<{ term: number }[]>`
    SELECT DISTINCT unnest(terms) AS term FROM search.events UNION
    SELECT unnest(most_common_elems::text::int[]) FROM pg_stats WHERE schemaname = 'search' AND attname = 'terms'`
  return {
    secrets,
    terms: createTerms(secrets.secretFor('search')),
    keys: [...keys.values()],
    events: await readEnvelopes(sql),
    opened: await openAll(sql, keys),
    lookups: new Set(lookups.map(({ lookup }) => lookup.toString('hex'))),
    storedTerms: new Set(terms.map(({ term }) => term)),
    dump: await dump(sql),
  }
}

async function readEnvelopes(sql: Sql): Promise<Loot['events']> {
  const entries = await sql<{ log: string; index: number; data: Buffer }[]>`
    SELECT l.name AS log, e.index, e.data FROM log.entries e JOIN log.logs l USING (log_id) ORDER BY 1, 2`
  return entries.map(({ log, index, data }) => ({ log, index, envelope: parseEnvelope(data) }))
}

async function openAll(sql: Sql, keys: ReadonlyMap<number, SubjectKey>): Promise<Loot['opened']> {
  const sealed = await sql<
    { logId: number; log: string; index: number; subjectId: number; sealed: Buffer; leafHash: Buffer }[]
  >`
    SELECT d.log_id AS "logId", l.name AS log, d.index, d.subject_id AS "subjectId", d.sealed, e.leaf_hash AS "leafHash"
    FROM vault.disclosures d JOIN log.entries e USING (log_id, index) JOIN log.logs l USING (log_id)`
  return sealed.flatMap((row) => {
    const key = keys.get(row.subjectId)
    if (key === undefined) return []
    const text = openBytes(key.sealing, row.sealed, bindingOf(row.logId, row.leafHash)).toString()
    return [{ log: row.log, index: row.index, text }]
  })
}

async function dump(sql: Sql): Promise<Loot['dump']> {
  const tables = await sql<{ name: string }[]>`
    SELECT format('%I.%I', n.nspname, c.relname) AS name FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg_temp%'`
  const all: { table: string; bytes: Buffer }[] = []
  const folder = mkdtempSync(join(tmpdir(), 'prooflog-test-'))
  chmodSync(folder, 0o777) // the server writes into it, as another user
  for (const { name } of tables) {
    for (const format of ['text', 'binary'] as const) {
      // Catalogs have columns without a binary form.
      if (format === 'binary' && /^(pg_catalog|information_schema)\./.test(name)) continue
      const file = join(folder, `${all.length}`)
      await sql.unsafe(`COPY ${name} TO '${file}' (FORMAT ${format})`)
      all.push({ table: `${name} as ${format}`, bytes: readFileSync(file) })
    }
  }
  rmSync(folder, { recursive: true })
  return all
}

/** What somebody thinks that a person did. */
export interface Guess {
  readonly subjects: readonly { readonly kind: string; readonly id: string }[]
  /** Personal fields by path. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Canonical bytes of events that came without an id. */
  readonly nameless?: readonly Uint8Array[]
}

/** Whatever of the loot would be otherwise if the guess were wrong. */
export function confirm(loot: Loot, { subjects, fields, nameless = [] }: Guess, source: string): string[] {
  const found: string[] = []
  for (const { kind, id } of subjects)
    if (loot.lookups.has(loot.secrets.lookupOf(kind, id).toString('hex'))) found.push(`lookup of ${id}`)
  found.push(...digests(loot, fields, source))
  const ids = new Set(loot.events.map(({ envelope }) => envelope.id))
  for (const bytes of nameless) {
    const sets = [[], ...loot.keys.map((key) => [key])]
    if (sets.some((keys) => ids.has(namelessId(keys, bytes)))) found.push('derived id')
  }
  found.push(...terms(loot, fields))
  for (const value of textsOf(fields)) {
    const written = JSON.stringify(value).slice(1, -1).toLowerCase()
    const there = loot.opened.find(({ text }) => text.toLowerCase().includes(written))
    if (there !== undefined) found.push(`${value} in a disclosure of entry ${there.index} of ${there.log}`)
  }
  return found
}

function digests({ events, keys }: Loot, fields: Guess['fields'], source: string): string[] {
  const stored = new Set(events.flatMap(({ envelope }) => envelope._sd ?? []))
  const found = new Set<string>()
  const guesses = Object.entries(fields)
  for (const { envelope } of events.filter(({ log, index }) => log === 'default' && index < 300)) {
    for (const key of keys) {
      const secret = eventSecret(key, source, envelope.id)
      for (const [path, value] of guesses)
        if (stored.has(digestOf(disclosureJson(saltOf(secret, path), path, value))))
          found.add(`digest of ${path}`)
    }
  }
  // What was searched for.
  const searches = textsOf(fields).flatMap((text) =>
    ['actor', 'ip', 'text', 'target'].map((name) => [{ [name]: text }]),
  )
  for (const { envelope } of events.filter(({ log }) => log === '_meta')) {
    for (const key of keys) {
      const secret = eventSecret(key, 'prooflog', envelope.id)
      for (const path of ['params.sought', 'params.asked'])
        for (const value of searches)
          if (stored.has(digestOf(disclosureJson(saltOf(secret, path), path, value))))
            found.add(`digest of ${path}`)
    }
  }
  return [...found]
}

function terms({ terms: hashes, storedTerms }: Loot, fields: Guess['fields']): string[] {
  const found: string[] = []
  for (const text of textsOf(fields)) {
    const keys = [
      ...(['actor', 'target', 'ip', 'session'] as const).map((field) => keyOf(field, text)),
      ...wordsOf(text).map((word) => keyOf('w', word)),
    ]
    for (const key of keys)
      if (storedTerms.has(hashes.personal(key)) || storedTerms.has(hashes.clear(key)))
        found.push(`term ${key.replace('\0', ' ')}`)
  }
  return found
}

function textsOf(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  if (typeof value !== 'object' || value === null) return []
  return Object.values(value).flatMap(textsOf)
}

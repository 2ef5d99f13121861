// The attack that erasure has to withstand: somebody has the database, the key file, every secret and every other key, knows the
// code, and wants to know whether a person did something. A guess is confirmed when anything stored depends on it.
import { hash } from 'node:crypto'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { canonicalBytes } from '../../../src/audit/event/canonical.ts'
import { draftOf } from '../../../src/audit/event/draft.ts'
import { parseEnvelope } from '../../../src/audit/event/envelope.ts'
import { DEFAULT_PRIVACY } from '../../../src/audit/event/privacy.ts'
import type { Incoming } from '../../../src/audit/event/types.ts'
import { type Kek, readKeyFile } from '../../../src/audit/vault/key-file.ts'
import { digestOf } from '../../../src/audit/vault/plaintext.ts'
import { bindingOf } from '../../../src/audit/vault/seal.ts'
import { loadSecrets, type Secrets } from '../../../src/audit/vault/secrets.ts'
import {
  deriveSubjectKey,
  eventSecret,
  namelessId,
  saltOf,
  type SubjectKey,
  unwrapSubjectKey,
} from '../../../src/audit/vault/subject-key.ts'
import { openBytes } from '../../../src/audit/vault/wrap.ts'
import { disclosureJson } from '../../../src/core/disclosure.ts'
import { ALICE, erase, type Ground, incoming, type Process, vaultGround } from './ground.ts'

let ground: Ground
let process: Process
let logId: number
/** Each was really recorded: the right guess. With an id, without one, and with another person in it. */
const guesses: Incoming[] = [
  incoming('known id'),
  incoming(undefined, { message: 'came in without an id' }),
  incoming(undefined, { message: 'met bob', targets: [{ id: 'bob', type: 'user' }] }),
]

beforeAll(async () => {
  ground = await vaultGround()
  process = await ground.process()
  logId = ground.log.info.id
  await process.recorder.record(ground.log, guesses, 'app')
})
afterAll(() => ground.close())

interface Loot {
  readonly secrets: Secrets
  readonly keys: readonly SubjectKey[]
  readonly entries: readonly { readonly leafHash: Buffer; readonly data: Buffer }[]
  readonly lookups: readonly Buffer[]
  readonly sealed: readonly Buffer[]
  /** Every column of every table, as text. */
  readonly everything: string
}

async function steal(): Promise<Loot> {
  const { owner } = ground.database
  const keks = (await readKeyFile(ground.keyFile))!
  const kekOf = async (id: string): Promise<Kek> => keks.find((kek) => kek.id === id)!
  const secrets = await loadSecrets(owner, kekOf)
  const rows = await owner<{ subjectId: number; ref: string; kekId: string; wrapped: Buffer }[]>`
    SELECT subject_id AS "subjectId", ref, kek_id AS "kekId", wrapped FROM vault.subject_keys JOIN vault.subjects USING (subject_id)`
  const keys = await Promise.all(
    rows.map(async ({ subjectId, ref, kekId, wrapped }) =>
      deriveSubjectKey(subjectId, ref, unwrapSubjectKey(await kekOf(kekId), { logId, ref }, wrapped)),
    ),
  )
  // What else somebody might try as the key of a subject: whatever is known and has its length.
  const subjects = await owner<
    { ref: string; lookup: Buffer | null }[]
  >`SELECT ref, lookup FROM vault.subjects`
  const others = [
    ...keks.map(({ key }) => key.export()),
    ...['lookup', 'purposes', 'search'].map((purpose) => secrets.secretFor(purpose)),
    ...subjects.map(({ ref }) => secrets.lookupOf('actor', ref)),
    secrets.lookupOf('actor', ALICE.id),
    Buffer.from(hash('sha256', ALICE.id, 'hex'), 'hex'),
    Buffer.alloc(32),
  ]
  const tables = await owner`
    SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname IN ('vault', 'log', 'search', 'follow', 'pg_catalog')`
  const texts: string[] = []
  for (const { name } of tables) {
    texts.push(
      ...(await owner.unsafe(`SELECT t::text AS row FROM ${String(name)} t`)).map(({ row }) => String(row)),
    )
  }
  const entries = await owner<
    { leafHash: Buffer; data: Buffer }[]
  >`SELECT leaf_hash AS "leafHash", data FROM log.entries`
  const sealed = await owner<{ sealed: Buffer }[]>`SELECT sealed FROM vault.disclosures`
  return {
    secrets,
    keys: [...keys, ...others.map((key, i) => deriveSubjectKey(-1 - i, 'none', key))],
    entries,
    lookups: subjects.flatMap(({ lookup }) => (lookup === null ? [] : [lookup])),
    sealed: sealed.map((row) => row.sealed),
    everything: texts.join('\n'),
  }
}

/** What confirms the guess. */
function confirm(loot: Loot, guess: Incoming): string[] {
  const draft = draftOf(guess, 'app', DEFAULT_PRIVACY)
  const found: string[] = []
  const envelopes = loot.entries.map(({ data }) => parseEnvelope(data))
  const digests = new Set(envelopes.flatMap(({ _sd }) => _sd ?? []))
  if (loot.lookups.some((lookup) => lookup.equals(loot.secrets.lookupOf(ALICE.kind, ALICE.id))))
    found.push('lookup')
  for (const key of loot.keys) {
    for (const { id } of envelopes) {
      const secret = eventSecret(key, 'app', id)
      for (const { subject, path, value } of draft.personal) {
        if (draft.subjects[subject]!.id !== ALICE.id) continue // Bob lives: his fields are there to be read
        const salts = [saltOf(secret, path), key.ref, id, '']
        if (salts.some((salt) => digests.has(digestOf(disclosureJson(salt, path, value)))))
          found.push(`digest of ${path}`)
      }
    }
    for (const { data, leafHash } of loot.entries) {
      for (const sealed of loot.sealed) {
        if (opens(key, sealed, leafHash)?.includes(ALICE.id) === true)
          found.push(`ciphertext beside ${data.length}`)
      }
    }
  }
  const bytes = draft.nameless
  if (bytes !== undefined) {
    const ids = new Set(envelopes.map(({ id }) => id))
    const sets = [
      [],
      ...loot.keys.map((key) => [key]),
      ...loot.keys.flatMap((a) => loot.keys.map((b) => [a, b])),
    ]
    if (sets.some((keys) => ids.has(namelessId(keys, bytes)))) found.push('id')
  }
  const plain = [
    ALICE.id,
    'Alice Example',
    ...draft.personal.map(({ value }) => (typeof value === 'string' ? value : '')),
  ]
  for (const text of plain.filter((one) => one.length > 3 && one !== 'bob' && one !== 'user')) {
    const forms = [
      text,
      hash('sha256', text, 'hex'),
      hash('sha256', text, 'base64url'),
      Buffer.from(text).toString('hex'),
    ]
    if (forms.some((form) => loot.everything.includes(form))) found.push(`plain ${text}`)
  }
  if (
    loot.everything.includes(hash('sha256', canonicalBytes(guess.kind === 'event' ? guess.event : {}), 'hex'))
  )
    found.push('hash of the event')
  return found
}

function opens(key: SubjectKey, sealed: Buffer, leafHash: Buffer): Buffer | undefined {
  try {
    return openBytes(key.sealing, sealed, bindingOf(logId, leafHash))
  } catch {
    return undefined
  }
}

test('while the key lives the attack works, so it is one; once it is destroyed nothing confirms any guess', async () => {
  const before = await steal()
  const confirmed = guesses.map((guess) => confirm(before, guess))
  for (const found of confirmed)
    expect(found).toEqual(expect.arrayContaining(['lookup', 'digest of actor.name']))
  expect(confirmed.map((found) => found.includes('id'))).toEqual([false, true, true])
  expect(confirmed.flat().some((what) => what.startsWith('ciphertext'))).toBe(true)
  await erase(process, logId)
  const after = await steal()
  expect(after.entries.length).toBe(before.entries.length + 1)
  expect(guesses.map((guess) => confirm(after, guess))).toEqual([[], [], []])
})

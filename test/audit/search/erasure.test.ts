import { expect, onTestFinished, test } from 'vitest'
import { readEvents } from '../../../src/audit/follow/read-events.ts'
import { keyOf, keysOf } from '../../../src/audit/search/keys.ts'
import { createTerms } from '../../../src/audit/search/terms.ts'
import { ALICE, erase } from '../vault/ground.ts'
import { indexesOf, searchGround, type SearchGround } from './ground.ts'

async function ground(): Promise<SearchGround> {
  const made = await searchGround()
  onTestFinished(() => made.close())
  return made
}

const TIME = new Date().toISOString()
const alice = { id: ALICE.id, type: 'user', name: 'Alice Liddell' }
const bob = { id: 'bob@example.com', type: 'user', name: 'Robert' }

async function recordBoth(at: SearchGround): Promise<void> {
  await at.record([
    { id: 'a', time: TIME, action: 'user.login', outcome: 'success', actor: alice, src: { ip: '192.0.2.7' } },
    { id: 'b', time: TIME, action: 'role.grant', outcome: 'success', actor: bob, targets: [{ ...alice }] },
    { id: 'c', time: TIME, action: 'user.login', outcome: 'success', actor: bob },
  ])
}

test('an erasure takes every term of the erased values out of the table in its own transaction, and nothing of other people', async () => {
  const at = await ground()
  const follower = await at.indexer()
  await recordBoth(at)
  await at.indexed()
  const terms = createTerms(at.one.vault.secretFor('search'))
  const before = new Set(
    (await readEvents(at.log, at.one.vault, [0, 1])).flatMap(({ envelope, disclosures }) => [
      ...keysOf(envelope, disclosures).personal,
    ]),
  )
  const find = async (actor: string): Promise<readonly number[]> =>
    indexesOf((await at.search.query(at.log, { actor, personal: true, limit: 10 })).events)
  expect(await find('alice@example.com')).toEqual([0])
  expect(await find('robert')).toEqual([2, 1])

  await erase(at.one, at.log.info.id)
  const gone = [...before].filter((key) => /alice|liddell|192/.test(key))
  expect(gone.length).toBeGreaterThan(4)
  const rows = await at.database.sql<
    { index: number; terms: string }[]
  >`SELECT index, terms::text FROM search.events ORDER BY index`
  const left = new Set(rows.flatMap((row) => row.terms.slice(1, -1).split(',').map(Number)))
  for (const key of gone) {
    expect(left.has(terms.personal(key)), key.replace('\0', ' ')).toBe(false)
    expect(left.has(terms.clear(key)), key.replace('\0', ' ')).toBe(false)
  }
  await expect.poll(() => find('robert')).toEqual([2, 1])
  expect(await find('alice@example.com')).toEqual([])
  await expect.poll(() => at.database.sql`SELECT FROM search.parts WHERE erased IS NOT NULL`).toHaveLength(0)
  await follower.stop()
})

test('what was read before an erasure is not written after it', async () => {
  const at = await ground()
  await recordBoth(at)
  const open = at.one.vault.openRange.bind(at.one.vault)
  let erased: Promise<unknown> | undefined
  Object.assign(at.one.vault, {
    openRange: async (...args: Parameters<typeof open>) => {
      const opened = await open(...args)
      erased ??= erase(at.one, at.log.info.id) // after it was read, before it is written
      await erased
      return opened
    },
  })
  await at.indexer()
  await at.indexed()
  expect(erased).toBeDefined()
  const terms = createTerms(at.one.vault.secretFor('search'))
  const rows = await at.database.sql<{ terms: string }[]>`SELECT terms::text FROM search.events`
  const all = rows.flatMap((row) => row.terms.slice(1, -1).split(',').map(Number))
  expect(all).toContain(terms.personal(keyOf('actor', 'robert')))
  expect(all).not.toContain(terms.personal(keyOf('actor', ALICE.id)))
})

test('who may not search personal fields gets the same answer whether a guess is right or wrong', async () => {
  const at = await ground()
  await at.indexer()
  await recordBoth(at)
  await at.indexed()
  const ask = (guess: string) =>
    Promise.all(
      [{ actor: guess }, { text: guess }, { target: guess }, { ip: guess }].map((filter) =>
        at.search.query(at.log, { ...filter, personal: false, limit: 1 }),
      ),
    )
  const wrong = await ask('mallory@example.com')
  for (const right of [ALICE.id, 'liddell', '192.0.2.7', bob.id]) expect(await ask(right)).toEqual(wrong)
})

test('terms cannot be told without the secret, and personal ones are never those of clear values', () => {
  const [one, other] = [createTerms(new Uint8Array(32).fill(1)), createTerms(new Uint8Array(32).fill(2))]
  const keys = Array.from({ length: 2_000 }, (_, i) => keyOf('actor', `user${i}`))
  expect(keys.filter((key) => one.clear(key) === other.clear(key))).toEqual([])
  for (const key of keys) {
    expect(one.clear(key)).toBeGreaterThanOrEqual(0)
    expect(one.personal(key)).toBeLessThan(0)
    expect(one.clear(key)).toBeLessThan(2 ** 31)
    expect(one.personal(key)).toBeGreaterThanOrEqual(-(2 ** 31))
  }
})

test('of an event whose personal fields were altered in the database, who may see them is told', async () => {
  const at = await ground()
  await at.indexer()
  await recordBoth(at)
  await at.indexed()
  await at.database
    .owner`UPDATE vault.disclosures SET sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) WHERE index = 2`
  const find = async (action: string, personal: boolean) => {
    const { events, damaged } = await at.search.query(at.log, { action: [action], personal, limit: 10 })
    return {
      found: indexesOf(events),
      damaged: damaged.map(({ code, evidence }) => [code, evidence['index']]),
    }
  }
  expect(await find('user.login', true)).toEqual({ found: [2, 0], damaged: [['vault_damaged', 2]] })
  expect(await find('role.grant', true)).toEqual({ found: [1], damaged: [] })
  expect(await find('user.login', false)).toEqual({ found: [2, 0], damaged: [] })
})

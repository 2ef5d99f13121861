// The service killed in the middle of erasures: whatever was approved is carried out, and said once, by the next one.
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { testFolder } from '../support/engine.ts'
import { adminKey, type ServiceProcess, startService } from '../support/service.ts'

const ROUNDS = 10
/**
 * What keeps an approval from going on beyond a state; without one the kill comes when it comes. Nothing of _meta: there it is
 * written down first that somebody is about to approve.
 */
const STALLS = [
  undefined,
  {
    state: 'approved',
    lock: `SELECT FROM vault.subject_keys k JOIN vault.subjects s USING (subject_id) JOIN log.logs l USING (log_id)
      WHERE l.name = 'default' FOR UPDATE OF k`,
  },
  {
    state: 'shredded',
    lock: `SELECT FROM log.heads h JOIN log.logs l USING (log_id) WHERE l.name = 'default' FOR UPDATE OF h`,
  },
] as const
/** Events of each person: the transaction takes a while. */
const EVENTS = 300
let home: ReturnType<typeof testFolder>
let database: TestDatabase
let service: ServiceProcess
const keys = new Map<string, string>()

beforeEach(async () => {
  home = testFolder()
  database = await testDatabase()
  service = await start()
  keys.set('root', adminKey(home.folder))
  for (const role of ['producer', 'admin', 'dpo']) {
    const made = await post('root', '/keys', { name: role, role })
    keys.set(role, ((await made.json()) as { key: string }).key)
  }
})
afterEach(async () => {
  await service.kill()
  await database.drop()
  home.remove()
})

function start(): Promise<ServiceProcess> {
  return startService(home.folder, { DATABASE_URL: database.ownerUrl, PROOFLOG_SEARCH: 'on' })
}

function post(role: string, path: string, body?: object): Promise<Response> {
  return fetch(`${service.url}${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${keys.get(role)}`, 'content-type': 'application/json' },
    body: JSON.stringify(body ?? {}),
  })
}

test(`${ROUNDS} times kill -9 while an erasure is approved: each that was decided is completed by the next start, once`, async () => {
  const steps = new Set<string>()
  const decided: string[] = []
  for (let round = 0; round < ROUNDS; round++) {
    const id = `person ${round}`
    const events = Array.from({ length: EVENTS }, (_, i) => ({
      id: `${round}/${i}`,
      time: '2026-11-25T10:00:00Z',
      action: 'page.view',
      outcome: 'success',
      actor: { id, type: 'user' },
    }))
    expect((await post('producer', '/logs/default/events', events)).status).toBe(200)
    const asked = await post('admin', '/logs/default/erasures', { subject: id, basis: 'GDPR 17' })
    const { id: erasure } = (await asked.json()) as { id: string }
    await killWhileApproving(erasure, round)
    const left = await stateOf(erasure)
    steps.add(left)
    service = await start()
    if (left !== 'pending') decided.push(erasure)
    expect(await stateOf(erasure)).toBe(left === 'pending' ? 'pending' : 'done')
  }
  expect([...steps]).toEqual(expect.arrayContaining(['approved', 'shredded']))
  const rest = await database.owner`
    SELECT FROM vault.erasures JOIN vault.subjects s USING (subject_id)
      LEFT JOIN vault.subject_keys k USING (subject_id) LEFT JOIN vault.disclosures d USING (subject_id)
    WHERE erasure_id = ANY (${decided}) AND (s.lookup IS NOT NULL OR k.wrapped IS NOT NULL OR d.index IS NOT NULL)`
  expect(rest).toHaveLength(0)
  const said = await database.owner`
    SELECT convert_from(data, 'UTF8')::json ->> 'id' AS id FROM log.entries WHERE convert_from(data, 'UTF8')::json ->> 'type' = 'erasure'`
  expect(said.map(({ id }) => String(id)).toSorted()).toEqual(decided.map((id) => `erasure:${id}`).toSorted())
})

async function killWhileApproving(erasure: string, round: number): Promise<void> {
  const stall = STALLS[round % STALLS.length]
  const approve = () => post('dpo', `/logs/default/erasures/${erasure}/approve`).catch(() => undefined)
  if (stall === undefined) {
    const approving = approve()
    await sleep(round * 8)
    await service.kill()
    await approving
    return
  }
  await database.owner.begin(async (tx) => {
    await tx.unsafe(stall.lock)
    const approving = approve()
    await expect.poll(() => stateOf(erasure)).toBe(stall.state)
    await service.kill()
    await approving
  })
}

async function stateOf(erasure: string): Promise<string> {
  const [row] = await database.sql`SELECT state FROM vault.erasures WHERE erasure_id = ${erasure}`
  return String(row?.['state'])
}

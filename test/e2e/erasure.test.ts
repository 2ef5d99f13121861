// The promise of privacy, attacked on a whole service with a database of its own: whoever takes the data folder and a dump of the
// database after people were erased finds nothing of them, nor anything that would be otherwise if they had never been there;
// and what was proved of them before stays proved.
import { createHash } from 'node:crypto'
import { chmodSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { canonicalBytes } from '../../src/audit/event/canonical.ts'
import { readEvent } from '../../src/audit/event/read-event.ts'
import { parsePolicy, verifyProof } from '../../src/client/index.ts'
import { readConfig } from '../../src/config.ts'
import { verifyEventBundle } from '../../src/core/event-bundle.ts'
import { connect } from '../../src/db/connect.ts'
import { runningEmbedded } from '../../src/db/embedded.ts'
import { serve, type Service } from '../../src/serve.ts'
import { testFolder } from '../support/engine.ts'
import { createFinder, formsOf } from '../support/find-bytes.ts'
import { runCli } from '../support/run-cli.ts'
import { confirm, type Guess, type Loot, steal } from './loot.ts'

const PATIENCE = { timeout: 20_000, interval: 100 }
const OTHERS = 10_000
const PEOPLE = 100
const TIME = '2026-11-25T10:00:00Z'
const home = testFolder()
const lines: string[] = []
const keys = new Map<string, string>()
let service: Service
let proofs: { index: number; leafHash: Uint8Array; file: Uint8Array }[]
let policyText: string
let bundles: string[]
const settings = {
  PROOFLOG_DATA: home.folder,
  PROOFLOG_PUBLISH_MS: '50',
  PROOFLOG_URL: 'http://log.example',
  PROOFLOG_RATE_READ: '0',
  PORT: '0',
}

const ALICE = {
  actor: {
    id: 'alice.7f3a@wonderland.example',
    type: 'user',
    name: 'Alicia Quillfeather',
    email: 'aq@lookingglass.example',
  },
  src: { ip: '198.51.100.231', geo: { city: 'Llanfairpwll' } },
  http: {
    method: 'GET',
    path: '/docs',
    query: 'token=jabberwock71',
    user_agent: 'Vorpalzilla/9.1 (Snarkbook)',
  },
  message: 'the Bandersnatch frumiously signed in',
  params: { passphrase: 'slithytoves-4411' },
  extra: { badge: 'mimsy-borogove-22' },
}
const DAVE = {
  actor: { id: 'дэйв.Ångström', type: 'user', name: 'Dæv Ångströmsson' },
  message: 'Zürich-Öffnung',
}
const ADDRESS = { src: { ip: '203.0.113.177' }, http: { user_agent: 'Lonelybot/77.3' } }
const RAW = '{"rawley.quarantine@broken.example": "xylorimba-53"'
const OTLP = { id: 'otlp.person@collector.example', address: '2001:db8:dead:beef::71' }
/** What must be nowhere. */
const ERASED = [
  ...texts(ALICE).filter((text) => !['user', 'GET', '/docs'].includes(text)),
  ...texts(DAVE).filter((text) => text !== 'user'),
  ...texts(ADDRESS),
  'rawley.quarantine@broken.example',
  OTLP.id,
  OTLP.address,
]
const LIVING = ['person7@people.example', 'Number Seven Livingston', 'Roberta Livingstone']
const BOB = { id: 'bob.living@people.example', type: 'user', name: 'Roberta Livingstone' }
const events = [
  { id: 'a1', ...ALICE },
  { id: 'a2', ...ALICE, actor: { ...ALICE.actor, on_behalf_of: { id: DAVE.actor.id, type: 'user' } } },
  ALICE,
  { id: 'd1', ...DAVE },
  { id: 'b1', actor: BOB, targets: [ALICE.actor] },
  { ...ADDRESS },
  { id: 'i1', ...ADDRESS },
].map((event, i) => ({ time: TIME, action: `test.${i}`, outcome: 'success', ...event }))

const GUESSES: Record<string, Guess> = {
  alice: {
    subjects: [{ kind: 'actor', id: ALICE.actor.id }],
    fields: fieldsOf(ALICE),
    nameless: [canonicalBytes(readEvent(events[2]!))],
  },
  dave: { subjects: [{ kind: 'actor', id: DAVE.actor.id }], fields: fieldsOf(DAVE) },
  address: {
    subjects: [{ kind: 'ip', id: ADDRESS.src.ip }],
    fields: fieldsOf(ADDRESS),
    nameless: [canonicalBytes(readEvent(events[5]!))],
  },
  raw: {
    subjects: [{ kind: 'raw', id: sha256(RAW) }],
    fields: { raw: RAW },
    nameless: [canonicalBytes({ raw: RAW, size: Buffer.byteLength(RAW) })],
  },
  otlp: {
    subjects: [{ kind: 'actor', id: OTLP.id }],
    fields: { 'actor.id': OTLP.id, 'src.ip': OTLP.address },
  },
}

beforeAll(async () => {
  chmodSync(home.folder, 0o711) // as root, the database runs as another user, who must be able to enter
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  service = await serve(readConfig(settings), logger)
  keys.set('root', readFileSync(join(home.folder, 'admin.key'), 'utf8').trim())
  for (const role of ['producer', 'analyst', 'auditor', 'dpo', 'admin'])
    keys.set(role, JSON.parse((await cli('root', 'key', 'create', role, '--role', role, '--json')).out).key)
})
afterAll(async () => {
  await service.stop()
  home.remove()
})

function texts(value: unknown): string[] {
  if (typeof value === 'string') return [value]
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(texts) : []
}

/** Personal fields by path. */
function fieldsOf(value: object, prefix = ''): Record<string, unknown> {
  const fields: Record<string, unknown> = {}
  for (const [name, member] of Object.entries(value) as [string, unknown][]) {
    const path = `${prefix}${name}`
    if (['actor.type', 'http.method', 'http.path'].includes(path)) continue
    if (typeof member === 'object' && member !== null) Object.assign(fields, fieldsOf(member, `${path}.`))
    else fields[path] = member
  }
  return fields
}

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex')
}

async function cli(role: string, ...args: string[]) {
  const result = await runCli([...args, '--url', service.url, '--key', keys.get(role) ?? ''], {
    env: settings,
  })
  expect(result, result.err).toMatchObject({ code: 0 })
  return result
}

async function http(role: string, path: string, body?: string, type = 'application/json'): Promise<Response> {
  return fetch(`${service.url}${path}`, {
    headers: {
      authorization: `Bearer ${keys.get(role)}`,
      ...(body === undefined ? {} : { 'content-type': type }),
    },
    ...(body === undefined ? {} : { method: 'POST', body }),
  })
}

function query(parameters: Readonly<Record<string, string>>): string {
  return new URLSearchParams(parameters).toString()
}

async function post(
  body: string,
  type = 'application/x-ndjson',
): Promise<{ index: number; leaf_hash: string; id: string }[]> {
  const response = await http('producer', '/logs/default/events?wait=published', body, type)
  expect(response.status).toBe(200)
  return ((await response.json()) as { receipts: { index: number; leaf_hash: string; id: string }[] })
    .receipts
}

async function owner<T>(work: (sql: ReturnType<typeof connect>['sql']) => Promise<T>): Promise<T> {
  const { ownerUrl } = (await runningEmbedded(join(home.folder, 'postgres')))!
  const db = connect({ url: ownerUrl, max: 1, statementTimeout: 0 })
  try {
    return await work(db.sql)
  } finally {
    await db.close()
  }
}

async function indexed(): Promise<void> {
  await vi.waitFor(async () => {
    for (const [role, log] of [
      ['analyst', 'default'],
      ['auditor', '_meta'],
    ] as const) {
      const status = (await (await http(role, `/logs/${log}/search`)).json()) as {
        indexed: number
        published: number
      }
      expect(status.indexed, `${log} ${JSON.stringify(status)}`).toBeGreaterThanOrEqual(
        status.published - (log === '_meta' ? 2 : 0),
      )
    }
  }, PATIENCE)
}

async function erase(subject: string, kind: string): Promise<{ ref: string; index: number }> {
  const request = { subject, kind, basis: 'GDPR Art. 17(1)(a)', ticket: 'DPO-17' }
  const asked = (await (await http('admin', '/logs/default/erasures', JSON.stringify(request))).json()) as {
    id: string
  }
  expect(asked).toMatchObject({ state: 'pending' })
  const approved = await http('dpo', `/logs/default/erasures/${asked.id}/approve`, '')
  const done = (await approved.json()) as { state: string; ref: string; index: number }
  expect(done).toMatchObject({ state: 'done' })
  return done
}

let before: Loot
test('events come in by several doors, are searched for, proved and handed out', async () => {
  await post(events.map((event) => JSON.stringify(event)).join('\n') + `\n${RAW}`)
  const otlp = {
    resourceLogs: [
      {
        scopeLogs: [
          {
            logRecords: [
              {
                timeUnixNano: '1795600800000000000',
                eventName: 'user.login',
                body: { stringValue: 'welcome' },
                attributes: [
                  { key: 'enduser.id', value: { stringValue: OTLP.id } },
                  { key: 'client.address', value: { stringValue: OTLP.address } },
                ],
              },
            ],
          },
        ],
      },
    ],
  }
  expect((await http('producer', '/logs/default/v1/logs', JSON.stringify(otlp))).status).toBe(200)
  for (let from = 0; from < OTHERS; from += 1_000) {
    const some = Array.from({ length: 1_000 }, (_, i) => {
      const n = (from + i) % PEOPLE
      const actor = {
        id: `person${n}@people.example`,
        type: 'user',
        name: n === 7 ? 'Number Seven Livingston' : `P${n}`,
      }
      return JSON.stringify({
        id: `o${from + i}`,
        time: TIME,
        action: 'page.view',
        outcome: 'success',
        actor,
      })
    })
    await post(some.join('\n'))
  }
  await indexed()
  // Who was looked for, successfully and in vain, by one who may and one who may not.
  for (const text of [
    'alice.7f3a@wonderland.example',
    'ALICE.7F3A@wonderland.example',
    'Alicia Quillfeather',
  ]) {
    for (const role of ['analyst', 'auditor'])
      for (const name of ['actor', 'text', 'target', 'ip', text])
        await http(role, `/logs/default/events?${query({ [name]: text })}`)
    await http('analyst', `/logs/default/timeline?${query({ actor: text })}`)
    await (
      await http(
        'analyst',
        '/logs/default/exports',
        JSON.stringify({ format: 'csv', actor: text, reveal: true }),
      )
    ).text()
    await http('analyst', `/logs/default/events/0/bundle?${query({ disclose: text })}`)
    await http('stranger', `/logs/default/events?${query({ actor: text })}`)
  }
  await http('analyst', '/logs/default/events/0?reveal=true')
  policyText = (await cli('root', 'log', 'show', '--policy')).out
  bundles = await Promise.all(
    [0, 1, 2, 3, 5].map(async (index) =>
      (await http('analyst', `/logs/default/events/${index}/bundle?disclose=all`)).text(),
    ),
  )
  proofs = await Promise.all(
    Array.from({ length: OTHERS }, async (_, index) => ({
      index,
      leafHash: new Uint8Array(),
      file: new Uint8Array(),
    })),
  )
  const queue = proofs.values()
  await Promise.all(
    Array.from({ length: 32 }, async () => {
      for (const proof of queue) {
        const response = await http('root', `/logs/default/entries/${proof.index}/proof`)
        proof.file = new Uint8Array(await response.arrayBuffer())
      }
    }),
  )
  const leaves = await owner(
    (sql) => sql<{ index: number; leafHash: Buffer }[]>`
      SELECT e.index, e.leaf_hash AS "leafHash" FROM log.entries e JOIN log.logs l USING (log_id) WHERE l.name = 'default'`,
  )
  for (const { index, leafHash } of leaves)
    if (proofs[index] !== undefined) proofs[index].leafHash = new Uint8Array(leafHash)
  await owner((sql) => sql`ANALYZE`)
  before = await owner((sql) => steal(sql, home.folder))
  // While they are not erased the attack works, so it is one.
  const found = Object.fromEntries(
    Object.entries(GUESSES).map(([name, guess]) => [name, confirm(before, guess, 'producer').join()]),
  )
  for (const confirmed of Object.values(found))
    expect(confirmed).toMatch(/lookup.*digest.*term.*in a disclosure/)
  for (const name of ['alice', 'address', 'raw']) expect(found[name]).toContain('derived id')
  expect(found['alice']).toContain('digest of params.sought')
}, 300_000)

let after: Loot
test('once they are erased, nothing that whoever has everything can compute is otherwise for the right guess', async () => {
  const refs: string[] = []
  for (const [subject, kind] of [
    [ALICE.actor.id, 'actor'],
    [DAVE.actor.id, 'actor'],
    [ADDRESS.src.ip, 'ip'],
    [sha256(RAW), 'raw'],
    [OTLP.id, 'actor'],
  ] as const)
    refs.push((await erase(subject, kind)).ref)
  expect(new Set(refs).size).toBe(5)
  await indexed()
  after = await owner((sql) => steal(sql, home.folder))
  for (const guess of Object.values(GUESSES)) expect(confirm(after, guess, 'producer')).toEqual([])
  expect(after.events.length).toBeGreaterThan(before.events.length)
  // Others are as they were.
  expect(after.opened.some(({ text }) => text.includes('Number Seven Livingston'))).toBe(true)
  const shown = (await (await http('analyst', '/logs/default/events/4?reveal=true')).json()) as {
    event: object
    hidden: number
  }
  expect(shown).toMatchObject({ event: { actor: { name: 'Roberta Livingstone' } } })
  expect(shown.hidden).toBeGreaterThan(0)
  // That somebody was looked for, and by whom, is still there.
  const looked = (await (
    await http('auditor', '/logs/_meta/events?action=prooflog.search&limit=100')
  ).json()) as { events: { event: object }[] }
  expect(looked.events.length).toBeGreaterThan(10)
})

test('every proof of before verifies, and what was handed out before', () => {
  const policy = parsePolicy(policyText)
  for (const { index, leafHash, file } of proofs)
    expect(verifyProof({ leafHash }, file, policy).index).toBe(index)
  expect(proofs).toHaveLength(OTHERS)
  const [alice] = bundles.map((bundle) => verifyEventBundle(bundle, policy))
  expect(alice).toMatchObject({ index: 0, hidden: 0, event: { actor: { name: ALICE.actor.name } } })
}, 300_000)

test("an erased person's event that is sent again is a new leaf of somebody with a new name", async () => {
  const again = await post([events[0], events[2]].map((event) => JSON.stringify(event)).join('\n'))
  const old = before.events.filter(({ log, index }) => log === 'default' && (index === 0 || index === 2))
  await owner(async (sql) => {
    const loot = await steal(sql, home.folder)
    for (const [i, { index }] of again.entries()) {
      const { envelope } = loot.events.find((event) => event.log === 'default' && event.index === index)!
      const first = old[i]!.envelope
      expect(index).toBeGreaterThan(OTHERS)
      expect(envelope.refs).not.toEqual(first.refs)
      expect(envelope._sd?.filter((digest) => first._sd?.includes(digest))).toEqual([])
      expect([envelope.id === first.id, first.id.startsWith('~')]).toEqual(
        i === 0 ? [true, false] : [false, true],
      )
    }
  })
  await erase(ALICE.actor.id, 'actor')
})

test('neither lines of the log, nor metrics, nor the description of the service, nor readiness name anybody', async () => {
  const secret = encodeURIComponent(ALICE.actor.id)
  for (const path of [
    `/logs/default/nothing?actor=${secret}`,
    `/logs/default/events?actor=${secret}&limit=0`,
    `/logs/default/events/0?who=${secret}`,
  ])
    await http('analyst', path)
  const refused = await http('producer', '/logs/default/events', RAW)
  expect(refused.status).toBe(400)
  await http('dpo', '/logs/default/erasures', JSON.stringify({ subject: ALICE.actor.id, basis: 'x' }))
  const said: Record<string, string> = { lines: lines.join('\n'), refusal: await refused.text() }
  expect(lines.length).toBeGreaterThan(100)
  for (const path of ['/metrics', '/readyz', '/openapi.json', '/schemas/event.json'])
    said[path] = await (await http('root', path)).text()
  const find = createFinder([...ERASED, ...LIVING].flatMap(formsOf))
  for (const [where, text] of Object.entries(said)) expect(find(Buffer.from(text)), where).toEqual([])
})

test('after a scrub no file of the data folder and no dump holds anything of them, nor the plain hash of it', async () => {
  const lookups = [...before.lookups].filter((lookup) => !after.lookups.has(lookup))
  expect(lookups.length).toBeGreaterThan(4)
  // What was asked above in vain came after the erasure: somebody asks again.
  await http(
    'producer',
    '/logs/default/events?wait=published',
    JSON.stringify({ id: 'a9', time: TIME, action: 'x', outcome: 'success', ...ALICE }),
  )
  await erase(ALICE.actor.id, 'actor')
  await indexed()
  expect(await runCli(['vault', 'scrub'], { env: settings })).toMatchObject({ code: 0 })
  const loot = await owner((sql) => steal(sql, home.folder))
  await service.stop()
  const find = createFinder([
    ...ERASED.flatMap(formsOf),
    ...lookups.map((lookup) => ({ name: `lookup ${lookup}`, bytes: Buffer.from(lookup, 'hex') })),
    ...lookups.map((lookup) => ({ name: `lookup ${lookup} in hex`, bytes: Buffer.from(lookup) })),
  ])
  for (const { table, bytes } of loot.dump) expect(find(bytes), table).toEqual([])
  const living = createFinder(LIVING.flatMap(formsOf))
  for (const { table, bytes } of loot.dump) expect(living(bytes), table).toEqual([])
  let files = 0
  for (const entry of readdirSync(home.folder, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue
    files++
    const path = join(entry.parentPath, entry.name)
    expect(find(readFileSync(path)), path).toEqual([])
  }
  expect(files).toBeGreaterThan(1_000)
  for (const guess of Object.values(GUESSES)) expect(confirm(loot, guess, 'producer')).toEqual([])
}, 300_000)

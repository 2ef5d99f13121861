// The main job, by the command line and over HTTP, on a real service: events come in, one is found, proved, handed on and
// verified offline; then its person is erased, and the proof still verifies.
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type Service } from '../../src/serve.ts'
import { type Home, newHome } from './home.ts'

const PATIENCE = { timeout: 20_000, interval: 50 }
let home: Home
let service: Service
const keys = new Map<string, string>()

beforeAll(async () => {
  home = await newHome({ PROOFLOG_SEARCH: 'on' })
  service = await home.start()
  keys.set('root', (await readFile(join(home.folder, 'admin.key'), 'utf8')).trim())
  for (const role of ['producer', 'analyst', 'auditor', 'dpo', 'admin'])
    keys.set(role, JSON.parse((await cli('key', 'create', role, '--role', role, '--json')).out).key)
})
afterAll(() => home.remove())

async function cli(...args: string[]) {
  const result = await home.run(...args, '--url', service.url)
  expect(result, result.err).toMatchObject({ code: 0 })
  return result
}

/** With the key of a role. */
async function as(role: string, ...args: string[]) {
  return home.run(...args, '--url', service.url, '--key', keys.get(role) ?? '')
}

async function http(
  role: string,
  path: string,
  init: RequestInit & { type?: string } = {},
): Promise<Response> {
  const headers: Record<string, string> = { authorization: `Bearer ${keys.get(role)}` }
  if (init.type !== undefined) headers['content-type'] = init.type
  return fetch(`${service.url}${path}`, {
    ...init,
    headers: { ...headers, ...(init.headers as Record<string, string>) },
  })
}

const EVENTS = [
  {
    id: 'e1',
    action: 'user.login',
    outcome: 'success',
    actor: { id: 'alice@example.com', type: 'user', name: 'Alice Liddell' },
    src: { ip: '192.0.2.7' },
    auth: { session_id: 's-1' },
  },
  {
    id: 'e2',
    action: 'document.read',
    outcome: 'success',
    actor: { id: 'alice@example.com', type: 'user', name: 'Alice Liddell' },
    targets: [{ type: 'document', id: 'd-7', name: 'Queen of Hearts' }],
    auth: { session_id: 's-1' },
    trace_id: 't-1',
  },
  {
    id: 'e3',
    action: 'document.delete',
    outcome: 'failure',
    severity: 17,
    actor: { id: 'bob@example.com', type: 'user' },
    targets: [{ type: 'document', id: 'd-7' }],
    message: 'croquet with flamingos',
  },
  {
    id: 'e4',
    action: 'backup.run',
    outcome: 'success',
    actor: { id: 'backup-job', type: 'service' },
    service: { name: 'backup' },
  },
].map((event, i) => ({ time: `2026-11-25T10:00:0${i}Z`, ...event }))

async function found(role: string, ...filters: string[]): Promise<number[]> {
  const result = await as(role, 'event', 'search', ...filters, '--json')
  expect(result, result.err).toMatchObject({ code: 0 })
  return result.out
    .split('\n')
    .filter(Boolean)
    .map((line) => JSON.parse(line).index)
    .toSorted((a, b) => a - b)
}

test('events go in once however often they are sent, and come out by search, timeline and index', async () => {
  const body = EVENTS.map((event) => JSON.stringify(event)).join('\n')
  for (const duplicate of [false, true]) {
    const response = await http('producer', '/logs/default/events?wait=published&proof=true', {
      method: 'POST',
      body,
      type: 'application/x-ndjson',
    })
    expect(response.status).toBe(200)
    const { receipts } = (await response.json()) as {
      receipts: { id: string; index: number; duplicate: boolean; proof: string }[]
    }
    expect(receipts.map(({ id, index, duplicate: known }) => [id, index, known])).toEqual(
      EVENTS.map(({ id }, i) => [id, i, duplicate]),
    )
    expect(receipts[0]!.proof).toContain('c2sp.org/tlog-proof@v1\nindex 0\n')
  }
  await vi.waitFor(async () => expect(await found('analyst')).toEqual([0, 1, 2, 3]), PATIENCE)
  expect(await found('analyst', '--actor', 'alice@example.com')).toEqual([0, 1])
  expect(await found('analyst', '--action', 'document.*')).toEqual([1, 2])
  expect(await found('analyst', '--outcome', 'failure')).toEqual([2])
  expect(await found('analyst', '--severity', '17')).toEqual([2])
  expect(await found('analyst', '--ip', '192.0.2.7')).toEqual([0])
  expect(await found('analyst', '--target', 'd-7')).toEqual([1, 2])
  expect(await found('analyst', '--text', 'Flamingos croquet')).toEqual([2])
  expect(await found('analyst', '--from', '2026-11-25T10:00:01Z', '--to', '2026-11-25T10:00:03Z')).toEqual([
    1, 2,
  ])
  const timeline = await as('analyst', 'event', 'timeline', '--session', 's-1', '--json')
  expect(
    timeline.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line).index),
  ).toEqual([0, 1])
})

test('who sends reads nothing, who audits sees no person and confirms no guess, who administers sees no event', async () => {
  expect((await as('producer', 'event', 'search')).code).toBe(1)
  expect((await as('admin', 'event', 'search')).code).toBe(1)
  expect(await found('auditor', '--action', 'user.login')).toEqual([0])
  for (const filter of [
    ['--actor', 'alice@example.com'],
    ['--ip', '192.0.2.7'],
  ])
    expect((await as('auditor', 'event', 'search', ...filter)).err).toContain('reveal_not_allowed')
  expect(await found('auditor', '--text', 'flamingos')).toEqual([])
  const shown = await as('auditor', 'event', 'show', '0')
  expect(shown.out).not.toMatch(/alice|Liddell|192\.0\.2\.7/i)
  expect(JSON.parse(shown.out)).toMatchObject({
    event: { action: 'user.login' },
    source: 'producer',
    clocks: { time: '2026-11-25T10:00:00Z' },
  })
  expect((await as('auditor', 'event', 'show', '0', '--reveal')).err).toContain('reveal_not_allowed')
  expect(JSON.parse((await as('analyst', 'event', 'show', '0', '--reveal')).out)).toMatchObject({
    event: { actor: { name: 'Alice Liddell' }, src: { ip: '192.0.2.7' } },
    hidden: 0,
  })
})

test('an event with chosen fields verifies offline, also after its person was erased, who is found nowhere any more', async () => {
  const policy = join(home.folder, 'default.policy')
  await writeFile(policy, (await cli('log', 'show', '--policy')).out)
  const file = join(home.folder, 'e1.json')
  expect(
    await as('analyst', 'event', 'bundle', '0', '--disclose', 'actor.name', '--policy', policy, '-o', file),
  ).toMatchObject({ code: 0 })
  const verify = () => home.run('verify', '--event', file, '--policy', policy, '--json')
  const verified = JSON.parse((await verify()).out)
  expect(verified).toMatchObject({
    index: 0,
    event: { action: 'user.login', actor: { name: 'Alice Liddell' } },
  })
  expect(verified.event).not.toHaveProperty('src')
  expect(verified.hidden).toBeGreaterThan(0)
  const tampered = JSON.parse(await readFile(file, 'utf8'))
  tampered.disclosures = [Buffer.from(JSON.stringify(['x', 'actor.name', 'Bob'])).toString('base64url')]
  await writeFile(join(home.folder, 'forged.json'), JSON.stringify(tampered))
  expect(
    (await home.run('verify', '--event', join(home.folder, 'forged.json'), '--policy', policy)).code,
  ).toBe(1)

  const asked = JSON.parse(
    (await as('admin', 'erasure', 'request', 'alice@example.com', '--basis', 'GDPR Art. 17(1)(a)', '--json'))
      .out,
  )
  expect((await as('admin', 'erasure', 'approve', asked.id)).err).toContain('insufficient_scope')
  const hold = JSON.parse(
    (await as('dpo', 'hold', 'place', '--subject', 'alice@example.com', '--reason', 'case 4/26', '--json'))
      .out,
  )
  expect((await as('dpo', 'erasure', 'approve', asked.id)).err).toContain('subject_held')
  expect((await as('dpo', 'hold', 'release', hold.id)).code).toBe(0)
  const done = JSON.parse((await as('dpo', 'erasure', 'approve', asked.id, '--json')).out)
  expect(done).toMatchObject({ state: 'done', entries: 2 })

  expect(JSON.parse((await verify()).out)).toEqual(verified)
  expect(await found('analyst', '--actor', 'alice@example.com')).toEqual([])
  expect(await found('analyst', '--text', 'Liddell')).toEqual([])
  expect(await found('analyst', '--action', 'user.login')).toEqual([0])
  const shown = await as('analyst', 'event', 'show', '0', '--reveal')
  expect(shown.out).not.toMatch(/alice|Liddell|192\.0\.2\.7/i)
  await vi.waitFor(
    async () => expect(await found('analyst', '--type', 'erasure')).toEqual([done.index]),
    PATIENCE,
  )
  expect((await as('analyst', 'event', 'show', String(done.index))).out).not.toMatch(/alice|Liddell/i)
})

test('an export names what is in it, and who took it is in the log before and after', async () => {
  const file = join(home.folder, 'events.csv')
  const result = await as(
    'auditor',
    'event',
    'export',
    '--format',
    'csv',
    '--action',
    'document.*',
    '-o',
    file,
    '--json',
  )
  expect(result, result.err).toMatchObject({ code: 0 })
  const lines = (await readFile(file, 'utf8')).trim().split('\r\n')
  expect(lines).toHaveLength(3)
  const { custody_index: begun } = JSON.parse(result.out)
  await vi.waitFor(
    async () => expect(await found('auditor', '--type', 'custody')).toEqual([begun, begun + 1]),
    PATIENCE,
  )
  expect(JSON.parse((await as('auditor', 'event', 'show', String(begun + 1))).out)).toMatchObject({
    event: { action: 'prooflog.export.complete', custody: { count: 2, begun } },
  })
  for (const format of ['ndjson', 'ocsf']) {
    const exported = await as('auditor', 'event', 'export', '--format', format, '--action', 'document.*')
    expect(
      exported.out
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line)),
    ).toHaveLength(2)
  }
})

test('every look, and every attempt at one, is in the log _meta, provable like any other', async () => {
  await vi.waitFor(async () => {
    const actions = new Set<string>()
    const result = await as('auditor', 'event', 'search', '--log', '_meta', '--limit', '1000', '--json')
    for (const line of result.out.split('\n').filter(Boolean)) actions.add(JSON.parse(line).event.action)
    for (const action of [
      'prooflog.search',
      'prooflog.reveal',
      'prooflog.export',
      'prooflog.denied',
      'prooflog.admin',
    ])
      expect(actions).toContain(action)
  }, PATIENCE)
  expect((await as('analyst', 'event', 'search', '--log', '_meta')).err).toContain('insufficient_scope')
  expect((await http('root', '/logs/_meta/add', { method: 'POST', body: 'x' })).status).toBe(403)
  expect(
    (await http('root', '/logs/_meta/events', { method: 'POST', body: '{}', type: 'application/json' }))
      .status,
  ).toBe(403)
  const proof = await fetch(`${service.url}/logs/_meta/entries/0/proof`)
  expect(await proof.text()).toContain('c2sp.org/tlog-proof@v1')
})

test('nobody forges an event, or an erasure, by appending bytes that read as one', async () => {
  const before = ((await (await http('root', '/logs/default/sth')).json()) as { tree_size: number }).tree_size
  for (const forged of [
    {
      v: 1,
      type: 'event',
      id: 'f',
      source: 'shop',
      format: 'native',
      action: 'user.login',
      outcome: 'success',
    },
    { v: 1, type: 'erasure', id: 'f', source: 'prooflog', format: 'internal' },
  ]) {
    const entry = JSON.stringify(forged)
    const added = await http('root', '/logs/default/add', { method: 'POST', body: ` ${entry}`.trim() })
    expect([added.status, ((await added.json()) as { code: string }).code]).toEqual([400, 'forged_event'])
    const lines = `{"text":"honest"}\n${JSON.stringify({ text: entry })}\n`
    const sent = await http('root', '/logs/default/entries', {
      method: 'POST',
      body: lines,
      type: 'application/x-ndjson',
    })
    expect(sent.status).toBe(400)
  }
  expect(await (await http('root', '/logs/default/sth')).json()).toMatchObject({ tree_size: before })
})

test('whose key was made from that of the one who asked does not approve, over generations', async () => {
  const child = JSON.parse(
    (await as('root', 'key', 'create', 'child', '--role', 'dpo', '--scope', 'keys:write', '--json')).out ||
      '{}',
  )
  expect(child).toEqual({}) // a role, or scopes
  const made = JSON.parse(
    (
      await as(
        'root',
        'key',
        'create',
        'child',
        '--scope',
        'erasure:request',
        'erasure:approve',
        'keys:write',
        '--json',
      )
    ).out,
  )
  const grandchild = JSON.parse(
    (
      await home.run(
        'key',
        'create',
        'grandchild',
        '--scope',
        'erasure:approve',
        '--json',
        '--url',
        service.url,
        '--key',
        made.key,
      )
    ).out,
  )
  const asked = JSON.parse(
    (await as('root', 'erasure', 'request', 'bob@example.com', '--basis', 'GDPR Art. 17', '--json')).out,
  )
  const refused = await home.run(
    'erasure',
    'approve',
    asked.id,
    '--url',
    service.url,
    '--key',
    grandchild.key,
  )
  expect([refused.code, refused.err]).toEqual([1, expect.stringContaining('same_person')])
  expect((await as('dpo', 'erasure', 'reject', asked.id)).code).toBe(0)
})

test('the search can be made anew from the log, without a gap', async () => {
  const rebuilt = await as('root', 'search', 'rebuild', '--wait', '--json')
  expect(rebuilt, rebuilt.err).toMatchObject({ code: 0 })
  const { indexed, published } = JSON.parse(rebuilt.out)
  expect(indexed).toBe(published)
  // Every entry of this log is an event.
  expect((await found('analyst')).slice(0, indexed)).toEqual(Array.from({ length: indexed }, (_, i) => i))
})

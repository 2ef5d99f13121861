// The running service: what a superuser changes under it is loud within seconds, everywhere, and quiet again when it is undone.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { serve, type Service } from '../../src/serve.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'

let database: TestDatabase
let service: Service
let key: string
const folder = mkdtempSync(join(tmpdir(), 'prooflog-self-check-'))
const lines: string[] = []
const env = {
  PROOFLOG_DATA: folder,
  PORT: '0',
  PROOFLOG_PUBLISH_MS: '50',
  PROOFLOG_SEARCH: 'off',
  PROOFLOG_SELF_CHECK_RATE: '1000000',
  PROOFLOG_VAULT_KEY: join(folder, 'vault.key'), // one for all processes of a database
}
const WAIT = { timeout: 25_000, interval: 50 }

async function start(): Promise<void> {
  const config = readConfig({ ...env, DATABASE_URL: database.ownerUrl })
  service = await serve(config, pino({}, { write: (line: string) => void lines.push(line) }))
}

beforeAll(async () => {
  database = await testDatabase()
  await start()
  key = service.first!.adminKey
  const entries = Array.from({ length: 700 }, (_, i) => `{"text":"entry ${i}"}`).join('\n')
  const sent = await fetch(`${service.url}/logs/default/entries?wait=published`, {
    method: 'POST',
    body: entries,
    headers: { authorization: `Bearer ${key}`, 'content-type': 'application/x-ndjson' },
  })
  if (sent.status !== 200) throw new Error(await sent.text())
}, 60_000)
afterAll(async () => {
  await service.stop()
  await database.drop()
  rmSync(folder, { recursive: true, force: true })
})

async function get(path: string): Promise<{ status: number; body: Record<string, unknown> }> {
  const answer = await fetch(`${service.url}${path}`, { headers: { authorization: `Bearer ${key}` } })
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> }
}

async function asSuperuser(statement: string, table: string): Promise<void> {
  await database.owner.begin(async (sql) => {
    await sql.unsafe(
      `ALTER TABLE log.${table} DISABLE TRIGGER ALL; ${statement}; ALTER TABLE log.${table} ENABLE TRIGGER ALL`,
    )
    // As drizzle/ has them: they fire for a superuser's replica too.
    await sql.unsafe(`ALTER TABLE log.${table} ENABLE ALWAYS TRIGGER append_only`)
    await sql.unsafe(`ALTER TABLE log.${table} ENABLE ALWAYS TRIGGER append_only_truncate`)
  })
}

const FLIP = 'UPDATE log.entries SET data = set_byte(data, 0, get_byte(data, 0) # 1) WHERE index = 300'
const PLACE = 'log.entries index 300, data'

/** The next event of type findings of a stream. */
async function nextFindings(stream: ReadableStreamDefaultReader<string>): Promise<unknown> {
  let text = ''
  for (;;) {
    const { value, done } = await stream.read()
    if (done) throw new Error('the stream ended')
    text += value
    const found = /^event: findings\ndata: (.+)\n\n/m.exec(text)
    if (found) return JSON.parse(found[1]!)
  }
}

test('a changed entry is named in readyz, status, metrics, the log and the stream, and forgotten when it is put right', async () => {
  await vi.waitFor(
    async () => expect((await get('/logs/default/self-check')).body['last_pass']).not.toBeNull(),
    WAIT,
  )
  expect((await get('/readyz')).status).toBe(200)
  const following = await fetch(`${service.url}/self-check/events`, {
    headers: { authorization: `Bearer ${key}` },
  })
  expect(following.headers.get('content-type')).toBe('text/event-stream')
  const stream = following.body!.pipeThrough(new TextDecoderStream()).getReader()

  await asSuperuser(FLIP, 'entries')
  expect(await nextFindings(stream)).toMatchObject({
    log: 'default',
    findings: [{ table: 'entries', index: 300, column: 'data', message: expect.stringContaining(PLACE) }],
  })
  const { status, body } = await get('/readyz')
  expect([status, body['problems']]).toEqual([
    503,
    [{ log: 'default', code: 'tampered', message: expect.stringContaining(PLACE) }],
  ])
  expect((await get('/logs/default')).body['level']).toBe('tamper-detecting')
  expect((await get('/logs/default/self-check')).body['findings']).toHaveLength(1)
  expect(await (await fetch(`${service.url}/metrics`)).text()).toContain(
    'prooflog_self_check_findings{log="default"} 1',
  )
  expect(lines.some((line) => line.includes(PLACE) && line.includes('"level":50'))).toBe(true)
  expect(lines.join()).not.toContain('entry 300')
  const cli = { env: { PROOFLOG_SERVER: service.url, PROOFLOG_KEY: key } }
  const told = await runCli(['status'], cli)
  expect(told).toMatchObject({ code: 1, out: expect.stringContaining(`finding: log default: ${PLACE}`) })

  await asSuperuser(FLIP, 'entries')
  expect(await nextFindings(stream)).toMatchObject({ log: 'default', findings: [] })
  await vi.waitFor(async () => expect((await get('/readyz')).status).toBe(200), WAIT)
  expect(await runCli(['status'], cli)).toMatchObject({ code: 0, err: '' })
  await stream.cancel()
})

test('rows that no log has are named too', async () => {
  const root = `sha256('x')`
  await asSuperuser(`INSERT INTO log.tree_heads VALUES (77, 0, ${root})`, 'tree_heads')
  await vi.waitFor(async () => {
    const { status, body } = await get('/readyz')
    expect([status, body['problems']]).toEqual([
      503,
      [{ log: null, code: 'tampered', message: expect.stringContaining('log_id 77') }],
    ])
  }, WAIT)
  await asSuperuser('DELETE FROM log.tree_heads WHERE log_id = 77', 'tree_heads')
  await vi.waitFor(async () => expect((await get('/readyz')).status).toBe(200), WAIT)
})

test('findings are for administrators only', async () => {
  for (const path of ['/logs/default/self-check', '/self-check/events'])
    expect((await fetch(`${service.url}${path}`)).status).toBe(401)
})

test('prooflog check finds the same, beside the service, and says what to think of it', async () => {
  const cli = { env: { ...env, DATABASE_URL: database.ownerUrl } }
  const clean = await runCli(['check'], cli)
  expect(clean).toMatchObject({ code: 0, err: '' })
  expect(clean.out).toMatch(/^default: 700 entries, \d+ checkpoints: right$/m)
  await asSuperuser(FLIP, 'entries')
  const found = await runCli(['check', '--log', 'default', '--json'], cli)
  expect(found.code).toBe(1)
  expect(JSON.parse(found.out)).toMatchObject({
    logs: [{ findings: 1 }],
    findings: [{ index: 300, column: 'data' }],
  })
  expect(JSON.parse(found.err)).toMatchObject({ error: { code: 'tampered' } })
  expect(await runCli(['check', '--log', 'nobody'], cli)).toMatchObject({ code: 1 })
  await asSuperuser(FLIP, 'entries')
})

test('every process says what the one that looks has found, and another looks when that one ends', async () => {
  const other = mkdtempSync(join(tmpdir(), 'prooflog-self-check-'))
  const config = readConfig({ ...env, PROOFLOG_DATA: other, DATABASE_URL: database.ownerUrl })
  const second = await serve(config, pino({ level: 'silent' }))
  const readiness = async (): Promise<string> => (await fetch(`${second.url}/readyz`)).text()
  try {
    await vi.waitFor(async () => expect(await readiness()).toContain('"ready"'), WAIT)
    await asSuperuser(FLIP, 'entries')
    await vi.waitFor(async () => expect(await readiness()).toContain(PLACE), WAIT)
    const looks = async (): Promise<unknown> => {
      const answer = await fetch(`${second.url}/logs/default/self-check`, {
        headers: { authorization: `Bearer ${key}` },
      })
      return answer.json()
    }
    expect(await looks()).toMatchObject({ working: false, findings: [{ index: 300 }] })
    await service.stop()
    await vi.waitFor(
      async () => expect(await looks()).toMatchObject({ working: true, findings: [{ index: 300 }] }),
      WAIT,
    )
    await asSuperuser(FLIP, 'entries')
    await vi.waitFor(async () => expect(await looks()).toMatchObject({ working: true, findings: [] }), WAIT)
  } finally {
    await second.stop()
    rmSync(other, { recursive: true, force: true })
    await start()
  }
})

test('what was seen is remembered outside the database, over a restart: a log that lost its tail is found', async () => {
  await vi.waitFor(async () => expect((await get('/readyz')).status).toBe(200), WAIT)
  await service.stop()
  const remembered = JSON.parse(readFileSync(join(folder, 'self-check.json'), 'utf8'))
  const [log] = await database.owner<
    { id: number }[]
  >`SELECT log_id AS id FROM log.logs WHERE name = 'default'`
  expect(remembered[String(log!.id)]).toMatchObject({ size: 700 })
  const newest = `log_id = ${log!.id} AND seq = (SELECT max(seq) FROM log.checkpoints WHERE log_id = ${log!.id})`
  const [row] = await database.owner.unsafe(`SELECT * FROM log.checkpoints WHERE ${newest}`)
  await asSuperuser(`DELETE FROM log.checkpoints WHERE ${newest}`, 'checkpoints')
  const cli = { env: { ...env, DATABASE_URL: database.ownerUrl } }
  const found = await runCli(['check'], cli)
  expect(found.code).toBe(1)
  expect(found.out).toContain(
    `log.checkpoints seq ${row!['seq']}, row: expected a row, seen before, found none`,
  )
  await database.owner`INSERT INTO log.checkpoints ${database.owner(row!)}`
  expect(await runCli(['check'], cli)).toMatchObject({ code: 0 })
  await start()
})

import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DEFAULT_PRIVACY } from '../../../src/audit/event/privacy.ts'
import { createRecorder } from '../../../src/audit/record/recorder.ts'
import { createSealer } from '../../../src/audit/record/sealer.ts'
import { createErasures } from '../../../src/audit/vault/erasure.ts'
import { scrub } from '../../../src/audit/vault/scrub.ts'
import { putSidecars } from '../../../src/audit/vault/sidecars.ts'
import { createVault } from '../../../src/audit/vault/vault.ts'
import { connect, type Database } from '../../../src/db/connect.ts'
import { type Embedded, startEmbedded } from '../../../src/db/embedded.ts'
import { migrate } from '../../../src/db/migrate.ts'
import { testEngine } from '../../support/engine.ts'
import { ALICE, APPROVER, incoming, REQUESTER } from './ground.ts'

let folder: string
let server: Embedded
let owner: Database
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'prooflog-test-'))
  chmodSync(folder, 0o711) // as root, the server runs as another user, who must be able to enter
  const settings = { max_wal_size: '256MB', min_wal_size: '192MB', shared_buffers: '16MB' }
  server = await startEmbedded({ dir: join(folder, 'postgres'), fsync: false, settings })
  await migrate(server.ownerUrl)
  owner = connect({ url: server.ownerUrl, max: 1, statementTimeout: 0 })
})
afterAll(async () => {
  await owner.close()
  await server.stop()
  rmSync(folder, { recursive: true, force: true })
})

/** Names of the files under the cluster's folder that hold the bytes. */
function filesWith(bytes: Buffer): string[] {
  const paths = readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name))
  return paths.filter(
    (path) => statSync(path).isFile() && !path.endsWith('vault.key') && readFileSync(path).includes(bytes),
  )
}

/** Every row of every table, as pg_dump would have it. */
async function dump(): Promise<string> {
  const tables =
    await owner.sql`SELECT schemaname || '.' || tablename AS name FROM pg_tables WHERE schemaname <> 'information_schema'`
  const texts: string[] = []
  for (const { name } of tables) {
    const rows = await owner.sql.unsafe(`SELECT t::text AS row FROM ${String(name)} t`)
    texts.push(...rows.map(({ row }) => String(row)))
  }
  return texts.join('\n')
}

test('after erasure and scrub, no file of the cluster and no dump holds the key, the lookup, or the identifier', async () => {
  const engine = testEngine(server.url, { folder, putSidecars })
  const db = connect({ url: server.url, max: 4 })
  const vault = await createVault({ db, keyFile: join(folder, 'vault.key') })
  await engine.engine.create({ name: 'audit' })
  const log = await engine.engine.open('audit')
  const recorder = createRecorder(createSealer({ vault, policyOf: () => DEFAULT_PRIVACY, clock: Date.now }))
  const others = Array.from({ length: 200 }, (_, i) =>
    incoming(`other ${i}`, { actor: { id: `other ${i}`, type: 'user' } }),
  )
  // Some segments before it, so that the one that holds it becomes a far one when they are used again.
  for (let i = 0; i < 5; i++)
    await owner.sql`SELECT pg_logical_emit_message(false, 'test', 'more'), pg_switch_wal()`
  await recorder.record(log, [...others, incoming('1')], 'app')
  await owner.sql`ANALYZE`
  const { subjectId } = (await vault.subjects.find(log.info.id, ALICE))!
  const [{ lookup, wrapped }] = (await owner.sql`
    SELECT lookup, wrapped FROM vault.subjects JOIN vault.subject_keys USING (subject_id) WHERE subject_id = ${subjectId}`) as unknown as [
    { lookup: Buffer; wrapped: Buffer },
  ]
  const [{ sealed }] = (await owner.sql`
    SELECT sealed FROM vault.disclosures WHERE subject_id = ${subjectId}`) as unknown as [{ sealed: Buffer }]
  for (const secret of [lookup, wrapped, sealed])
    expect(filesWith(secret).length, 'the search must be able to find it').toBeGreaterThan(0)

  // The server keeps old segments of its log under new names, to be written over one day.
  await owner.sql`SELECT pg_logical_emit_message(false, 'test', 'more'), pg_switch_wal()`
  await owner.sql`CHECKPOINT`
  const [current] = await owner.sql`SELECT pg_walfile_name(pg_current_wal_lsn()) AS name`
  const future = filesWith(wrapped).filter(
    (path) => path.includes('pg_wal') && basename(path) > String(current!['name']),
  )
  expect(future.length, 'a future segment must hold it').toBeGreaterThan(0)

  const options = { db, vault, logOf: async () => log, forgetDerived: async () => {}, report: () => {} }
  const erasures = createErasures(options)
  const { id } = await erasures.request(log.info.id, { subject: ALICE, basis: 'GDPR 17', by: REQUESTER })
  await erasures.approve(log.info.id, id, APPROVER)
  const steps: string[] = []
  await scrub(owner.sql, (step, done, all) => steps.push(`${step} ${done}/${all}`), ['log.heads'])
  expect(steps.at(-1)).toBe('done 5/5')

  for (const secret of [
    lookup,
    wrapped,
    Buffer.from(ALICE.id),
    Buffer.from('Alice Example'),
    Buffer.from('192.0.2.7'),
  ])
    expect(filesWith(secret)).toEqual([])
  const dumped = await dump()
  expect(dumped, 'the dump must see the rows').toContain(
    (await vault.refOf(log.info.id, { kind: 'actor', id: 'other 7' }))!,
  )
  for (const secret of [
    lookup.toString('hex'),
    wrapped.toString('hex'),
    sealed.toString('hex'),
    ALICE.id,
    'Alice Example',
  ])
    expect(dumped).not.toContain(secret)
  const [setting] = await owner.sql`SELECT current_setting('wal_recycle') AS value`
  expect(setting).toEqual({ value: 'on' })
  await vault.close()
  await engine.stop()
  await db.close()
}, 60_000)

test('only tables are named', async () => {
  await expect(scrub(owner.sql, undefined, ['log.heads; DROP TABLE x'])).rejects.toBeInstanceOf(RangeError)
})

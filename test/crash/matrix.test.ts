// Every place where the engine writes × {the write was lost, it was kept but reported as failed}, across a tile border, twice
// in a row, then on with the same entries or with others, in the same process or after its death. After every step everything
// public is verified again.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { toHex } from '../../src/core/bytes.ts'
import type { Appended, Log } from '../../src/log/types.ts'
import { checkLog, type CheckedLog } from '../support/check-log.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { appendTexts, publishAll, type TestEngine, testEngine, testFolder, texts } from '../support/engine.ts'
import { type FaultPoint, WRITE_POINTS } from '../support/faults.ts'

const KINDS = ['lost', 'kept'] as const
const PUBLISHING: readonly FaultPoint[] = ['intend', 'guard.move', 'collect', 'publish']
const BEFORE = 254
const { folder, remove } = testFolder()
let database: TestDatabase
let logs = 0

afterAll(remove)

/** A log, its engine of the moment, and everything that was ever promised about it. */
interface Run {
  engine: TestEngine
  log: Log
  readonly acknowledged: Map<string, number>
  readonly roots: Map<number, string>
  readonly name: string
}

const CASES = WRITE_POINTS.flatMap((point) =>
  KINDS.flatMap((kind) =>
    [true, false].flatMap((restart) => [true, false].map((same) => ({ point, kind, restart, same }))),
  ),
)

describe.each(WRITE_POINTS)('%s', (at) => {
  // Few logs in one database: an engine that starts looks at all of them.
  beforeAll(async () => {
    database = await testDatabase()
  })
  afterAll(() => database.drop())

  test.each(CASES.filter(({ point }) => point === at))(
    'is $kind, twice; restart: $restart; then the same entries: $same',
    async ({ point, kind, restart, same }) => {
      const run = await startRun()
      // An entry that is there already leads past the single statement, to the transaction.
      const more = [...(point === 'appendIfAt' ? [] : ['entry 0']), ...texts(3, 'more')]
      for (const attempt of [1, 2]) {
        // The single statement is tried where a process knows the edge.
        if (point === 'appendIfAt') await append(run, [`known edge ${attempt}`])
        run.engine.faults.arm(point, kind)
        if (PUBLISHING.includes(point)) await publishInVain(run, more)
        else await appendInVain(run, more)
        // What was published does not have to be published again.
        const published = attempt === 2 && point === 'publish' && kind === 'kept'
        expect(run.engine.faults.fired > 0).toBe(!published)
        run.engine.faults.disarm()
        if (restart) await restartEngine(run)
        await check(run)
      }
      await append(run, same ? more : texts(3, 'others'))
      await check(run)
      await append(run, ['a last one', ...texts(2, 'after')])
      const { entries, history } = await check(run)
      expect(history.at(-1)?.size).toBe(entries.length)
      await run.engine.stop()
    },
  )
})

async function startRun(): Promise<Run> {
  const engine = testEngine(database.url, { folder })
  const name = `log-${logs++}`
  await engine.engine.create({ name })
  const run = { engine, log: await engine.engine.open(name), acknowledged: new Map(), roots: new Map(), name }
  await append(run, texts(BEFORE))
  await check(run)
  return run
}

async function append(run: Run, given: readonly string[]): Promise<Appended[]> {
  const appended = await appendTexts(run.log, given)
  for (const [i, { index }] of appended.entries()) run.acknowledged.set(given[i]!, index)
  await publishAll(run.engine, run.log, appended)
  return appended
}

/** The caller hears that it failed. */
async function appendInVain({ log }: Run, given: readonly string[]): Promise<void> {
  await expect(appendTexts(log, given)).rejects.toMatchObject({
    code: expect.stringMatching(/^(store_unavailable|outcome_unknown)$/),
  })
}

/** The entries are committed, and no checkpoint of them reaches the caller. */
async function publishInVain(run: Run, given: readonly string[]): Promise<void> {
  const appended = await appendTexts(run.log, given)
  for (const [i, { index }] of appended.entries()) run.acknowledged.set(given[i]!, index)
  await run.engine.publish()
}

async function restartEngine(run: Run): Promise<void> {
  await run.engine.stop()
  run.engine = testEngine(database.url, { folder })
  run.log = await run.engine.engine.open(run.name)
}

/** Everything public, what was acknowledged, and that no size ever gets a second root. */
async function check(run: Run): Promise<CheckedLog> {
  const checked = await checkLog(run.log)
  const guarded = await run.engine.guard.read(run.log.info.origin)
  for (const { size, root } of [...checked.history, guarded!]) {
    expect(toHex(root), `root of size ${size}`).toBe(run.roots.get(size) ?? toHex(root))
    run.roots.set(size, toHex(root))
  }
  const committed = await database.owner<{ index: number; data: Uint8Array }[]>`
    SELECT index::int, data FROM log.entries WHERE log_id = ${run.log.info.id} ORDER BY index`
  expect(
    committed.map(({ index }) => index),
    'no gap',
  ).toEqual([...committed.keys()])
  const [head] = await database.owner`SELECT size::int FROM log.heads WHERE log_id = ${run.log.info.id}`
  expect(head?.['size']).toBe(committed.length)
  for (const [text, index] of run.acknowledged) {
    expect(Buffer.from(committed[index]?.data ?? []).toString(), `entry ${index}`).toBe(text)
  }
  return checked
}

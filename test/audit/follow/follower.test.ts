import { setTimeout as sleep } from 'node:timers/promises'
import { expect, onTestFinished, test } from 'vitest'
import { nextEpoch, readCursor } from '../../../src/audit/follow/cursor.ts'
import { createFollower, type Follower, type FollowerOptions } from '../../../src/audit/follow/follower.ts'
import { createLogClock } from '../../../src/audit/follow/log-clock.ts'
import { connect } from '../../../src/db/connect.ts'
import type { Log } from '../../../src/log/types.ts'
import { type TestDatabase, testDatabase } from '../../support/database.ts'
import {
  appendTexts,
  publishAll,
  type TestEngine,
  testEngine,
  testFolder,
  texts,
} from '../../support/engine.ts'
import { keepCollecting } from '../../support/memory.ts'

interface Ground {
  readonly database: TestDatabase
  readonly engine: TestEngine
  readonly log: Log
  readonly failures: unknown[]
  append(count: number, prefix: string): Promise<void>
  /** A process that writes what it follows to the table `seen`. */
  process(options?: Partial<FollowerOptions<Uint8Array[]>>): { follower: Follower; die(): Promise<void> }
  seen(): Promise<{ index: number; text: string }[]>
}

async function ground(): Promise<Ground> {
  const database = await testDatabase()
  const { folder, remove } = testFolder()
  const engine = testEngine(database.url, { folder })
  await engine.engine.create({ name: 'audit' })
  const log = await engine.engine.open('audit')
  await database.owner`CREATE TABLE public.seen (n bigint GENERATED ALWAYS AS IDENTITY, index bigint NOT NULL, text text NOT NULL)`
  await database.owner`GRANT ALL ON public.seen TO prooflog_service`
  const ends: (() => Promise<void>)[] = []
  const failures: unknown[] = []
  onTestFinished(async () => {
    for (const end of ends) await end()
    await engine.stop()
    await database.drop()
    remove()
  })
  return {
    database,
    engine,
    log,
    failures,
    async append(count, prefix) {
      await publishAll(engine, log, await appendTexts(log, texts(count, prefix)))
    },
    process(options = {}) {
      const [db, lead] = [2, 1].map((max) => connect({ url: database.url, max })) as [
        ReturnType<typeof connect>,
        ReturnType<typeof connect>,
      ]
      const follower = createFollower<Uint8Array[]>({
        name: 'test',
        log,
        clock: createLogClock(log),
        db,
        lead,
        batch: 7,
        read: (start, end) => log.entries(start, end - start),
        async handle(tx, { start, data }) {
          for (const [i, entry] of data.entries())
            await tx`INSERT INTO public.seen (index, text) VALUES (${start + i}, ${Buffer.from(entry).toString()})`
        },
        observer: {
          lag: () => {},
          followed: () => {},
          failed: (_name, _log, error) => void failures.push(error),
        },
        ...options,
      })
      follower.start()
      let died: Promise<void> | undefined
      const die = (): Promise<void> =>
        (died ??= follower.stop().then(async () => void (await Promise.all([db.close(), lead.close()]))))
      ends.unshift(die)
      return { follower, die }
    },
    async seen() {
      return database.sql<{ index: number; text: string }[]>`SELECT index, text FROM public.seen ORDER BY n`
    },
  }
}

const inOrder = (count: number) => Array.from({ length: count }, (_, index) => index)
const indexesOf = async (at: Ground) => (await at.seen()).map(({ index }) => index)

test('every entry has its effect once, in order, whichever of two processes is the leader', async () => {
  const at = await ground()
  const one = at.process()
  const two = at.process()
  await at.append(50, 'a')
  await expect.poll(() => indexesOf(at)).toEqual(inOrder(50))
  expect([one.follower.position, two.follower.position].filter((position) => position !== undefined)).toEqual(
    [50],
  )
  await one.die()
  await at.append(50, 'b')
  await expect.poll(() => indexesOf(at)).toEqual(inOrder(100))
  expect((await at.seen())[99]).toEqual({ index: 99, text: 'b 49' })
})

test('a process that dies in the middle of a batch leaves neither gap nor repetition', async () => {
  const at = await ground()
  await at.append(60, 'a')
  let kills = 3
  at.process({
    async handle(tx, { start, data }) {
      for (const [i, entry] of data.entries()) {
        await tx`INSERT INTO public.seen (index, text) VALUES (${start + i}, ${Buffer.from(entry).toString()})`
        if (i === 3 && start >= 14 && kills-- > 0)
          await at.database.owner`SELECT pg_terminate_backend(${await pidOf(tx)})`
      }
    },
  })
  await expect.poll(() => indexesOf(at)).toEqual(inOrder(60))
  expect(at.failures.length).toBeGreaterThanOrEqual(3)
})

async function pidOf(tx: Parameters<FollowerOptions<unknown>['handle']>[0]): Promise<number> {
  const [row] = await tx`SELECT pg_backend_pid() AS pid`
  return Number(row?.['pid'])
}

test('who lost the lead without knowing writes nothing twice', async () => {
  const at = await ground()
  await at.append(30, 'a')
  let release = (): void => {}
  const held = new Promise<void>((resolve) => (release = resolve))
  const slow = at.process({
    read: async (start, end) => {
      if (start === 7) await held
      return at.log.entries(start, end - start)
    },
  })
  await expect.poll(() => slow.follower.position).toBe(7)
  await at.database
    .owner`SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())`
  at.process()
  await expect.poll(() => indexesOf(at)).toEqual(inOrder(30))
  release()
  await sleep(500)
  expect(await indexesOf(at)).toEqual(inOrder(30))
})

test('it outlives an outage of the database', async () => {
  const at = await ground()
  at.process()
  await at.append(10, 'a')
  await expect.poll(() => indexesOf(at)).toHaveLength(10)
  for (let i = 0; i < 5; i++) {
    await at.database.owner`
      SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND usename = current_user`
    await sleep(100)
  }
  await expect
    .poll(
      async () =>
        at.append(10, 'b').then(
          () => true,
          () => false,
        ),
      { timeout: 20_000 },
    )
    .toBe(true)
  await expect.poll(() => indexesOf(at)).toEqual(inOrder(20))
})

test('what was read in an epoch is not written in the next one, but read again', async () => {
  const at = await ground()
  await at.append(20, 'a')
  let moved = false
  const reads: number[] = []
  at.process({
    read: async (start, end) => {
      reads.push(start)
      const entries = await at.log.entries(start, end - start)
      if (start === 7 && !moved) {
        moved = true
        await at.database.sql.begin((tx) => nextEpoch(tx as never, 'test', at.log.info.id))
      }
      return entries
    },
  })
  await expect.poll(() => indexesOf(at)).toEqual(inOrder(20))
  expect(reads.filter((start) => start === 7).length).toBeGreaterThan(1)
  expect(await readCursor(at.database.sql, 'test', at.log.info.id)).toEqual({ next: 20, epoch: 1 })
})

test('the clock of the log says when the first checkpoint covered an index, for whichever index', async () => {
  const at = await ground()
  for (let i = 0; i < 12; i++) await at.append((i % 3) + 1, `c${i}`)
  const history = (await at.log.history(1_000)).toReversed()
  const size = at.log.published().size
  const expected = (index: number): number | undefined =>
    history.find((point) => point.size > index)?.signedAt
  const forward = createLogClock(at.log)
  for (let index = 0; index < size; index++) expect(await forward.takenAt(index)).toBe(expected(index))
  for (let index = size - 1; index >= 0; index--) {
    expect(await createLogClock(at.log).takenAt(index)).toBe(expected(index))
    expect(await forward.takenAt(index)).toBe(expected(index))
  }
})

test('a follower of a quiet log that is sent back begins anew, whatever garbage was collected meanwhile', async () => {
  const at = await ground()
  const { follower } = at.process()
  await at.append(20, 'a')
  await expect.poll(() => follower.position).toBe(20)
  keepCollecting()
  await sleep(1_500)
  await at.database.sql.begin((tx) => nextEpoch(tx, 'test', at.log.info.id, { back: true }))
  await expect.poll(() => indexesOf(at)).toEqual([...inOrder(20), ...inOrder(20)])
})

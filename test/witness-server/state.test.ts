import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { afterEach, describe, expect, test } from 'vitest'
import { openNote, parseNote } from '../../src/core/note.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { connect } from '../../src/db/connect.ts'
import { createAddCheckpoint } from '../../src/witness/add-checkpoint.ts'
import { openAge, type RememberedAge } from '../../src/witness/age.ts'
import { createCosignedHeads } from '../../src/witness/cosigned-heads.ts'
import { copyDatabase, exchangeDatabases, testDatabase } from '../support/database.ts'
import { signedTree } from '../support/signed-tree.ts'
import { type Answer, testWitness, type TestWitness } from '../support/witness.ts'

const REFUSED = '23001' // restrict_violation, from our triggers
const NO_PRIVILEGE = '42501'
const tree = signedTree('log.example/state')
const fork = signedTree(tree.origin, { skeys: tree.skeys, branch: 4 })
let undo: (() => Promise<unknown>)[] = []

afterEach(async () => {
  for (const step of undo.splice(0).toReversed()) await step()
})

async function start(...args: Parameters<typeof testWitness>): Promise<TestWitness> {
  const witness = await testWitness(...args)
  undo.push(() => witness.remove())
  return witness
}

function statuses(answers: readonly Answer[]): number[] {
  return answers.map(({ status }) => status).toSorted((a, b) => a - b)
}

describe('of requests at once', () => {
  test('50 for one old size: one new size wins, all others are told it', async () => {
    const witness = await start(tree.listed, { mlDsa: false })
    expect((await witness.post(await tree.advance(0, 4))).status).toBe(200)
    const bodies = await Promise.all(Array.from({ length: 50 }, (_, i) => tree.advance(4, 5 + i)))
    const answers = await Promise.all(bodies.map((body) => witness.post(body)))
    expect(statuses(answers)).toEqual([200, ...Array.from({ length: 49 }, () => 409)])
    const won = answers.findIndex(({ status }) => status === 200) + 5
    const told = answers.filter(({ status }) => status === 409).map(({ text }) => text)
    expect(new Set(told)).toEqual(new Set([`${won}\n`]))
  })

  test('two histories of 20 logs, to two services on one database: one of the two, each time', async () => {
    const pairs = Array.from({ length: 20 }, (_, i) => {
      const ours = signedTree(`log.example/pair-${i}`)
      return { ours, theirs: signedTree(ours.origin, { skeys: ours.skeys, branch: 4 }) }
    })
    const logs = pairs.flatMap(({ ours }) => ours.listed)
    const witness = await start(logs, { mlDsa: false })
    const second = await start([], { mlDsa: false }, witness)
    for (const { ours, theirs } of pairs) {
      expect((await witness.post(await ours.advance(0, 4))).status).toBe(200)
      const bodies = await Promise.all([ours.advance(4, 5), theirs.advance(4, 5)])
      const answers = await Promise.all(bodies.flatMap((body) => [witness.post(body), second.post(body)]))
      expect(statuses(answers)).toEqual([200, 409, 409, 409])
    }
  })

  test('30 that repeat the newest size are all cosigned anew, and the time never goes back', async () => {
    const witness = await start(tree.listed, { mlDsa: false })
    await witness.post(await tree.advance(0, 9))
    const body = await tree.advance(9, 9)
    const answers = await Promise.all(Array.from({ length: 30 }, () => witness.post(body)))
    expect(statuses(answers)).toEqual(Array.from({ length: 30 }, () => 200))
  })
})

test('1,000 logs, each with its own state', async () => {
  const trees = Array.from({ length: 1000 }, (_, i) => signedTree(`log.example/many-${i}`))
  const witness = await start(
    trees.flatMap(({ listed }) => listed),
    { mlDsa: false },
  )
  for (const [from, to] of [
    [0, 3],
    [3, 8],
  ] as const) {
    const bodies = await Promise.all(trees.map((one) => one.advance(from, to)))
    for (let at = 0; at < bodies.length; at += 50) {
      const answers = await Promise.all(bodies.slice(at, at + 50).map((body) => witness.post(body)))
      expect(new Set(statuses(answers))).toEqual(new Set([200]))
    }
  }
  expect(JSON.parse((await witness.get('/')).text)).toMatchObject({ logs: 1000, sign_subtree: false })
})

test('a clock that goes back does not turn back what was said', async () => {
  const database = await testDatabase()
  const db = connect({ url: database.url, max: 2 })
  undo.push(
    () => database.drop(),
    () => db.close(),
  )
  const witness = signedTree('witness.example', { types: [0x04] })
  const { localSigner } = await import('../../src/core/signer.ts')
  let seconds = 2_000_000_000
  const add = createAddCheckpoint({
    logs: { verifiersOf: () => tree.vkeys.map(verifierOf) },
    heads: createCosignedHeads(db),
    signers: witness.skeys.map(localSigner),
    now: () => seconds * 1000,
    admit: () => {},
    contradiction: () => {},
  })
  const timeOf = async (from: number, to: number): Promise<number | undefined> => {
    const note = Buffer.concat([await tree.checkpoint(to), await add(await tree.advance(from, to))])
    return openNote(new Uint8Array(note), witness.vkeys.map(verifierOf)).verified[0]?.timestamp
  }
  expect(await timeOf(0, 2)).toBe(2_000_000_000)
  seconds = 1_900_000_000
  expect(await timeOf(2, 3)).toBe(2_000_000_000)
  expect(await timeOf(3, 3)).toBe(2_000_000_000)
  seconds = 2_000_000_007
  expect(await timeOf(3, 3)).toBe(2_000_000_007)
  seconds = 0
  expect(await timeOf(3, 4)).toBe(2_000_000_007)
})

test('evidence holds what the log signed and nothing that a stranger added, and the same head again is none', async () => {
  const database = await testDatabase()
  const db = connect({ url: database.url, max: 2 })
  undo.push(
    () => database.drop(),
    () => db.close(),
  )
  const told: { why: string; offered: string }[] = []
  const add = createAddCheckpoint({
    logs: { verifiersOf: () => tree.vkeys.map(verifierOf) },
    heads: createCosignedHeads(db),
    signers: [],
    now: Date.now,
    admit: () => {},
    contradiction: (_origin, why, offered) =>
      void told.push({ why, offered: Buffer.from(offered).toString() }),
  })
  const stranger = `\u2014 stranger.example ${Buffer.alloc(60_000).toString('base64')}\n`
  const padded = async (body: Uint8Array): Promise<Uint8Array> =>
    new Uint8Array(Buffer.concat([body, Buffer.from(stranger)]))
  await add(await padded(await tree.advance(0, 6)))
  const garbage = Buffer.from(
    Buffer.from(await tree.advance(6, 6))
      .toString()
      .replace('old 6\n', `old 6\n${Buffer.alloc(32).toString('base64')}\n`),
  )
  await expect(add(new Uint8Array(garbage))).rejects.toMatchObject({ code: 'inconsistent' })
  expect(told).toEqual([])
  await expect(add(await padded(await fork.advance(6, 7)))).rejects.toMatchObject({ code: 'inconsistent' })
  expect(told).toHaveLength(1)
  expect(told[0]!.offered).toContain('\n7\n')
  expect(told[0]!.offered).not.toContain('stranger')
})

test('a process that nobody uses knows an older copy too: it follows those that are used', async () => {
  const database = await testDatabase()
  const db = connect({ url: database.ownerUrl, max: 2 })
  const memory = (): RememberedAge & { age: number | undefined } => ({
    age: undefined,
    async read() {
      return this.age
    },
    async write(age) {
      this.age = age
    },
  })
  const [mine, idle] = [memory(), memory()]
  const busy = await openAge(db, mine, () => {}, 10)
  const standby = await openAge(db, idle, () => {}, 10)
  undo.push(
    () => database.drop(),
    () => db.close(),
    () => busy.close(),
    () => standby.close(),
  )
  const before = idle.age!
  await expect
    .poll(() => {
      busy.touch()
      return idle.age!
    })
    .toBeGreaterThan(before + 3)
  await busy.close()
  expect(standby.problem()).toBeUndefined()
  await db.sql`UPDATE witness.age SET age = ${before}`
  await expect.poll(() => standby.problem()).toMatch(/older copy/)
  expect(() => standby.touch()).toThrow(expect.objectContaining({ code: 'not_available' }))
  await standby.close()
  const again = await openAge(db, idle, () => {}, 10)
  expect(again.problem()).toMatch(/older copy/)
  await again.close()
})

describe('what was cosigned', () => {
  test('is known after a restart', async () => {
    const witness = await start(tree.listed, { mlDsa: false })
    await witness.post(await tree.advance(0, 6))
    const vkeys = [...witness.vkeys]
    await witness.restart({ logs: [] })
    expect(witness.vkeys).toEqual(vkeys)
    expect((await witness.post(await fork.advance(6, 7))).status).toBe(422)
    expect((await witness.post(await tree.advance(6, 7))).status).toBe(200)
  })

  test('cannot be turned back, not even by a superuser; and nobody takes away a log', async () => {
    const witness = await start(tree.listed, { mlDsa: false })
    await witness.post(await tree.advance(0, 6))
    const { owner, sql } = witness.database
    for (const change of [
      'size = 5',
      `root = decode('${'00'.repeat(32)}', 'hex')`,
      'cosigned_at = cosigned_at - 1',
      "origin = 'other'",
    ])
      await expect(owner.unsafe(`UPDATE witness.heads SET ${change}`)).rejects.toMatchObject({
        code: REFUSED,
      })
    for (const statement of [
      'DELETE FROM witness.heads',
      'TRUNCATE witness.heads',
      'DELETE FROM witness.logs',
      "UPDATE witness.logs SET vkey = 'x'",
      'TRUNCATE witness.logs',
    ]) {
      await expect(owner.unsafe(statement)).rejects.toMatchObject({ code: REFUSED })
      await expect(sql.unsafe(statement)).rejects.toMatchObject({ code: NO_PRIVILEGE })
    }
  })
})

test('killed after it stored and before it answered: the size is known, and the next request is cosigned', async () => {
  const database = await testDatabase()
  undo.push(() => database.drop())
  const witness = await start(tree.listed, { mlDsa: false }, { database })
  await witness.post(await tree.advance(0, 3))
  // The row is stored, and its trigger holds back the answer until the process is dead.
  await database.owner.unsafe(`
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(7); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER hold AFTER UPDATE ON witness.heads DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION hold()`)
  const child = spawn(
    process.execPath,
    [
      '--import',
      'tsx',
      'src/cli/main.ts',
      'witness',
      '--name',
      witness.name,
      '--data',
      witness.folder,
      '--port',
      '0',
    ],
    {
      env: { PATH: process.env['PATH'] ?? '', DATABASE_URL: database.ownerUrl, PROOFLOG_LOG_LEVEL: 'silent' },
      stdio: ['ignore', 'pipe', 'ignore'],
    },
  )
  let url = ''
  for await (const line of createInterface({ input: child.stdout })) {
    url = line
    break
  }
  const lock = connect({ url: database.ownerUrl, max: 1 })
  undo.push(() => lock.close())
  await lock.sql`SELECT pg_advisory_lock(7)`
  const body = Buffer.from(await tree.advance(3, 8))
  const request = fetch(`${url}/add-checkpoint`, { method: 'POST', body }).then(
    () => 'answered',
    () => 'cut off',
  )
  await expect
    .poll(
      async () =>
        (await database.owner`SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = 7 AND NOT granted`)
          .length,
    )
    .toBe(1)
  const exited = once(child, 'exit')
  child.kill('SIGKILL')
  await exited
  await lock.sql`SELECT pg_advisory_unlock(7)`
  expect(await request).toBe('cut off')
  await expect.poll(async () => (await witness.post(await fork.advance(3, 8))).text).toBe('8\n')
  expect((await witness.post(await tree.advance(8, 8))).status).toBe(200)
  const stored = await witness.database.sql<{ note: Uint8Array }[]>`SELECT note FROM witness.heads`
  expect(parseNote(new Uint8Array(stored[0]!.note)).text).toContain('\n8\n')
})

describe('an older copy of the database', () => {
  test('is noticed at the start, however often: nothing is cosigned, and /readyz says why', async () => {
    const witness = await start(tree.listed, { mlDsa: false })
    await witness.post(await tree.advance(0, 3))
    await witness.stop()
    const backup = await copyDatabase(witness.database)
    await witness.restart()
    await witness.post(await tree.advance(3, 6))
    await witness.stop()
    await exchangeDatabases(witness.database, backup)
    undo.push(() => backup.drop())
    for (let round = 0; round < 4; round++) {
      await witness.restart()
      const answer = await witness.post(await fork.advance(3, 6))
      expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '1'])
      const ready = await witness.get('/readyz')
      expect([ready.status, ready.text]).toEqual([503, expect.stringContaining('older copy')])
    }
    await witness.stop()
    await exchangeDatabases(witness.database, backup)
    await witness.restart()
    expect((await witness.post(await fork.advance(3, 6))).text).toBe('6\n')
    expect((await witness.get('/readyz')).status).toBe(200)
  })

  test('is noticed while the witness runs', async () => {
    const database = await testDatabase()
    const db = connect({ url: database.ownerUrl, max: 1 })
    undo.push(
      () => database.drop(),
      () => db.close(),
    )
    let remembered: number | undefined
    const memory = {
      read: () => Promise.resolve(remembered),
      write: (age: number) => Promise.resolve(void (remembered = age)),
    }
    const age = await openAge(db, memory, () => {}, 10)
    undo.push(() => age.close())
    age.touch()
    await expect.poll(() => remembered).toBe(2)
    await db.sql`UPDATE witness.age SET age = 1`
    age.touch()
    await expect.poll(() => age.problem()).toContain('older copy')
    expect(() => age.touch()).toThrow(expect.objectContaining({ code: 'not_available' }))
  })

  test('cannot be told while the count cannot be remembered: nothing is cosigned until it can', async () => {
    const database = await testDatabase()
    const db = connect({ url: database.ownerUrl, max: 1 })
    undo.push(
      () => database.drop(),
      () => db.close(),
    )
    let full = false
    const write = (): Promise<void> => (full ? Promise.reject(new Error('disk full')) : Promise.resolve())
    const age = await openAge(db, { read: () => Promise.resolve(undefined), write }, () => {}, 10)
    undo.push(() => age.close())
    full = true
    age.touch()
    await expect.poll(() => age.problem()).toBeDefined()
    expect(() => age.touch()).toThrow(expect.objectContaining({ code: 'not_available' }))
    full = false
    await expect.poll(() => age.problem()).toBeUndefined()
    age.touch()
  })
})

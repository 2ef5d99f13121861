import { appendFileSync, cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { checkPolicy } from '../../src/core/check-policy.ts'
import { generateSkey, parseVkey, vkeyOf } from '../../src/core/keys.ts'
import { openNote } from '../../src/core/note.ts'
import { policyFromVkeys } from '../../src/core/policy.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { createKeyFiles } from '../../src/keys/key-files.ts'
import type { Log } from '../../src/log/types.ts'
import { checkLog } from '../support/check-log.ts'
import { type TestDatabase, testDatabase } from '../support/database.ts'
import { appendTexts, publishAll, type TestEngine, testEngine, testFolder, texts } from '../support/engine.ts'

const HEARTBEAT = 60_000
/** What litewitness and omniwitness take at most of a checkpoint. */
const LARGEST_NOTE = 10 * 1024
let database: TestDatabase
let home: ReturnType<typeof testFolder>
let clock: { now: number }
let running: TestEngine[]
let one: TestEngine
let log: Log
let made = 0

beforeAll(async () => {
  database = await testDatabase()
})
beforeEach(async () => {
  home = testFolder()
  clock = { now: Date.UTC(2030, 0, 1) }
  running = []
  one = start()
  log = await one.engine.open((await one.engine.create({ name: `log-${++made}` })).name)
})
afterEach(async () => {
  for (const engine of running) await engine.stop()
  home.remove()
})
afterAll(() => database.drop())

/** An engine whose clock advances only when the test says. */
function start(folder = home.folder): TestEngine {
  const engine = testEngine(database.url, { folder, clock: () => clock.now, heartbeat: HEARTBEAT })
  running.push(engine)
  return engine
}

/** A process with its own key folder, as it is now, and the same guard. */
function startWithCopyOfKeys(): TestEngine {
  const folder = join(home.folder, `copy-${running.length}`)
  mkdirSync(folder)
  symlinkSync(join(home.folder, 'guard'), join(folder, 'guard'))
  cpSync(join(home.folder, 'keys'), join(folder, 'keys'), { recursive: true })
  return start(folder)
}

async function grow(count: number, by = one, of = log): Promise<void> {
  const appended = await appendTexts(of, texts(count, `entry ${clock.now}`))
  clock.now += 1000
  await publishAll(by, of, appended)
}

/** A round a second later. */
async function publishLater(by = one): Promise<void> {
  clock.now += 1000
  await by.publish()
}

function keyFile(): string {
  return join(home.folder, 'keys', `${log.info.name}.keys`)
}

/** Which of the log's keys signed its newest checkpoint. */
function signedBy(of = log): string[] {
  return openNote(of.published().note, of.info.vkeys.map(verifierOf)).verified.map(({ vkey }) => vkey)
}

function idsOf(vkeys: readonly string[]): string[] {
  return vkeys.map((vkey) => vkey.split('+')[1]!)
}

/** What a verifier that knows these keys says of the newest checkpoint. */
function verifiedSize(vkeys: readonly string[]): number {
  return checkPolicy(log.published().note, policyFromVkeys(vkeys)).checkpoint.size
}

function problems(of = log): string[] {
  return of.status().problems.map(({ message }) => message)
}

describe('a rotation', () => {
  test('lets old and new keys sign together, then the new ones alone; what was signed stays verifiable', async () => {
    await grow(3)
    const old = log.info.vkeys
    const after = await one.engine.rotate(log.info.name)
    const added = after.vkeys.slice(2)
    expect(added.map((vkey) => [parseVkey(vkey).type, parseVkey(vkey).name])).toEqual([
      [0x01, log.info.origin],
      [0x06, log.info.origin],
    ])
    expect(log.info).toMatchObject({ vkeys: [...old, ...added], signing: [...old, ...added] })
    // At once, although nothing else is due: those who wait for the new keys need not wait for a heartbeat.
    await publishLater()
    expect(signedBy()).toEqual([...old, ...added])
    expect(log.published().note.length).toBeLessThan(LARGEST_NOTE)
    await grow(2)
    for (const known of [old, added, old.slice(0, 1), added.slice(0, 1)]) expect(verifiedSize(known)).toBe(5)

    for (const id of idsOf(old)) await one.engine.retireKey(log.info.name, id)
    expect(log.info).toMatchObject({ vkeys: [...old, ...added], signing: added })
    await grow(2)
    expect(signedBy()).toEqual(added)
    expect(verifiedSize(added)).toBe(7)
    expect(() => verifiedSize(old)).toThrow(/known key/)
    await checkLog(log)
  })

  test('is followed by another process, which then signs with all keys', async () => {
    const other = start()
    await other.engine.start()
    const same = await other.engine.open(log.info.name)
    await one.engine.rotate(log.info.name)
    await vi.waitFor(() => expect(same.info.signing).toHaveLength(4), 20_000)
    await one.stop()
    await vi.waitFor(
      () => {
        clock.now += 1000
        expect(signedBy(same)).toHaveLength(4)
      },
      { timeout: 20_000, interval: 100 },
    )
    await checkLog(same)
  })

  test('stops a process whose key file is the old one, says which key it lacks, and no other', async () => {
    const behind = startWithCopyOfKeys()
    const same = await behind.engine.open(log.info.name)
    await one.engine.rotate(log.info.name)
    await one.stop()
    clock.now += 1000
    await behind.publish()
    const [lacked] = idsOf(log.info.signing.slice(2))
    expect(problems(same)).toEqual([
      expect.stringMatching(`lack key ${lacked}, .*put the newest key file there`),
    ])
    expect(same.published().seq).toBe(0)
    const again = start()
    log = await again.engine.open(log.info.name)
    await grow(1, again)
    expect(signedBy()).toHaveLength(4)
    cpSync(keyFile(), join(home.folder, 'copy-1', 'keys', `${log.info.name}.keys`))
    await again.stop()
    await publishLater(behind)
    expect(problems(same)).toEqual([])
  })

  test('that ended after the key file was written changes nothing, and the next one takes the keys made then', async () => {
    const before = log.info
    const stranded = await createKeyFiles(join(home.folder, 'keys')).add(before)
    await one.stop()
    one = start()
    log = await one.engine.open(before.name)
    await grow(3)
    expect(signedBy()).toEqual(before.vkeys)
    await one.engine.rotate(before.name)
    expect(log.info.signing).toEqual([...before.vkeys, ...stranded.map(({ vkey }) => vkey)])
    await publishLater()
    expect(signedBy()).toHaveLength(4)
  })

  test('whose key file was set back is refused until the file is put back', async () => {
    const old = readFileSync(keyFile())
    await one.engine.rotate(log.info.name)
    const newest = readFileSync(keyFile())
    expect(newest.subarray(0, old.length).equals(old)).toBe(true)
    writeFileSync(keyFile(), old)
    await one.stop()
    one = start()
    log = await one.engine.open(log.info.name)
    await publishLater()
    expect(problems()).toEqual([expect.stringMatching(/put the newest key file there/)])
    expect(log.published().seq).toBe(0)
    writeFileSync(keyFile(), newest)
    await publishLater()
    expect(problems()).toEqual([])
    expect(signedBy()).toHaveLength(4)
  })

  test('asked for twice at once, or again, happens once', async () => {
    const other = start()
    const outcomes = await Promise.allSettled(
      [one, other, one].map(({ engine }) => engine.rotate(log.info.name)),
    )
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const refusals = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [(outcome.reason as { code: string }).code] : [],
    )
    expect(['log_changed', 'state_conflict']).toEqual(expect.arrayContaining([...new Set(refusals)]))
    await expect(one.engine.rotate(log.info.name)).rejects.toMatchObject({ code: 'state_conflict' })
    const [info] = (await other.engine.list()).filter(({ name }) => name === log.info.name)
    expect(info?.signing).toHaveLength(4)
    expect(readFileSync(keyFile(), 'utf8').trimEnd().split('\n')).toHaveLength(4)
  })

  test('with keys that do not sign announces none of them', async () => {
    const vkey = vkeyOf(generateSkey(log.info.origin, 0x01, new Uint8Array(32).fill(7)))
    appendFileSync(keyFile(), `command ${vkey} ${process.execPath} --version\n`)
    await expect(one.engine.rotate(log.info.name)).rejects.toMatchObject({
      code: 'log_halted',
      message: expect.stringContaining(`key ${idsOf([vkey])[0]}`),
    })
    expect(log.info.signing).toHaveLength(2)
    await grow(1)
    expect(problems()).toEqual([])
  })

  test('is for logs that are signed here', async () => {
    const without = start(join(home.folder, 'nothing'))
    await expect(without.engine.rotate(log.info.name)).rejects.toMatchObject({ code: 'keys_elsewhere' })
    await expect(one.engine.rotate('nobody')).rejects.toMatchObject({ code: 'log_not_found' })
  })
})

describe('retiring a key', () => {
  test('waits for a checkpoint that the staying key signed, and never ends the last Ed25519 key', async () => {
    const [ed25519, mlDsa] = idsOf(log.info.vkeys)
    const retire = (id: string) => one.engine.retireKey(log.info.name, id)
    await expect(retire(ed25519!)).rejects.toMatchObject({
      code: 'state_conflict',
      message: expect.stringMatching(/only Ed25519 key/),
    })
    await expect(retire('00000000')).rejects.toMatchObject({ code: 'signing_key_not_found' })
    await one.engine.rotate(log.info.name)
    await expect(retire(ed25519!)).rejects.toMatchObject({
      code: 'state_conflict',
      message: expect.stringMatching(/wait for one/),
    })
    await publishLater()
    await retire(ed25519!)
    await retire(ed25519!) // said twice, done once
    await retire(mlDsa!)
    expect(log.info).toMatchObject({ revision: 4, signing: log.info.vkeys.slice(2) })
    const [stays] = idsOf(log.info.signing)
    await expect(retire(stays!)).rejects.toMatchObject({
      code: 'state_conflict',
      message: expect.stringMatching(/only Ed25519 key/),
    })
  })

  test('is the way out when one of several keys was lost: the others sign on', async () => {
    const kept = readFileSync(keyFile())
    await one.engine.rotate(log.info.name)
    await publishLater()
    writeFileSync(keyFile(), kept)
    await one.stop()
    one = start()
    log = await one.engine.open(log.info.name)
    await publishLater()
    expect(problems()).toEqual([expect.stringMatching(/lack key/)])
    for (const id of idsOf(log.info.signing.slice(2))) await one.engine.retireKey(log.info.name, id)
    await grow(1)
    expect(problems()).toEqual([])
    expect(signedBy()).toEqual(log.info.vkeys.slice(0, 2))
  })

  test('survives restarts, and rotations go on for ever', async () => {
    for (let generation = 0; generation < 3; generation++) {
      const old = idsOf(log.info.signing)
      await one.engine.rotate(log.info.name)
      await publishLater()
      for (const id of old) await one.engine.retireKey(log.info.name, id)
      await one.stop()
      one = start()
      log = await one.engine.open(log.info.name)
      await grow(1)
      expect(signedBy()).toEqual(log.info.vkeys.slice(-2))
    }
    expect(log.info.vkeys).toHaveLength(8)
    await checkLog(log)
  })
})

describe('the states', () => {
  const set = (state: 'open' | 'draining' | 'frozen') => one.engine.setState(log.info.name, state)

  test('draining: no more is taken, what was taken is stored and published', async () => {
    const waiting = Array.from({ length: 20 }, (_, i) => appendTexts(log, [`waits ${i}`]))
    await set('draining')
    const appended = (await Promise.all(waiting)).flat()
    await expect(appendTexts(log, ['late'])).rejects.toMatchObject({ code: 'log_draining' })
    clock.now += 1000
    await publishAll(one, log, appended)
    expect(log.published().size).toBe(20)
    await set('open')
    await grow(1)
    await checkLog(log)
  })

  test('frozen: the head does not move, whichever process tries; the final checkpoint covers all and is not signed anew', async () => {
    const other = start()
    const same = await other.engine.open(log.info.name) // it never polls: it will not notice
    await appendTexts(same, ['committed, not published'])
    await set('draining')
    await set('frozen')
    expect(same.info.state).toBe('open')
    const head = await one.store.head(log.info.id)
    for (const entries of [texts(1), texts(600)])
      await expect(appendTexts(same, entries)).rejects.toMatchObject({ code: 'log_frozen' })
    await expect(appendTexts(log, ['late'])).rejects.toMatchObject({ code: 'log_frozen' })
    expect(await one.store.head(log.info.id)).toEqual(head)
    await publishLater()
    expect(log.published()).toMatchObject({ size: 1, seq: 1 })
    clock.now += 100 * HEARTBEAT
    await one.publish()
    expect(log.published().seq).toBe(1)
    expect(problems()).toEqual([])
    expect(log.status().level).toBe('tamper-evident')
    await checkLog(log)
  })

  test('frozen while many append: everything acknowledged is covered, nothing comes after', async () => {
    const other = start()
    const logs = [log, await other.engine.open(log.info.name)]
    const acknowledged: number[] = []
    const refusals = new Set<string>()
    let stop = false
    const writers = logs.flatMap((into, process) =>
      Array.from({ length: 4 }, async (_, writer) => {
        for (let i = 0; !stop; i++) {
          try {
            for (const { index } of await appendTexts(into, [`${process} ${writer} ${i}`]))
              acknowledged.push(index)
          } catch (error) {
            refusals.add((error as { code: string }).code)
            await new Promise(setImmediate)
          }
        }
      }),
    )
    await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThan(50), 20_000)
    await set('draining')
    await set('frozen')
    const { size } = await one.store.head(log.info.id)
    await vi.waitFor(() => expect(refusals).toContain('log_frozen'), 20_000)
    stop = true
    await Promise.all(writers)
    expect((await one.store.head(log.info.id)).size).toBe(size)
    expect(acknowledged.toSorted((a, b) => a - b)).toEqual(Array.from({ length: size }, (_, i) => i))
    await publishLater()
    expect(log.published().size).toBe(size)
    await checkLog(log)
  })

  test('a frozen log is opened again, grows and is signed as before', async () => {
    await set('draining')
    await set('frozen')
    await expect(one.engine.rotate(log.info.name)).rejects.toMatchObject({ code: 'state_conflict' })
    await set('open')
    await grow(3)
    clock.now += HEARTBEAT + 1
    await one.publish()
    expect(log.published().seq).toBe(2)
    await checkLog(log)
  })

  test('only these steps are possible, and a repeated one is none', async () => {
    await expect(set('frozen')).rejects.toMatchObject({ code: 'state_conflict' })
    await set('draining')
    await set('draining')
    await set('frozen')
    await expect(set('draining')).rejects.toMatchObject({ code: 'state_conflict' })
    expect(log.info.revision).toBe(2)
    await expect(one.engine.setState('nobody', 'open')).rejects.toMatchObject({ code: 'log_not_found' })
  })

  test('two operators who change it at once: one of them is told', async () => {
    const info = log.info
    const changes = [one, start()].map(({ store }) =>
      store.change(info, [{ what: 'state', value: 'draining' }]),
    )
    const outcomes = await Promise.allSettled(changes)
    expect(outcomes.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    await expect(Promise.all(changes)).rejects.toMatchObject({ code: 'log_changed' })
  })

  test('not even the owner of the database writes another state into the head than was recorded', async () => {
    await set('draining')
    const thaw = database.owner`UPDATE log.heads SET state = 'open' WHERE log_id = ${log.info.id}`
    await expect(thaw).rejects.toMatchObject({ code: '23001' })
  })
})

describe('a successor', () => {
  test('is named by the log it continues, from its creation on', async () => {
    const next = await one.engine.create({ name: `log-${++made}`, successorOf: log.info.name })
    expect(log.info.successor).toBe(next.name)
    expect(next).toMatchObject({ state: 'open', revision: 0 })
    await one.engine.setState(log.info.name, 'draining')
    await expect(appendTexts(log, ['late'])).rejects.toMatchObject({
      message: expect.stringContaining(next.name),
    })
    await one.engine.setState(log.info.name, 'frozen')
    await expect(appendTexts(log, ['late'])).rejects.toMatchObject({
      code: 'log_frozen',
      evidence: { successor: next.name },
    })
  })

  test('there is one at most, of a log that exists, and a refused one leaves nothing behind', async () => {
    const name = `log-${++made}`
    await expect(one.engine.create({ name, successorOf: 'nobody' })).rejects.toMatchObject({
      code: 'log_not_found',
    })
    await one.engine.create({ name, successorOf: log.info.name })
    await expect(one.engine.create({ name: `${name}-x`, successorOf: log.info.name })).rejects.toMatchObject({
      code: 'state_conflict',
    })
    const stale = { ...log.info, revision: 0 }
    const second = {
      name: `${name}-y`,
      origin: 'y',
      public: false,
      dedup: true,
      vkeys: [],
      predecessor: stale,
    }
    await expect(one.store.createLog(second)).rejects.toMatchObject({ code: 'log_changed' })
    expect((await one.engine.list()).filter((info) => info.name.startsWith(`${name}-`))).toEqual([])
  })
})

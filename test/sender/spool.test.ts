import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, open, readdir, readFile, stat, utimes, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createSender, type SenderError, type SenderEvent } from '../../src/sender/index.ts'
import { type Fixture, fixture, numbered, numbersOf } from './fixture.ts'

const MIB = 1_048_576
let at: Fixture
beforeEach(async () => {
  at = await fixture()
  at.receiver.behave = () => ({ status: 503, headers: { 'retry-after': '60' } }) // an outage, unless a test ends it
})
afterEach(() => at.end())

const upTo = (n: number): number[] => Array.from({ length: n }, (_, i) => i)

async function segments(): Promise<string[]> {
  return (await readdir(at.spool)).filter((name) => name.endsWith('.seg')).map((name) => join(at.spool, name))
}

async function bytesOnDisk(): Promise<number> {
  const sizes = await Promise.all((await segments()).map(async (path) => (await stat(path)).size))
  return sizes.reduce((a, b) => a + b, 0)
}

/** Fills a spool during an outage and closes it. */
async function spooled(count: number, padding = 0): Promise<void> {
  const sender = await at.sender()
  for (const n of upTo(count)) await sender.audit(numbered(n, padding))
  await sender.close()
}

/** What a new sender delivers after the outage. */
async function delivered(): Promise<number[]> {
  at.receiver.behave = () => 'ok'
  const sender = await at.sender()
  await sender.deliver()
  expect(sender.status().waiting).toBe(0)
  return numbersOf(at.receiver)
}

async function overwrite(path: string, offset: number, bytes: Uint8Array): Promise<void> {
  const file = await open(path, 'r+')
  await file.write(bytes, 0, bytes.length, offset)
  await file.close()
}

test('a full spool refuses, says so, and never outgrows its bound; room comes back with delivery', async () => {
  const sender = await at.sender({ maxBytes: MIB })
  let accepted = 0
  const full = async (): Promise<void> => {
    for (;;) await sender.audit(numbered(accepted, 10_000)).then(() => accepted++)
  }
  await expect(full()).rejects.toMatchObject({ code: 'spool_full', evidence: { limit: MIB } })
  expect(accepted).toBeGreaterThan(90)
  expect(sender.status()).toMatchObject({ waiting: accepted, dropped: 0 })
  expect(await bytesOnDisk()).toBe(sender.status().bytes)
  expect(await bytesOnDisk()).toBeLessThanOrEqual(MIB)
  await sender.close()
  at.receiver.behave = () => 'ok'
  const next = await at.sender({ maxBytes: MIB })
  await next.deliver()
  await next.audit(numbered(accepted, 10_000))
  await next.deliver()
  expect(numbersOf(at.receiver)).toEqual(upTo(accepted + 1))
})

test('a full spool that drops resolves, counts what it drops and reports it with the count', async () => {
  const sender = await at.sender({ maxBytes: MIB, whenFull: 'drop-newest' })
  for (const n of upTo(200)) await sender.audit(numbered(n, 10_000))
  const { dropped, waiting } = sender.status()
  expect(dropped + waiting).toBe(200)
  expect(dropped).toBeGreaterThan(90)
  await sender.close() // reports what was not reported yet
  const reports = at.problems.filter(({ code }) => code === 'dropped')
  expect(reports.reduce((sum, { evidence }) => sum + Number(evidence['count']), 0)).toBe(dropped)
  expect(reports.length).toBeLessThan(5)
  expect(await delivered()).toEqual(upTo(waiting)) // the oldest stay: the newest are dropped
})

test('many events at once share few fsyncs, none is accepted before its own, and they keep their order', async () => {
  const sender = await at.sender()
  await sender.audit(numbered(0))
  const file = await open(join(at.spool, 'lock'))
  const prototype = Object.getPrototypeOf(file) as { datasync(): Promise<void> }
  await file.close()
  const datasync: unknown = Reflect.get(prototype, 'datasync')
  const synced: number[] = []
  let accepted = 0
  const spy = vi.spyOn(prototype, 'datasync').mockImplementation(async function (this: unknown) {
    synced.push(accepted)
    await sleep(20)
    expect(accepted).toBe(synced.at(-1)) // nothing was accepted while the disk was busy
    await Reflect.apply(datasync as () => Promise<void>, this, [])
  })
  await Promise.all(upTo(5_000).map((n) => sender.audit(numbered(n + 1)).then(() => accepted++)))
  spy.mockRestore()
  expect(accepted).toBe(5_000)
  expect(synced.length).toBeGreaterThan(0)
  expect(synced.length).toBeLessThan(100)
  await sender.close()
  expect(await delivered()).toEqual(upTo(5_001))
})

test('the fail mode has no default, and other options are checked', async () => {
  const options = { url: at.receiver.url, key: 'k', spool: at.spool, whenFull: 'refuse' } as const
  const wrong: [string, object][] = [
    ['whenFull', { whenFull: undefined }],
    ['whenFull', { whenFull: 'block' }],
    ['url', { url: 'audit.example.com' }],
    ['url', { url: 'https://audit.example.com/logs/default?x=1' }],
    ['key', { key: '' }],
    ['spool', { spool: '' }],
    ['maxBytes', { maxBytes: 1_000 }],
    ['batch', { batch: 0 }],
    ['flushInterval', { flushInterval: -1 }],
  ]
  for (const [option, change] of wrong) {
    const made = createSender({ ...options, ...change } as never)
    await expect(made, option).rejects.toMatchObject({ code: 'invalid_options', evidence: { option } })
  }
})

test('what is no event is refused at once, by the name of the member and without its contents', async () => {
  const sender = await at.sender({ whenFull: 'drop-newest' })
  const good = numbered(0)
  const wrong: [string, unknown][] = [
    ['action', { outcome: 'success' }],
    ['action', { ...good, action: '' }],
    ['action', { ...good, action: 'secret'.repeat(100) }],
    ['outcome', { ...good, outcome: 'secret' }],
    ['time', { ...good, time: 'secret' }],
    ['time', { ...good, time: new Date() }],
    ['id', { ...good, id: 7 }],
    ['JSON', { ...good, params: { secret: 1n } }],
    ['event', null],
  ]
  for (const [member, event] of wrong) {
    const error: Error = await sender.audit(event as SenderEvent).then(
      () => expect.fail(member),
      (thrown) => thrown,
    )
    expect(error).toMatchObject({ code: 'invalid_event' })
    expect(error.message).toContain(member)
    expect(error.message).not.toContain('secret')
  }
  const large = sender.audit({ ...good, params: 'x'.repeat(270_000) })
  await expect(large).rejects.toMatchObject({ code: 'event_too_large', evidence: { limit: 262_144 } })
  expect(sender.status()).toMatchObject({ waiting: 0, dropped: 0 })
})

test('a record that a crash cut off is cut away at the start, kept and reported; all before it arrive', async () => {
  await spooled(3)
  const [path = ''] = await segments()
  const whole = await readFile(path)
  for (const torn of [
    whole.subarray(0, 1),
    whole.subarray(0, 19),
    whole.subarray(0, 60),
    Buffer.alloc(4_096),
  ]) {
    await writeFile(path, Buffer.concat([whole, torn]))
    at.problems.length = 0
    const sender = await at.sender()
    expect(sender.status().waiting).toBe(3)
    expect(at.problems[0]).toMatchObject({ code: 'spool_cut', evidence: { bytes: torn.length } })
    expect((await stat(path)).size).toBe(whole.length)
    await sender.close()
  }
  expect(await delivered()).toEqual([0, 1, 2])
})

test('damage in the middle costs the records that it hit: they are kept aside and reported, the rest arrives', async () => {
  await spooled(10)
  const [path = ''] = await segments()
  const bytes = await readFile(path)
  const frame = bytes.length / 10
  await overwrite(path, frame * 2 + 4, Buffer.from([0xff, 0xff])) // a length
  await overwrite(path, frame * 5 + 40, Buffer.from('?')) // contents
  await overwrite(path, frame * 7, Buffer.alloc(frame * 2)) // two whole records
  expect(await delivered()).toEqual([0, 1, 3, 4, 6, 9])
  const damaged = at.problems.filter(({ code }) => code === 'spool_damaged')
  expect(damaged.map(({ evidence }) => evidence['bytes'])).toEqual([frame, frame, frame * 2])
  for (const { evidence } of damaged) {
    const kept = await readFile(String(evidence['file']))
    expect(kept).toHaveLength(Number(evidence['bytes']))
  }
})

test('damage that comes while the sender runs is found when it is read, and deliver() does not say that all arrived', async () => {
  const sender = await at.sender({ flushInterval: 1_000 })
  for (const n of upTo(4)) await sender.audit(numbered(n))
  const [path = ''] = await segments()
  await overwrite(path, ((await stat(path)).size / 4) * 2 + 30, Buffer.from('?'))
  at.receiver.behave = () => 'ok'
  await expect(sender.deliver()).rejects.toMatchObject({ code: 'set_aside' })
  expect(numbersOf(at.receiver)).toEqual([0, 1, 3])
  await sleep(1_100)
  expect(sender.status()).toMatchObject({ waiting: 0, setAside: 1 })
})

test('a lost or strange cursor costs repetitions only', async () => {
  at.receiver.behave = () => 'ok'
  const first = await at.sender()
  for (const n of upTo(5)) await first.audit(numbered(n))
  await first.deliver()
  at.receiver.behave = () => ({ status: 503 })
  for (const n of upTo(5)) await first.audit(numbered(n + 5))
  await first.close()
  await writeFile(join(at.spool, 'cursor'), 'not ours')
  expect(await delivered()).toEqual(upTo(10))
  expect(at.problems.map(({ code }) => code)).toContain('cursor_lost')
  expect(at.receiver.repeated).toBe(5)
})

test('a second sender on a folder is told who has it', async () => {
  await at.sender()
  const second = at.sender()
  await expect(second).rejects.toMatchObject({ code: 'spool_locked', evidence: { pid: process.pid } })
})

test('the lock of a process that was killed is taken at once; that of one that cannot be seen when it stays still', async () => {
  await mkdir(at.spool)
  const lock = join(at.spool, 'lock')
  const script = `import { lockFolder } from ${JSON.stringify(new URL('../../src/sender/lock.ts', import.meta.url).href)}
    await lockFolder(${JSON.stringify(lock)}); console.log('held'); setInterval(() => {}, 1000)`
  const child = spawn(process.execPath, ['--import', 'tsx', '--input-type=module', '-e', script])
  await once(child.stdout, 'data')
  await expect(at.sender()).rejects.toMatchObject({ code: 'spool_locked', evidence: { pid: child.pid } })
  child.kill('SIGKILL')
  await once(child, 'exit')
  const beating = setInterval(() => void utimes(lock, new Date(), new Date()).catch(() => undefined), 50)
  await (await at.sender()).close() // who waited to see whether it stays still would be told that it does not

  await writeFile(lock, 'elsewhere\n1\nanother\n5\ntoken\n')
  await expect(at.sender()).rejects.toMatchObject({ code: 'spool_locked', evidence: { host: 'elsewhere' } })
  clearInterval(beating)
  await (await at.sender()).close()
})

test('a process whose folder was taken over stops, and says so', async () => {
  const sender = await at.sender({ flushInterval: 0 })
  await writeFile(join(at.spool, 'lock'), 'elsewhere\n1\nanother\n5\ntoken\n')
  const tried = (): Promise<unknown> => sender.audit(numbered(0)).catch((error: SenderError) => error.code)
  await expect.poll(tried).toBe('lock_lost') // at the next beat
})

test('a disk that cannot be written to refuses, and is used again when it can be', async () => {
  const sender = await at.sender()
  await sender.audit(numbered(0))
  await sender.close()
  at.receiver.behave = () => 'ok'
  const next = await at.sender()
  await next.deliver()
  // The next segment cannot be created: its name is taken.
  const cursor = await readFile(join(at.spool, 'cursor'), 'utf8')
  const number = Number(/segment (\d+)/.exec(cursor)?.[1])
  for (const n of [0, 1]) await mkdir(join(at.spool, `${String(number + n).padStart(15, '0')}.seg`))
  await expect(next.audit(numbered(1))).rejects.toMatchObject({ code: 'spool_unavailable' })
  await expect(next.reserve()).rejects.toMatchObject({ code: 'spool_unavailable' })
  await next.audit(numbered(2))
  await next.deliver()
  expect(numbersOf(at.receiver)).toEqual([0, 2])
})

test('room that was reserved is there when it is needed, and is given back', async () => {
  const sender = await at.sender({ maxBytes: MIB })
  const reservations = await Promise.all(upTo(31).map(() => sender.reserve()))
  await expect(sender.reserve()).rejects.toMatchObject({ code: 'spool_full' })
  await expect(sender.audit(numbered(0, 32_768))).rejects.toMatchObject({ code: 'spool_full' })
  await Promise.all(reservations.map((reservation, n) => reservation.audit(numbered(n, 30_000))))
  await expect(reservations[0]!.audit({ action: '', outcome: 'success' })).rejects.toMatchObject({
    code: 'invalid_event',
  })
  expect(sender.status().waiting).toBe(31)
  const again = await sender.reserve(20_000)
  again.release()
  again.release()
  await sender.audit(numbered(31, 20_000))
})

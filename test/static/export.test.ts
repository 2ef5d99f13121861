import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditLog } from '../../src/client/index.ts'
import { createTransport } from '../../src/client/transport.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import { policyFromVkeys } from '../../src/core/policy.ts'
import { exportLog, type Exported } from '../../src/static/export-log.ts'
import { folderSource } from '../../src/static/source.ts'
import { folderTarget } from '../../src/static/target.ts'
import { testFolder } from '../support/engine.ts'
import { runCli } from '../support/run-cli.ts'
import { entriesUpTo, signedCheckpoint, staticLog, type StaticLog } from '../support/static-log.ts'
import { fileServer, type FileServer } from './file-server.ts'

let log: StaticLog
let home: ReturnType<typeof testFolder>
let copy: string
let host: FileServer

beforeEach(async () => {
  log = await staticLog()
  home = testFolder()
  copy = join(home.folder, 'copy')
  host = await fileServer(copy)
})
afterEach(async () => {
  await Promise.all([log.close(), host.close()])
  home.remove()
})

function exportNow(target = folderTarget(copy)): Promise<Exported> {
  return exportLog({
    source: createTransport({ url: log.url, retries: 0 }),
    target,
    policy: policyFromVkeys([log.vkey]),
  })
}

async function auditCopy(): Promise<number> {
  const report = await auditLog({ url: host.url, vkeys: [log.vkey], retries: 0 })
  return report.head.checkpoint.size
}

describe('an export', () => {
  test('to a folder is a log that any static host serves and an audit accepts', async () => {
    for (const size of [0, 1, 255, 256, 257, 1000, 1000, 70_003]) {
      log.publish(entriesUpTo(size))
      await exportNow()
      expect(await auditCopy()).toBe(size)
    }
  })

  test('goes on from what is there: reads no entry of a bundle that it holds whole', async () => {
    log.publish(entriesUpTo(1000))
    await exportNow()
    log.publish(entriesUpTo(1100))
    log.asked.length = 0
    expect(await exportNow()).toMatchObject({ from: 1000, changed: true })
    const bundles = log.asked.filter((path) => path.startsWith('tile/entries/'))
    expect(bundles.toSorted()).toEqual(['tile/entries/003', 'tile/entries/004.p/76'])
    expect(await exportNow()).toMatchObject({ from: 1100, changed: false })
    expect(await auditCopy()).toBe(1100)
  })

  test('ended at any file goes on with the next run, and the copy verifies at any moment', async () => {
    const sizes = fc.array(fc.nat({ max: 1500 }), { minLength: 1, maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(sizes, fc.array(fc.nat({ max: 12 })), async (many, deaths) => {
        rmSync(copy, { recursive: true, force: true })
        const all = entriesUpTo(1500)
        let copied = 0
        for (const size of many.toSorted((a, b) => a - b)) {
          log.publish(all.slice(0, size))
          for (const writes of deaths) {
            await exportNow(dyingTarget(copy, writes)).catch(() => undefined)
            const held = checkpointSize()
            expect([undefined, copied, size]).toContain(held)
            const audited = held === undefined ? undefined : await auditCopy()
            expect(audited).toBe(held)
          }
          await exportNow()
          copied = size
          expect(await auditCopy()).toBe(size)
        }
      }),
      { numRuns: 15 },
    )
  })

  test('of a log that lies writes no checkpoint', async () => {
    log.publish(entriesUpTo(1000))
    const bundle = log.files.get('tile/entries/001')!
    log.files.set('tile/entries/001', bundle.with(5, 0x21))
    await expect(exportNow()).rejects.toMatchObject({ code: 'entry_differs' })
    expect(checkpointSize()).toBeUndefined()
    log.files.set('tile/entries/001', bundle)
    await exportNow()
    expect(await auditCopy()).toBe(1000)
  })

  test('refuses another history of the log, and keeps both signed notes', async () => {
    log.publish(entriesUpTo(600))
    await exportNow()
    const before = readFileSync(join(copy, 'checkpoint'), 'utf8')
    const other = entriesUpTo(700).map((entry, i) => (i === 599 ? Buffer.from('another') : entry))
    for (const history of [other, other.slice(0, 600), entriesUpTo(599)]) {
      log.publish(history)
      await expect(exportNow(), String(history.length)).rejects.toMatchObject({
        code: expect.stringMatching(/^(heads_inconsistent|head_rewound)$/),
        evidence: { remembered: before, offered: expect.stringContaining(`\n${history.length}\n`) },
      })
      expect(readFileSync(join(copy, 'checkpoint'), 'utf8')).toBe(before)
    }
  })

  test('does not build upon a copy that was changed', async () => {
    log.publish(entriesUpTo(600))
    await exportNow()
    log.publish(entriesUpTo(700))
    const tile = join(copy, 'tile/0/002.p/88')
    const good = readFileSync(tile)
    for (const bad of [good.with(0, 0), good.subarray(0, 32)]) {
      writeFileSync(tile, bad)
      await expect(exportNow()).rejects.toMatchObject({ code: expect.stringMatching(/differs/) })
    }
    rmSync(tile)
    await expect(exportNow()).rejects.toMatchObject({ code: 'tile_missing' })
    writeFileSync(tile, good)
    await exportNow()
    expect(await auditCopy()).toBe(700)
  })

  test('does not touch the copy of another log, nor believe a checkpoint that the log did not sign', async () => {
    log.publish(entriesUpTo(10))
    await exportNow()
    const forged = Buffer.from(readFileSync(join(copy, 'checkpoint'), 'utf8').replace('\n10\n', '\n9\n'))
    writeFileSync(join(copy, 'checkpoint'), forged)
    await expect(exportNow()).rejects.toMatchObject({ code: 'signature_invalid' })
    const other = generateSkey('log.example/other', 0x01, new Uint8Array(32).fill(9))
    const { origin, vkey } = { origin: 'log.example/other', vkey: vkeyOf(other) }
    writeFileSync(join(copy, 'checkpoint'), signedCheckpoint(other, origin, entriesUpTo(10)))
    await expect(exportNow()).rejects.toMatchObject({ code: 'signature_missing' })
    const task = {
      source: createTransport({ url: log.url }),
      target: folderTarget(copy),
      policy: policyFromVkeys([vkey, log.vkey]),
    }
    await expect(exportLog(task)).rejects.toMatchObject({ code: 'heads_inconsistent' })
  })

  test('takes a new signature of the same tree', async () => {
    log.publish(entriesUpTo(10))
    await exportNow()
    const note = Buffer.concat([log.files.get('checkpoint')!, Buffer.from('\u2014 witness AAAAAAAA\n')])
    log.files.set('checkpoint', note)
    expect(await exportNow()).toMatchObject({ from: 10, changed: true })
    expect(readFileSync(join(copy, 'checkpoint'))).toEqual(note)
  })
})

describe('prooflog export', () => {
  test('exports a log, and from the copy another one', async () => {
    log.publish(entriesUpTo(300))
    const first = await runCli(['export', '--from', log.url, '--to', copy, '--vkey', log.vkey, '--json'])
    expect(JSON.parse(first.out)).toMatchObject({ origin: log.origin, tree_size: 300, from_size: 0 })
    const second = join(home.folder, 'second')
    const told = await runCli(['export', '--from', copy, '--to', second, '--vkey', log.vkey])
    expect(told).toMatchObject({ code: 0, out: expect.stringContaining('300 entries were added') })
    expect(new Set(readdirSync(second, { recursive: true, encoding: 'utf8' }))).toEqual(
      new Set(readdirSync(copy, { recursive: true, encoding: 'utf8' })),
    )
  })

  test('follows the log until it is stopped, and waits for one that is away', async () => {
    log.publish(entriesUpTo(10))
    const follow = ['export', '--from', log.url, '--to', copy, '--vkey', log.vkey, '--follow', '--json']
    expect(JSON.parse((await runCli(follow)).out)).toMatchObject({ tree_size: 10 })
    await log.close()
    expect(await runCli(follow)).toMatchObject({
      code: 0,
      out: '',
      err: expect.stringContaining('trying again'),
    })
  })

  test('says what it misses', async () => {
    const keyless = await runCli(['export', '--from', copy, '--to', join(home.folder, 'x')])
    expect(keyless).toMatchObject({ code: 2, err: expect.stringContaining('give --policy, --vkey') })
    const bucket = await runCli(['export', '--from', log.url, '--to', 's3://bucket', '--vkey', log.vkey])
    expect(bucket).toMatchObject({ code: 2, err: expect.stringContaining('AWS_ACCESS_KEY_ID') })
    expect((await runCli(['export'])).code).toBe(2)
  })
})

/** A folder on a disk that is full after some files. */
function dyingTarget(folder: string, writes: number): ReturnType<typeof folderTarget> {
  const target = folderTarget(folder)
  let left = writes
  const mayWrite = (): void => {
    if (left-- <= 0) throw new Error('test: full')
  }
  return {
    ...target,
    async write(...args) {
      mayWrite()
      await target.write(...args)
    },
    async publish(note) {
      mayWrite()
      await target.publish(note)
    },
  }
}

function checkpointSize(): number | undefined {
  try {
    return Number(readFileSync(join(copy, 'checkpoint'), 'utf8').split('\n')[1])
  } catch {
    return undefined
  }
}

test('a folder is read like an address', async () => {
  mkdirSync(copy, { recursive: true })
  writeFileSync(join(copy, 'checkpoint'), 'too long')
  const source = folderSource(copy)
  await expect(source.request({ path: 'checkpoint', limit: 3 })).rejects.toMatchObject({ code: 'bad_answer' })
  await expect(source.request({ path: 'tile/0/000', limit: 3 })).rejects.toMatchObject({ code: 'not_found' })
})

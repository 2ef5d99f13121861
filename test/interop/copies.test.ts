import { createHash } from 'node:crypto'
// Copies of our log, as its mirror, a web server and a program of others hold them, checked by programs that nobody here wrote; and
// a log of others that we take over.
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { readConfig } from '../../src/config.ts'
import { generateSkey, parseVkey, vkeyOf } from '../../src/core/keys.ts'
import { type MirrorService, serveMirror } from '../../src/serve-mirror.ts'
import { newHome } from '../e2e/home.ts'
import { fileServer } from '../static/file-server.ts'
import { testDatabase, type TestDatabase } from '../support/database.ts'
import { runCli } from '../support/run-cli.ts'
import { checksIn, sizeRebuilt, through } from './checks.ts'
import { buildPeer, buildTessera, buildTesseraLog, run, whyNoGo } from './programs.ts'
import { type LogToCheck, startService, type TestService } from './service.ts'

const noGo = await whyNoGo()
if (noGo !== undefined) console.warn(`INTEROP SKIPPED, nothing is checked: ${noGo}`)

/** More than 256 · 256: a third level of tiles begins. */
const SIZE = 66_003
const SEED = new Uint8Array(32).fill(7)

describe.skipIf(noGo !== undefined)('copies', () => {
  const folder = mkdtempSync(join(tmpdir(), 'prooflog-copies-'))
  const checks = checksIn(folder)
  /** What `prooflog export` writes. */
  const exported = join(folder, 'export')
  let service: TestService
  let database: TestDatabase
  let mirror: MirrorService
  let log: LogToCheck
  /** The log as its mirror serves it. */
  let mirrored: LogToCheck

  beforeAll(async () => {
    await buildPeer(folder)
    await buildTessera(folder, './cmd/fsck', './cmd/experimental/mirror/posix')
    await buildTesseraLog(folder)
    service = await startService()
    log = await service.createLog('copied')
    database = await testDatabase()
    mirror = await startMirror()
    mkdirSync(join(service.folder, 'policies'), { recursive: true })
    const lines = mirror.vkeys.map((vkey) => `mirror ${vkey} ${mirror.url}\n`)
    writeFileSync(join(service.folder, 'policies', 'copied.mirrors'), lines.join(''))
    const path = createHash('sha256').update(log.origin).digest('hex')
    mirrored = { ...log, url: `${mirror.url}/${path}` }
    // In two goes, so that copies have to go on.
    await service.append(log, entries(0, 1_000))
    await exportLog()
    await service.append(log, entries(1_000, SIZE))
    await exportLog()
  })
  afterAll(async () => {
    await mirror?.stop()
    await database?.drop()
    await service?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('fsck rebuilds every tile that our mirror holds, and finds a changed bit', async () => {
    await vi.waitFor(() => checkSize(mirrored), { timeout: 60_000, interval: 200 })
    expect(sizeRebuilt(await checks.fsck(mirrored))).toBe(SIZE)
    const found = await through(mirror.url, mirrored, '/tile/1/001', checks.fsck)
    expect(found.stderr, found.all).toMatch(/^E.*fsck failed/m)
  })

  test('torchwood, x/mod and formats accept the signatures of the mirror, on its copy and, added late, on our log', async () => {
    const policy = join(folder, 'policy')
    const witnesses = mirror.vkeys.map((vkey, i) => `witness m${i} ${vkey} ${mirror.url}`)
    writeFileSync(
      policy,
      [`log ${log.vkeys[0]}`, ...witnesses, 'group m all m0 m1', 'quorum m', ''].join('\n'),
    )
    const onCopy = await checks.peer(mirrored, 'cosigned', '-copied', '-policy', policy)
    expect(onCopy.status, onCopy.all).toBe(0)
    expect(onCopy.stdout).toContain(`the log has ${SIZE} entries`)
    await vi.waitFor(async () => expect(await checkpointOf(log)).toContain('\n— mirror.example/m1 '), {
      timeout: 20_000,
    })
    const onLog = await checks.peer(log, 'cosigned', '-policy', policy)
    expect(onLog.status, onLog.all).toBe(0)
    expect(onLog.stdout).toContain(`the log has ${SIZE} entries`)
  })

  test('torchwood reads and authenticates every entry at our mirror', async () => {
    const read = await checks.peer(mirrored, 'entries')
    expect(read.status, read.all).toBe(0)
    expect(read.stdout).toContain(`verified: ${SIZE} entries`)
  })

  test("what Tessera's mirror tool copies from our log and from our mirror are the files of our export", async () => {
    for (const source of [log, mirrored]) {
      const target = mkdtempSync(join(folder, 'tessera-'))
      const ran = await run(join(folder, 'posix'), [
        `--source_url=${source.url}/`,
        `--storage_dir=${target}`,
        '--num_workers=4',
      ])
      expect(ran.status, ran.all).toBe(0)
      expect(sizeRebuilt(await checks.fsck({ ...log, url: `file://${target}` }))).toBe(SIZE)
      const files = readdirSync(join(target, 'tile'), { recursive: true, withFileTypes: true })
      const names = files.filter((file) => file.isFile()).map((file) => join(file.parentPath, file.name))
      const differing = names.filter(
        (name) => !readFileSync(name).equals(readFileSync(name.replace(target, exported))),
      )
      // 258 bundles and as many tiles of leaves, two tiles above them, and the top.
      expect([names.length, differing]).toEqual([519, []])
    }
  })

  test('fsck rebuilds every tile of our export, as files and from a web server, and finds a changed bit', async () => {
    const server = await fileServer(exported)
    const served = { ...log, url: server.url }
    expect(sizeRebuilt(await checks.fsck(served))).toBe(SIZE)
    const asFiles = { ...log, url: `file://${exported}` }
    expect(sizeRebuilt(await checks.fsck(asFiles))).toBe(SIZE)
    const tile = join(exported, 'tile/1/000')
    const bytes = readFileSync(tile)
    writeFileSync(tile, bytes.with(20, (bytes[20] ?? 0) ^ 1))
    for (const spoiled of [served, asFiles]) {
      const found = await checks.fsck(spoiled)
      expect(found.stderr, found.all).toMatch(/^E.*fsck failed/m)
    }
    await server.close()
  })

  test('a Tessera log is taken over with its root, and fsck rebuilds it as ours', async () => {
    const skey = generateSkey('tessera.example/taken', 0x01, SEED)
    const source = join(folder, 'taken')
    const ran = await run(join(folder, 'tessera-log'), [`-dir=${source}`, `-skey=${skey}`])
    expect(ran.status, ran.all).toBe(0)
    const [, , size, root] = ran.stdout.split('\n').slice(1)
    const home = await newHome()
    try {
      const from = ['--from', source, '--vkey', parseVkey(vkeyOf(skey)).vkey]
      const imported = await home.run('import', ...from, '--log', 'taken', '--public', '--json')
      expect(imported.code, imported.err).toBe(0)
      expect(JSON.parse(imported.out)).toMatchObject({ tree_size: 300, sha256_root_hash: root })
      expect(size).toBe('300')
      const running = await home.start()
      const info = (await (await fetch(`${running.url}/logs/taken`)).json()) as {
        origin: string
        vkeys: [string, string]
      }
      const ours = { ...info, url: `${running.url}/logs/taken` }
      await vi.waitFor(() => checkSize(ours, 300), { timeout: 20_000, interval: 100 })
      expect(sizeRebuilt(await checks.fsck(ours))).toBe(300)
    } finally {
      await home.remove()
    }
  })

  function startMirror(): Promise<MirrorService> {
    const config = readConfig({
      PORT: '0',
      DATABASE_URL: database.ownerUrl,
      PROOFLOG_DATA: join(folder, 'mirror'),
      PROOFLOG_LOG_LEVEL: 'error',
    })
    const logs = log.vkeys.map((vkey) => ({ key: parseVkey(vkey), origin: log.origin }))
    return serveMirror(config, {
      name: 'mirror.example/m1',
      logLists: [],
      logs,
      rate: 1_000,
      readToken: undefined,
    })
  }

  async function exportLog(): Promise<void> {
    const vkeys = log.vkeys.flatMap((vkey) => ['--vkey', vkey])
    const ran = await runCli(['export', '--from', log.url, ...vkeys, '--to', exported])
    if (ran.code !== 0) throw new Error(ran.err)
  }
})

async function checkSize(log: LogToCheck, size = SIZE): Promise<void> {
  expect((await checkpointOf(log)).split('\n')[1]).toBe(`${size}`)
}

async function checkpointOf({ url }: LogToCheck): Promise<string> {
  return (await fetch(`${url}/checkpoint`)).text()
}

function entries(from: number, to: number): Uint8Array[] {
  return Array.from({ length: to - from }, (_, i) =>
    Buffer.from(`entry ${from + i} ${'.'.repeat((i * 7) % 300)}`),
  )
}

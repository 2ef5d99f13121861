// Programs that nobody here wrote check a log that the real service serves. test/interop/README.md says which, and what they check.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { checksIn, COMPLAINT, sizeRebuilt, through } from './checks.ts'
import { buildPeer, buildTessera, buildTesseraTest, type Ran, run, whyNoGo } from './programs.ts'
import { startProxy } from './proxy.ts'
import { type LogToCheck, startService, type TestService } from './service.ts'

const noGo = await whyNoGo()
if (noGo !== undefined) console.warn(`INTEROP SKIPPED, nothing is checked: ${noGo}`)

/** More than 256 · 256: a third level of tiles begins, and every level ends in a partial tile. */
const SIZE = 70_003
/** By Tessera's hammer, which makes 400 writes a second at most, a tenth of them repeated: more than 30 s. */
const WRITTEN = 12_000

describe.skipIf(noGo !== undefined)('programs of others', () => {
  const folder = mkdtempSync(join(tmpdir(), 'prooflog-programs-'))
  const checks = checksIn(folder)
  let service: TestService
  /** Filled with bundles. */
  let filled: LogToCheck
  /** Written one by one, by programs. */
  let live: LogToCheck

  beforeAll(async () => {
    await buildPeer(folder)
    await buildTessera(folder, './cmd/fsck', './internal/hammer')
    await buildTesseraTest(folder)
    service = await startService()
    filled = await service.createLog('filled')
    live = await service.createLog('live')
    await service.append(filled, entries())
  })
  afterAll(async () => {
    await service?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test.each([
    ['checkpoint', 'x/mod, torchwood and formats accept both signatures of the checkpoint'],
    ['history', 'every tree head ever published is signed twice and consistent with the newest'],
    ['inclusion', 'x/mod accepts our inclusion proofs and finds the same ones in the tiles'],
    ['consistency', 'x/mod accepts our consistency proofs and finds the same ones in the tiles'],
    ['subtree', 'torchwood accepts our subtree proofs and finds the same ones in the tiles'],
    ['proof-file', 'torchwood verifies our proof files, for their entry only, and writes the same ones'],
    ['entries', 'torchwood reads and authenticates every entry'],
  ])('%s: %s', async (check) => {
    const verified = await peer(check)
    expect(verified.status, verified.all).toBe(0)
    expect(verified.stdout).toMatch(new RegExp(`^verified: .*; the log has ${SIZE} entries$`, 'm'))
  })

  test('a checkpoint by other keys is refused', async () => {
    const refused = await peer('checkpoint', { ...filled, vkeys: live.vkeys })
    expect(refused.status, refused.all).toBe(1)
  })

  test.each([
    ['checkpoint', '/checkpoint'],
    ['history', '/sths'],
    ['inclusion', '/proofs/inclusion'],
    ['consistency', '/proofs/consistency'],
    ['subtree', '/proofs/subtree'],
    ['proof-file', '/proof'],
    ['entries', '/tile/entries/017'],
  ])('%s fails when one bit of %s is changed', async (check, path) => {
    const found = await spoiled(path, (log) => peer(check, log))
    expect(found.status, found.all).toBe(1)
  })

  test('fsck rebuilds every tile of a log filled with bundles', async () => {
    expect(sizeRebuilt(await checks.fsck(filled))).toBe(SIZE)
  })

  test.each(['/tile/1/001', '/tile/2/000.p/1', '/tile/entries/017'])(
    'fsck fails when one bit of %s is changed',
    async (path) => {
      const found = await spoiled(path, checks.fsck)
      expect(found.stderr, found.all).toMatch(/^E.*fsck failed/m)
    },
  )

  test("Tessera's integration test passes on our log", async () => {
    const proxy = await startProxy(service.url, { key: service.key })
    const url = live.url.replace(service.url, proxy.url)
    const ran = await run(join(folder, 'integration.test'), [
      '-test.v',
      '-run_integration_test',
      `-log_url=${url}/`,
      `-write_log_url=${url}/`,
      `-log_public_key=${live.vkeys[0]}`,
    ])
    await proxy.close()
    expect(ran.status, ran.all).toBe(0)
    expect(ran.all).toContain('--- PASS: TestLiveLogIntegration')
  })

  test("Tessera's hammer writes and reads for half a minute without an error", async () => {
    const ran = await run(join(folder, 'hammer'), [
      `--log_url=${live.url}/`,
      `--log_public_key=${live.vkeys[0]}`,
      `--bearer_token=${service.key}`,
      '--show_ui=false',
      '--num_writers=64',
      '--max_write_ops=400',
      '--max_read_ops=100',
      '--leaf_min_size=512',
      '--dup_chance=0.1',
      `--leaf_write_goal=${WRITTEN}`,
      '--max_runtime=120s',
    ])
    expect(ran.status, ran.all).toBe(0)
    // What follows the goal is of requests that were cut off by the end of the program.
    const [before, after] = ran.stderr.split(/^.*Reached tree size goal.*$/m)
    expect(after, ran.all).toBeDefined()
    expect(before, ran.all).not.toMatch(COMPLAINT)
  })

  test('fsck rebuilds every tile of the log that Tessera wrote', async () => {
    expect(sizeRebuilt(await checks.fsck(live))).toBeGreaterThan(WRITTEN)
  })

  function spoiled(part: string, check: (log: LogToCheck) => Promise<Ran>): Promise<Ran> {
    return through(service.url, filled, part, check)
  }

  function peer(check: string, log = filled): Promise<Ran> {
    return checks.peer(log, check)
  }
})

/** The smallest and the largest entry there can be, and others of many sizes. */
function entries(): Uint8Array[] {
  const some = Array.from({ length: SIZE }, (_, i) => Buffer.from(`entry ${i} ${'.'.repeat((i * 7) % 300)}`))
  some[256] = Buffer.alloc(0)
  some[65_536] = Buffer.alloc(65_535, 'x')
  return some
}

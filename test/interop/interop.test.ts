// Programs that nobody here wrote check a log that the real service serves. test/interop/README.md says which, and what they check.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createTransport } from '../../src/client/transport.ts'
import { policyFromVkeys } from '../../src/core/policy.ts'
import { exportLog } from '../../src/static/export-log.ts'
import { folderTarget } from '../../src/static/target.ts'
import { buildPrograms, type Ran, run, whyNoGo } from './programs.ts'
import { startProxy } from './proxy.ts'
import { type LogToCheck, startService, type TestService } from './service.ts'

const noGo = await whyNoGo()
if (noGo !== undefined) console.warn(`INTEROP SKIPPED, nothing is checked: ${noGo}`)

/** More than 256 · 256: a third level of tiles begins, and every level ends in a partial tile. */
const SIZE = 70_003
/** By Tessera's hammer: some 30 s at 400 writes a second, a tenth of them repeated. */
const WRITTEN = 10_000
/** A warning, an error or the end, as the log lines of Tessera's programs begin. */
const COMPLAINT = /^[WEF]\d{4} /m

describe.skipIf(noGo !== undefined)('programs of others', () => {
  const folder = mkdtempSync(join(tmpdir(), 'prooflog-programs-'))
  let service: TestService
  /** Filled with bundles. */
  let filled: LogToCheck
  /** Written one by one, by programs. */
  let live: LogToCheck

  beforeAll(async () => {
    await buildPrograms(folder)
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
    expect(sizeRebuilt(await fsck(filled))).toBe(SIZE)
  })

  test.each(['/tile/1/001', '/tile/2/000.p/1', '/tile/entries/017'])(
    'fsck fails when one bit of %s is changed',
    async (path) => {
      const found = await spoiled(path, fsck)
      expect(found.stderr, found.all).toMatch(/^E.*fsck failed/m)
    },
  )

  test('fsck rebuilds every tile of our export to a folder, made in two goes, and finds a changed bit in it', async () => {
    const copy = join(folder, 'copy')
    const early = await service.createLog('early')
    await service.append(early, entries().slice(0, 1_000))
    const exportNow = (): Promise<unknown> =>
      exportLog({
        source: createTransport({ url: early.url }),
        target: folderTarget(copy),
        policy: policyFromVkeys(early.vkeys),
      })
    await exportNow()
    await service.append(early, entries().slice(1_000))
    await exportNow()
    const exported = { ...early, url: `file://${copy}` }
    expect(sizeRebuilt(await fsck(exported))).toBe(SIZE)
    const tile = join(copy, 'tile/1/000')
    const bytes = readFileSync(tile)
    writeFileSync(tile, bytes.with(20, bytes[20]! ^ 1))
    const found = await fsck(exported)
    expect(found.stderr, found.all).toMatch(/^E.*fsck failed/m)
  })

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
    expect(sizeRebuilt(await fsck(live))).toBeGreaterThan(WRITTEN)
  })

  /** The same log as seen through somebody who changes one bit of the answers whose path holds `part`. */
  async function spoiled(part: string, check: (log: LogToCheck) => Promise<Ran>): Promise<Ran> {
    let changed = 0
    const proxy = await startProxy(service.url, {
      spoil(path, body) {
        const at = path.includes(part) ? placeToSpoil(path, body) : -1
        if (at === -1) return body
        changed++
        return Buffer.from(body.map((byte, i) => (i === at ? byte ^ 1 : byte)))
      },
    })
    const found = await check({ ...filled, url: filled.url.replace(service.url, proxy.url) })
    await proxy.close()
    expect(changed, found.all).toBeGreaterThan(0)
    return found
  }

  function peer(check: string, log = filled): Promise<Ran> {
    const [ed25519, mldsa] = log.vkeys
    const args = ['-url', log.url, '-origin', log.origin, '-ed25519', ed25519, '-mldsa', mldsa, check]
    return run(join(folder, 'peer'), args)
  }

  function fsck(log: LogToCheck): Promise<Ran> {
    const keyFile = join(folder, 'vkey')
    writeFileSync(keyFile, log.vkeys[0])
    return run(join(folder, 'fsck'), [
      `--storage_url=${log.url}/`,
      `--public_key=${keyFile}`,
      '--ui=false',
      '--N=4',
    ])
  }
})

/** fsck's exit status is 0 whatever it finds: what it says decides. */
function sizeRebuilt({ stderr, all }: Ran): number {
  const size = /Successfully fsck'd log with size (\d+)/.exec(stderr)?.[1]
  if (size === undefined || COMPLAINT.test(stderr)) throw new Error(all)
  return Number(size)
}

/** Somewhere in a tile; in text, a letter of the last hash in base64 (one bit away is another letter or digit). -1 if there is none. */
function placeToSpoil(path: string, body: Buffer): number {
  if (path.includes('/tile/')) return 20
  const hash = [...body.toString('latin1').matchAll(/[A-Za-z0-9+/]{43}=/g)].at(-1)
  return hash ? hash.index + hash[0].search(/[B-Yb-y2-9]/) : -1
}

/** The smallest and the largest entry there can be, and others of many sizes. */
function entries(): Uint8Array[] {
  const some = Array.from({ length: SIZE }, (_, i) => Buffer.from(`entry ${i} ${'.'.repeat((i * 7) % 300)}`))
  some[256] = Buffer.alloc(0)
  some[65_536] = Buffer.alloc(65_535, 'x')
  return some
}

// Witnesses that nobody here wrote cosign for our log: as it grows, when one of them is away, late, and after a restart. What they
// signed is checked by us and by the libraries of others.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { checkPolicy } from '../../src/core/check-policy.ts'
import { parsePolicy } from '../../src/core/policy.ts'
import { checksIn } from './checks.ts'
import { buildPeer, buildWitnesses, run, whyNoGo } from './programs.ts'
import { type LogToCheck, startService, type TestService } from './service.ts'
import { freePort, type WitnessProcess, witnessesIn } from './witnesses.ts'

const noGo = await whyNoGo()
if (noGo !== undefined) console.warn(`INTEROP SKIPPED, nothing is checked: ${noGo}`)
/** Longer than the pause between two requests to a witness that was away for a few seconds. */
const PATIENCE = { timeout: 90_000, interval: 100 }

describe.skipIf(noGo !== undefined)('our log', () => {
  const folder = mkdtempSync(join(tmpdir(), 'prooflog-cosigned-'))
  const witnesses = witnessesIn(folder)
  const checks = checksIn(folder)
  /** Asks for the signatures of all witnesses; torchwood knows no ML-DSA-44 keys of logs. */
  const policyFile = join(folder, 'policy')
  let service: TestService
  let log: LogToCheck
  let omniwitness: WitnessProcess
  let litewitness: WitnessProcess
  let size = 0

  beforeAll(async () => {
    await buildPeer(folder)
    await buildWitnesses(folder)
    service = await startService(await freePort())
    log = await service.createLog('witnessed')
    omniwitness = await witnesses.omniwitness(`${service.url}/logs.v0`)
    litewitness = await witnesses.litewitness(log)
    mkdirSync(join(service.folder, 'policies'), { recursive: true })
    writeFileSync(policyFile, policy('all', log.vkeys.slice(0, 1)))
    setPolicy('all')
  })
  afterAll(async () => {
    await witnesses.stop()
    await service?.stop()
    rmSync(folder, { recursive: true, force: true })
  })

  test('is cosigned by omniwitness, which read our list of logs, and by litewitness, as it grows', async () => {
    for (let round = 0; round < 4; round++) {
      await append(1 + round * 150, '?wait=witnessed&timeout=30')
      expect(await sizeCosigned()).toBe(size)
    }
    const listed = await run(join(folder, 'witnessctl'), ['list-logs', '-db', join(folder, 'lite.db')])
    expect(listed.stdout, listed.all).toContain(log.origin)
  })

  test.each([
    ['omniwitness', () => omniwitness],
    ['litewitness', () => litewitness],
  ])('is not published while %s is dead, and is by itself when it is back', async (name, witness) => {
    const before = await checkpoint()
    await witness().kill()
    await append(10)
    await vi.waitFor(async () => {
      const ready = await fetch(`${service.url}/readyz`)
      expect(ready.status).toBe(503)
      const { problems } = (await ready.json()) as { problems: { code: string; message: string }[] }
      expect(problems).toMatchObject([{ code: 'quorum_missed', message: expect.stringContaining(name) }])
    }, PATIENCE)
    expect(await checkpoint()).toEqual(before)
    await witness().start()
    await published()
    expect(await sizeCosigned()).toBe(size)
    await vi.waitFor(async () => expect((await fetch(`${service.url}/readyz`)).status).toBe(200), PATIENCE)
  })

  test('is cosigned on from where it was after a restart', async () => {
    await service.restart()
    await append(300, '?wait=witnessed&timeout=30')
    expect(await sizeCosigned()).toBe(size)
  })

  test('gets the cosignature of a late witness when there was a quorum without it', async () => {
    setPolicy('any')
    litewitness.hold()
    await append(20, '?wait=published&timeout=30')
    const early = await checkpoint()
    expect(early.toString()).not.toContain('— litewitness.example')
    const refused = await checks.peer(log, 'cosigned', '-policy', policyFile)
    expect(refused.status, refused.all).toBe(1)
    litewitness.goOn()
    await vi.waitFor(async () => expect((await checkpoint()).length).toBeGreaterThan(early.length), PATIENCE)
    expect((await checkpoint()).subarray(0, early.length)).toEqual(early)
    expect(await sizeCosigned()).toBe(size)
  })

  /** What all witnesses have cosigned, as found by us, and by torchwood, x/mod and formats, proof files included. */
  async function sizeCosigned(): Promise<number> {
    const checked = checkPolicy(new Uint8Array(await checkpoint()), parsePolicy(policy('all', log.vkeys)))
    expect(checked.checkpoint.origin).toBe(log.origin)
    const verified = await checks.peer(log, 'cosigned', '-policy', policyFile)
    expect(verified.status, verified.all).toBe(0)
    const signers = 'omniwitness.example, omniwitness.example, litewitness.example'
    expect(verified.stdout).toContain(`${signers}; the log has ${checked.checkpoint.size} entries`)
    return checked.checkpoint.size
  }

  async function published(): Promise<void> {
    await vi.waitFor(
      async () => expect((await checkpoint()).toString().split('\n')[1]).toBe(`${size}`),
      PATIENCE,
    )
  }

  async function checkpoint(): Promise<Buffer> {
    return Buffer.from(await (await fetch(`${log.url}/checkpoint`)).arrayBuffer())
  }

  async function append(count: number, wait = ''): Promise<void> {
    const lines = Array.from({ length: count }, (_, i) => JSON.stringify({ entry: btoa(`${size} ${i}`) }))
    const answer = await fetch(`${log.url}/entries${wait}`, {
      method: 'POST',
      headers: { authorization: `Bearer ${service.key}`, 'content-type': 'application/x-ndjson' },
      body: `${lines.join('\n')}\n`,
    })
    expect(answer.status, await answer.text()).toBe(200)
    size += count
  }

  function setPolicy(quorum: 'all' | 'any'): void {
    writeFileSync(join(service.folder, 'policies', 'witnessed.policy'), policy(quorum, log.vkeys))
  }

  function policy(quorum: 'all' | 'any', vkeys: readonly string[]): string {
    const names = [...omniwitness.names, ...litewitness.names].join(' ')
    return [
      ...vkeys.map((vkey) => `log ${vkey}`),
      ...omniwitness.lines,
      ...litewitness.lines,
      `group them ${quorum} ${names}`,
      'quorum them',
      '',
    ].join('\n')
  }
})

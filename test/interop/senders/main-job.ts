// What all this is for: an event that a stranger's agent sent is found, proved, handed on and verified offline; then its person is
// erased, and the proof still verifies.
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { type CliResult, runCli } from '../../support/run-cli.ts'

export interface MainJob {
  readonly url: string
  readonly key: string
  readonly folder: string
  /** Where each sender's event is, and a text that finds it. */
  readonly events: readonly { readonly name: string; readonly index: number; readonly text: string }[]
  /** Who did it. */
  readonly person: string
}

const PATIENCE = { timeout: 30_000, interval: 200 }

/** @returns how many events were done with */
export async function doMainJob({ url, key, folder, events, person }: MainJob): Promise<number> {
  const run = async (...args: string[]): Promise<CliResult> => {
    const result = await runCli([...args, '--url', url, '--key', key])
    expect(result, `${args.join(' ')}: ${result.err}`).toMatchObject({ code: 0 })
    return result
  }
  const policy = join(folder, 'default.policy')
  const { bytes } = await run('log', 'show', '--policy')
  await writeFile(policy, bytes)
  const verify = (file: string): Promise<CliResult> =>
    runCli(['verify', '--event', file, '--policy', policy, '--json'])

  const verified: { file: string; said: string }[] = []
  for (const { name, index, text } of events) {
    await vi.waitFor(async () => {
      const { out } = await run('event', 'search', '--text', text, '--json')
      const hits = out.split('\n').filter((line) => line !== '')
      expect(
        hits.map((line) => (JSON.parse(line) as { index: number }).index),
        name,
      ).toContain(index)
    }, PATIENCE)
    const file = join(folder, `${name}.json`)
    await run('event', 'bundle', String(index), '--disclose', 'all', '--policy', policy, '-o', file)
    expect(readFileSync(file, 'utf8')).toContain('c2sp.org/tlog-proof@v1')
    const { code, out } = await verify(file)
    expect(code, name).toBe(0)
    expect(out.includes(person), name).toBe(name !== 'syslog') // which is told of no person
    verified.push({ file, said: out })
  }

  const asked = await run('erasure', 'request', person, '--basis', 'GDPR Art. 17', '--json')
  const { id } = JSON.parse(asked.out) as { id: string }
  const second = await run('key', 'create', 'second-person', '--role', 'dpo', '--json')
  const other = (JSON.parse(second.out) as { key: string }).key
  // Made by the one who asked: no second person at all.
  const approve = (by: string): Promise<CliResult> =>
    runCli(['erasure', 'approve', id, '--url', url, '--key', by])
  expect((await approve(key)).err).toContain('same_person')
  expect((await approve(other)).err).toContain('same_person')
  await run('erasure', 'reject', id)

  const admin = await run('key', 'create', 'asks', '--role', 'admin', '--json')
  const asker = (JSON.parse(admin.out) as { key: string }).key
  const request = ['erasure', 'request', person, '--basis', 'GDPR Art. 17', '--json']
  const again = await runCli([...request, '--url', url, '--key', asker])
  expect(again, again.err).toMatchObject({ code: 0 })
  const erasure = (JSON.parse(again.out) as { id: string }).id
  const done = await runCli(['erasure', 'approve', erasure, '--url', url, '--key', other])
  expect(done.out, done.err).toContain('is done')

  for (const [i, { file, said }] of verified.entries()) {
    expect(await verify(file)).toMatchObject({ code: 0, out: said })
    const shown = await run('event', 'show', String(events[i]?.index), '--reveal')
    expect(shown.out).not.toContain(person)
  }
  const { out } = await run('event', 'search', '--actor', person, '--json')
  expect(out).toBe('')
  return verified.length
}

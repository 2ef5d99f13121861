import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createFile, replaceFile, withLock } from '../../src/files/durable.ts'
import { testFolder } from '../support/engine.ts'

test('a file is created with all its bytes or not at all, and never over another', async () => {
  const home = testFolder()
  onTestFinished(home.remove)
  const path = join(home.folder, 'file')
  const first = Buffer.from('first')
  const outcomes = await Promise.allSettled(
    [first, ...Array.from({ length: 7 }, (_, i) => Buffer.from(`other ${i}`))].map((bytes) =>
      createFile(path, bytes, 0o600),
    ),
  )
  expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  expect(readFileSync(path, 'utf8')).toMatch(/^(first|other [0-6])$/)
  await expect(createFile(path, first, 0o600)).rejects.toMatchObject({ code: 'EEXIST' })
  expect(readdirSync(home.folder)).toEqual(['file'])
})

test('a lock that is held for long is not taken for one that was left behind', async () => {
  const { folder, remove } = testFolder()
  onTestFinished(remove)
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const path = join(folder, 'state')
  await withLock(path, async () => {
    const long = Date.now() / 1000 - 3_600
    utimesSync(`${path}.lock`, long, long)
    vi.advanceTimersByTime(10_000)
    await vi.waitFor(
      () => expect(statSync(`${path}.lock`).mtimeMs).toBeGreaterThan(Date.now() - 60_000),
      20_000,
    )
    await expect(withLock(path, async () => {})).rejects.toMatchObject({ code: 'EEXIST' })
  })
  expect(vi.getTimerCount()).toBe(0)
  await withLock(path, async () => {})
})

test('a process that stood still until its lock was taken does not replace what another one wrote, nor end its lock', async () => {
  const { folder, remove } = testFolder()
  onTestFinished(remove)
  const path = join(folder, 'guard')
  const long = new Date(Date.now() - 3_600_000)
  const write = (text: string, last: () => Promise<void>): Promise<void> =>
    replaceFile(path, Buffer.from(text), 0o600, last)
  const slow = withLock(path, async (stillHeld) => {
    utimesSync(`${path}.lock`, long, long) // as if it had been stopped
    await withLock(path, async (held) => write('of the other', held))
    await write('of the one that slept', stillHeld)
  })
  await expect(slow).rejects.toMatchObject({ code: 'EEXIST' })
  expect(readFileSync(path, 'utf8')).toBe('of the other')
  let end: (() => void) | undefined
  let other = Promise.resolve()
  await withLock(path, async () => {
    utimesSync(`${path}.lock`, long, long)
    other = withLock(path, () => new Promise<void>((resolve) => (end = resolve)))
    await vi.waitUntil(() => end !== undefined, 20_000)
  })
  await expect(withLock(path, async () => {})).rejects.toMatchObject({ code: 'EEXIST' })
  end?.()
  await other
  expect(readdirSync(folder)).toEqual(['guard'])
})

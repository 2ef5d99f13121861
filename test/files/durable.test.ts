import { readdirSync, readFileSync, statSync, utimesSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test, vi } from 'vitest'
import { createFile, withLock } from '../../src/files/durable.ts'
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
    await vi.waitFor(() => expect(statSync(`${path}.lock`).mtimeMs).toBeGreaterThan(Date.now() - 60_000))
    await expect(withLock(path, async () => {})).rejects.toMatchObject({ code: 'EEXIST' })
  })
  expect(vi.getTimerCount()).toBe(0)
  await withLock(path, async () => {})
})

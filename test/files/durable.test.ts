import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { createFile } from '../../src/files/durable.ts'
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

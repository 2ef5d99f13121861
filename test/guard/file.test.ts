import { mkdirSync, readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, describe, expect, test } from 'vitest'
import { guardFolder } from '../../src/guard/file.ts'
import { createGuard, type OperatedGuard } from '../../src/guard/guard.ts'
import { testFolder } from '../support/engine.ts'
import { guardContract } from './guard.contract.ts'
import { headOf, ORIGIN } from './heads.ts'

const shared = testFolder()
afterAll(() => shared.remove())

let count = 0
guardContract('a folder', async (fresh) => {
  if (fresh) count++
  return guardFolder(join(shared.folder, String(count)))
})

describe('the folder of a guard', () => {
  let home: ReturnType<typeof testFolder>
  let folder: string
  let guard: OperatedGuard

  beforeEach(() => {
    home = testFolder()
    folder = join(home.folder, 'guard')
    guard = createGuard(guardFolder(folder))
  })
  afterEach(() => home.remove())

  function fileOf(): string {
    return join(folder, readdirSync(folder)[0]!)
  }

  test('that cannot be read is no empty guard', async () => {
    await guard.move(ORIGIN, undefined, await headOf(5))
    const file = fileOf()
    home.remove()
    mkdirSync(file, { recursive: true }) // a folder where the file was
    await expect(guard.read(ORIGIN)).rejects.toMatchObject({ code: 'EISDIR' })
  })

  test('is for its owner only, and leaves nothing else behind', async () => {
    await guard.move(ORIGIN, undefined, await headOf(5))
    await guard.move(ORIGIN, await headOf(5), await headOf(6))
    expect(readdirSync(folder)).toHaveLength(1)
    expect(statSync(fileOf()).mode & 0o077).toBe(0)
    expect(statSync(folder).mode & 0o077).toBe(0)
    await guard.halt(ORIGIN, 'why')
    await guard.clear(ORIGIN)
    expect(readdirSync(folder)).toHaveLength(1)
  })

  test('holds one head or the other, whoever writes at the same time', async () => {
    const heads = await Promise.all(Array.from({ length: 20 }, (_, size) => headOf(size)))
    await Promise.allSettled(
      heads.map((head) => createGuard(guardFolder(folder)).move(ORIGIN, undefined, head)),
    )
    const stored = await guard.read(ORIGIN)
    expect(heads.map(({ note }) => Buffer.from(note).toString())).toContain(
      Buffer.from(stored!.note).toString(),
    )
    expect(readdirSync(folder)).toHaveLength(1)
  })
})

import { readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { generateSkey } from '../../src/core/keys.ts'
import { localSigner } from '../../src/core/signer.ts'
import { adoptCheckpoint } from '../../src/guard/adopt.ts'
import { guardFolder } from '../../src/guard/file.ts'
import { createGuard, type OperatedGuard } from '../../src/guard/guard.ts'
import { testFolder } from '../support/engine.ts'
import { headOf, ORIGIN, OTHER_ORIGIN, signer } from './heads.ts'

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

describe('adopting a checkpoint', () => {
  test('makes it the guard when there is none, and again changes nothing', async () => {
    const { note } = await headOf(5)
    expect(await adoptCheckpoint(guard, note, [signer.vkey])).toMatchObject({
      origin: ORIGIN,
      size: 5,
      changed: [folder],
    })
    expect(await guard.read(ORIGIN)).toMatchObject({ size: 5 })
    expect(await adoptCheckpoint(guard, note, [signer.vkey])).toMatchObject({ changed: [] })
  })

  test('mends a damaged guard', async () => {
    const { note } = await headOf(5)
    await adoptCheckpoint(guard, note, [signer.vkey])
    writeFileSync(fileOf(), 'damaged')
    expect(await adoptCheckpoint(guard, note, [signer.vkey])).toMatchObject({ changed: [folder] })
    expect(await guard.read(ORIGIN)).toMatchObject({ size: 5 })
  })

  test('gives up another head only by force, be it larger or smaller', async () => {
    await adoptCheckpoint(guard, (await headOf(5)).note, [signer.vkey])
    for (const size of [4, 6]) {
      const { note } = await headOf(size)
      await expect(adoptCheckpoint(guard, note, [signer.vkey])).rejects.toMatchObject({
        code: 'guard_moved',
      })
      expect(await guard.read(ORIGIN)).toMatchObject({ size: 5 })
    }
    expect(
      await adoptCheckpoint(guard, (await headOf(4)).note, [signer.vkey], { force: true }),
    ).toMatchObject({
      size: 4,
      changed: [folder],
    })
    expect(await guard.read(ORIGIN)).toMatchObject({ size: 4 })
  })

  test('refuses what the log did not sign', async () => {
    const stranger = localSigner(generateSkey(ORIGIN, 0x01, new Uint8Array(32).fill(2)))
    const { note } = await headOf(5)
    await expect(adoptCheckpoint(guard, note, [stranger.vkey], { force: true })).rejects.toMatchObject({
      code: 'signature_missing',
    })
    const forged = Buffer.from(note)
    forged.write('6', forged.indexOf('\n5\n') + 1)
    await expect(adoptCheckpoint(guard, forged, [signer.vkey], { force: true })).rejects.toMatchObject({
      code: 'signature_invalid',
    })
    const ofAnother = (await headOf(5, OTHER_ORIGIN)).note
    await expect(adoptCheckpoint(guard, ofAnother, [signer.vkey], { force: true })).rejects.toMatchObject({
      code: 'guard_moved',
    })
    expect(await guard.read(ORIGIN)).toBeUndefined()
  })
})

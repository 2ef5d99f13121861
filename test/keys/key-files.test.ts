import { readdirSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { createKeyFiles } from '../../src/keys/key-files.ts'
import type { LogInfo } from '../../src/log/types.ts'
import { testFolder } from '../support/engine.ts'

const ORIGIN = 'log.example/logs/a'
let home: ReturnType<typeof testFolder>

beforeEach(() => {
  home = testFolder()
})
afterEach(() => home.remove())

describe('keys', () => {
  const info = (vkeys: readonly string[]): LogInfo => ({
    id: 1,
    name: 'a',
    origin: ORIGIN,
    public: false,
    dedup: true,
    vkeys,
    signing: vkeys,
    state: 'open',
    successor: undefined,
    revision: 0,
    mirrored: false,
    createdAt: new Date(0),
  })

  test('are made once, Ed25519 before ML-DSA-44, and read in that order', async () => {
    const keys = createKeyFiles(home.folder)
    const made = await keys.create('a', ORIGIN)
    expect(made.map(({ type, name }) => [type, name])).toEqual([
      [0x01, ORIGIN],
      [0x06, ORIGIN],
    ])
    const vkeys = made.map(({ vkey }) => vkey)
    expect((await keys.signers(info(vkeys))).map(({ vkey }) => vkey)).toEqual(vkeys)
    expect((await keys.create('a', ORIGIN)).map(({ vkey }) => vkey)).toEqual(vkeys)
    expect(statSync(join(home.folder, 'a.keys')).mode & 0o077).toBe(0)
  })

  test('are never overwritten, whoever asks at the same time', async () => {
    const made = await Promise.all(
      Array.from({ length: 8 }, () => createKeyFiles(home.folder).create('a', ORIGIN)),
    )
    expect(new Set(made.map((signers) => signers.map(({ vkey }) => vkey).join())).size).toBe(1)
    await expect(createKeyFiles(home.folder).create('a', 'another.example/a')).rejects.toMatchObject({
      code: 'log_exists',
    })
    expect(readdirSync(home.folder)).toEqual(['a.keys'])
  })

  test('of another log, or only some of them, are refused; none are no fault', async () => {
    const keys = createKeyFiles(home.folder)
    expect(await keys.signers(info([]))).toEqual([])
    const vkeys = (await keys.create('a', ORIGIN)).map(({ vkey }) => vkey)
    const others = (await createKeyFiles(join(home.folder, 'others')).create('a', ORIGIN)).map(
      ({ vkey }) => vkey,
    )
    await expect(keys.signers(info(others))).rejects.toMatchObject({
      code: 'log_halted',
      message: expect.stringContaining('do not belong together'),
    })
    await expect(keys.signers(info([...vkeys, ...others]))).rejects.toMatchObject({
      code: 'log_halted',
      message: expect.stringContaining('put the newest key file there'),
    })
    writeFileSync(join(home.folder, 'a.keys'), 'damaged\n')
    await expect(keys.signers(info(vkeys))).rejects.toMatchObject({
      code: 'log_halted',
      message: expect.not.stringContaining('damaged'),
    })
  })
})

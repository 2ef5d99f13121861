import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { formatCheckpoint } from '../../src/core/checkpoint.ts'
import { EMPTY_ROOT } from '../../src/core/hash.ts'
import { generateSkey } from '../../src/core/keys.ts'
import { localSigner } from '../../src/core/signer.ts'
import { adoptCheckpoint } from '../../src/files/adopt-guard.ts'
import { createFile } from '../../src/files/durable.ts'
import { createGuardFile } from '../../src/files/guard-file.ts'
import { createKeyFiles } from '../../src/files/key-files.ts'
import type { Guarded } from '../../src/log/ports.ts'
import type { LogInfo } from '../../src/log/types.ts'
import { testFolder } from '../support/engine.ts'
import { signNote } from '../support/note-vectors.ts'

const ORIGIN = 'log.example/logs/a'
const signer = localSigner(generateSkey(ORIGIN, 0x01, new Uint8Array(32).fill(1)))
let home: ReturnType<typeof testFolder>
let folder: string

beforeEach(() => {
  home = testFolder()
  folder = join(home.folder, 'guard')
})
afterEach(() => home.remove())

async function headOf(size: number, origin = ORIGIN): Promise<Guarded> {
  const text = formatCheckpoint({ origin, size, root: EMPTY_ROOT, extensions: [] })
  return { size, root: EMPTY_ROOT, note: await signNote(text, [signer], 1_700_000_000) }
}

function fileOf(): string {
  return join(folder, readdirSync(folder)[0]!)
}

describe('the guard', () => {
  test('knows nothing at first, and then what it was moved to, in another process too', async () => {
    const guard = createGuardFile(folder)
    expect(await guard.read(ORIGIN)).toBeUndefined()
    const head = await headOf(5)
    await guard.move(ORIGIN, undefined, head)
    const stored = await createGuardFile(folder).read(ORIGIN)
    expect(stored).toMatchObject({ size: 5 })
    expect(Buffer.from(stored!.note)).toEqual(Buffer.from(head.note))
    expect(await guard.read('log.example/logs/b')).toBeUndefined()
  })

  test('moves once, of many processes that move it from one place', async () => {
    const head = await headOf(5)
    const moves = await Promise.allSettled(
      Array.from({ length: 10 }, async (_, i) =>
        createGuardFile(folder).move(ORIGIN, undefined, await headOf(i)),
      ),
    )
    expect(moves.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    const reasons = moves.flatMap((move) =>
      move.status === 'rejected' ? [move.reason as { code: string }] : [],
    )
    expect(new Set(reasons.map(({ code }) => code))).toEqual(new Set(['guard_moved']))
    const stored = await createGuardFile(folder).read(ORIGIN)
    await createGuardFile(folder).move(ORIGIN, stored, head)
  })

  test('moves only from where it is', async () => {
    const guard = createGuardFile(folder)
    const [five, six] = [await headOf(5), await headOf(6)]
    await expect(guard.move(ORIGIN, five, six)).rejects.toMatchObject({ code: 'guard_moved' })
    await guard.move(ORIGIN, undefined, five)
    await expect(guard.move(ORIGIN, undefined, six)).rejects.toMatchObject({ code: 'guard_moved' })
    await expect(guard.move(ORIGIN, six, six)).rejects.toMatchObject({ code: 'guard_moved' })
    await guard.move(ORIGIN, five, six)
    expect(await guard.read(ORIGIN)).toMatchObject({ size: 6 })
  })

  test('never takes damage for nothing', async () => {
    const guard = createGuardFile(folder)
    await guard.move(ORIGIN, undefined, await headOf(5))
    const file = fileOf()
    const good = readFileSync(file)
    const other = await headOf(5, 'log.example/logs/b')
    for (const bad of [Buffer.alloc(0), good.subarray(0, 30), Buffer.from('x'), Buffer.from(other.note)]) {
      writeFileSync(file, bad)
      await expect(guard.read(ORIGIN)).rejects.toMatchObject({ code: 'log_halted' })
      await expect(guard.move(ORIGIN, undefined, await headOf(6))).rejects.toMatchObject({
        code: 'log_halted',
      })
    }
  })

  test('that cannot be read is no empty guard', async () => {
    const guard = createGuardFile(folder)
    await guard.move(ORIGIN, undefined, await headOf(5))
    const file = fileOf()
    home.remove()
    mkdirSync(file, { recursive: true }) // a folder where the file was
    await expect(guard.read(ORIGIN)).rejects.toMatchObject({ code: 'EISDIR' })
  })

  test('is for its owner only, and leaves nothing else behind', async () => {
    const guard = createGuardFile(folder)
    await guard.move(ORIGIN, undefined, await headOf(5))
    await guard.move(ORIGIN, await headOf(5), await headOf(6))
    expect(readdirSync(folder)).toHaveLength(1)
    expect(statSync(fileOf()).mode & 0o077).toBe(0)
    expect(statSync(folder).mode & 0o077).toBe(0)
  })

  test('holds one head or the other, whoever writes at the same time', async () => {
    const heads = await Promise.all(Array.from({ length: 20 }, (_, size) => headOf(size)))
    await Promise.allSettled(heads.map((head) => createGuardFile(folder).move(ORIGIN, undefined, head)))
    const stored = await createGuardFile(folder).read(ORIGIN)
    expect(heads.map(({ note }) => Buffer.from(note).toString())).toContain(
      Buffer.from(stored!.note).toString(),
    )
    expect(readdirSync(folder)).toHaveLength(1)
  })
})

describe('adopting a checkpoint', () => {
  test('makes it the guard when there is none, and again changes nothing', async () => {
    const { note } = await headOf(5)
    expect(await adoptCheckpoint(folder, note, [signer.vkey])).toMatchObject({
      origin: ORIGIN,
      size: 5,
      changed: true,
    })
    expect(await createGuardFile(folder).read(ORIGIN)).toMatchObject({ size: 5 })
    expect(await adoptCheckpoint(folder, note, [signer.vkey])).toMatchObject({ changed: false })
  })

  test('mends a damaged guard', async () => {
    const { note } = await headOf(5)
    await adoptCheckpoint(folder, note, [signer.vkey])
    writeFileSync(fileOf(), 'damaged')
    expect(await adoptCheckpoint(folder, note, [signer.vkey])).toMatchObject({ changed: true })
    expect(await createGuardFile(folder).read(ORIGIN)).toMatchObject({ size: 5 })
  })

  test('gives up another head only by force, be it larger or smaller', async () => {
    await adoptCheckpoint(folder, (await headOf(5)).note, [signer.vkey])
    for (const size of [4, 6]) {
      const { note } = await headOf(size)
      await expect(adoptCheckpoint(folder, note, [signer.vkey])).rejects.toMatchObject({
        code: 'guard_moved',
      })
      expect(await createGuardFile(folder).read(ORIGIN)).toMatchObject({ size: 5 })
    }
    expect(
      await adoptCheckpoint(folder, (await headOf(4)).note, [signer.vkey], { force: true }),
    ).toMatchObject({
      size: 4,
      changed: true,
    })
    expect(await createGuardFile(folder).read(ORIGIN)).toMatchObject({ size: 4 })
  })

  test('refuses what the log did not sign', async () => {
    const stranger = localSigner(generateSkey(ORIGIN, 0x01, new Uint8Array(32).fill(2)))
    const { note } = await headOf(5)
    await expect(adoptCheckpoint(folder, note, [stranger.vkey], { force: true })).rejects.toMatchObject({
      code: 'signature_missing',
    })
    const forged = Buffer.from(note)
    forged.write('6', forged.indexOf('\n5\n') + 1)
    await expect(adoptCheckpoint(folder, forged, [signer.vkey], { force: true })).rejects.toMatchObject({
      code: 'signature_invalid',
    })
    const ofAnother = (await headOf(5, 'log.example/logs/b')).note
    await expect(adoptCheckpoint(folder, ofAnother, [signer.vkey], { force: true })).rejects.toMatchObject({
      code: 'guard_moved',
    })
    expect(await createGuardFile(folder).read(ORIGIN)).toBeUndefined()
  })
})

describe('keys', () => {
  const info = (vkeys: readonly string[]): LogInfo => ({
    id: 1,
    name: 'a',
    origin: ORIGIN,
    public: false,
    dedup: true,
    vkeys,
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
    await expect(keys.signers(info(vkeys.toReversed()))).rejects.toMatchObject({ code: 'log_halted' })
    await expect(keys.signers(info(vkeys.slice(0, 1)))).rejects.toMatchObject({ code: 'log_halted' })
    writeFileSync(join(home.folder, 'a.keys'), 'damaged\n')
    await expect(keys.signers(info(vkeys))).rejects.toMatchObject({
      code: 'log_halted',
      message: expect.not.stringContaining('damaged'),
    })
  })
})

test('a file is created with all its bytes or not at all, and never over another', async () => {
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

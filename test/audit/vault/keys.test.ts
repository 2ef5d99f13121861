import { createHmac } from 'node:crypto'
import { readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { AuditError } from '../../../src/audit/event/errors.ts'
import { MacKey } from '../../../src/audit/vault/hmac.ts'
import { addKek, readKeyFile } from '../../../src/audit/vault/key-file.ts'
import { rewrap } from '../../../src/audit/vault/rewrap.ts'
import { ALICE, erase, type Ground, incoming, openedFields, type Process, vaultGround } from './ground.ts'

let ground: Ground
let process: Process
let logId: number
beforeEach(async () => {
  ground = await vaultGround()
  process = await ground.process()
  logId = ground.log.info.id
})
afterEach(() => ground.close())

async function record(id: string, by: Process = process) {
  const [receipt] = await by.recorder.record(ground.log, [incoming(id)], 'app')
  return receipt!
}

/** The lines of the key file, and nothing of them, in what an error says. */
function reveals(error: unknown, secrets: readonly string[]): boolean {
  const said = `${String(error)} ${JSON.stringify(error)} ${error instanceof Error ? error.stack : ''}`
  return secrets.some((secret) => said.includes(secret))
}

function keysIn(file: string): string[] {
  return [...file.matchAll(/ (\S{44})$/gm)].map(([, key]) => key!)
}

test('the key file is made once, for its owner only, and shared by processes that start together', async () => {
  rmSync(ground.keyFile)
  const started = await Promise.all(Array.from({ length: 4 }, () => ground.process()))
  expect(statSync(ground.keyFile).mode & 0o777).toBe(0o600)
  expect(readFileSync(ground.keyFile, 'utf8').trim().split('\n')).toHaveLength(1)
  const secrets = started.map(({ vault }) => Buffer.from(vault.secretFor('search')).toString('hex'))
  expect(new Set(secrets).size).toBe(1)
  expect(secrets[0]).not.toBe(Buffer.from(started[0]!.vault.secretFor('other')).toString('hex'))
})

describe('without the right key file', () => {
  test('a database with subjects is not opened, and no file is made', async () => {
    await record('1')
    const kept = readFileSync(ground.keyFile, 'utf8')
    rmSync(ground.keyFile)
    await expect(ground.process()).rejects.toMatchObject({
      code: 'vault_key_missing',
      message: expect.stringContaining('put back'),
    })
    expect(() => statSync(ground.keyFile)).toThrow('ENOENT')
    writeFileSync(ground.keyFile, kept)
    await ground.process()
  })

  test.each([
    [
      'another key',
      (text: string) =>
        text.replace(/^.*$/m, '0123456789abcdef AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA='),
    ],
    [
      'a key with a changed character',
      (text: string) => text.replace(/ (.)/, (_, c) => ` ${c === 'A' ? 'B' : 'A'}`),
    ],
    ['half a key', (text: string) => text.slice(0, 30)],
    ['no key', () => '# empty\n'],
  ])('%s is refused without showing it', async (_, change) => {
    await record('1')
    const text = readFileSync(ground.keyFile, 'utf8')
    writeFileSync(ground.keyFile, change(text))
    const error = await ground.process().catch((cause: unknown) => cause)
    expect(error).toMatchObject({ code: 'vault_key_missing' })
    expect(
      reveals(
        error,
        [...keysIn(text), ...keysIn(change(text)), change(text).slice(18)].filter((s) => s.length > 8),
      ),
    ).toBe(false)
  })

  test('a vault whose key was lost before the first subject begins anew, and a process from before writes nothing into it', async () => {
    rmSync(ground.keyFile)
    const next = await ground.process()
    const { leafHash } = await record('1', next)
    await expect(record('1')).rejects.toMatchObject({ code: 'vault_key_missing' })
    expect(await record('1', await ground.process())).toMatchObject({ leafHash, duplicate: true })
  })
})

describe('rotation', () => {
  test('everything is wrapped under the new key, in batches, and the old one may go', async () => {
    const people = Array.from({ length: 1_500 }, (_, i) =>
      incoming(`p ${i}`, { actor: { id: `p ${i}`, type: 'user' } }),
    )
    await process.recorder.record(ground.log, people, 'app')
    const before = await record('before')
    const secret = process.vault.secretFor('search')
    const kekId = await addKek(ground.keyFile)
    expect(statSync(ground.keyFile).mode & 0o777).toBe(0o600)
    const progress: string[] = []
    const options = { db: process.db, keyFile: ground.keyFile }
    const done = await rewrap(options, (now, all) => progress.push(`${now}/${all}`))
    expect(done).toEqual({ kekId, subjects: 1_501 })
    expect(progress).toEqual(['1000/1501', '1501/1501'])
    expect(await rewrap(options)).toEqual({ kekId, subjects: 0 })
    const [, newest] = readFileSync(ground.keyFile, 'utf8').trim().split('\n')
    writeFileSync(ground.keyFile, `${newest}\n`)
    const next = await ground.process()
    expect(next.vault.secretFor('search')).toEqual(secret)
    expect(await record('before', next)).toEqual({ ...before, duplicate: true })
    expect((await openedFields(next, logId, [before]))[0]).toHaveProperty(['actor.name'], 'Alice Example')
  })

  test('a process that runs on wraps new subjects under the new key, reading its file again', async () => {
    await record('before')
    const kekId = await addKek(ground.keyFile)
    await rewrap({ db: process.db, keyFile: ground.keyFile })
    const news = [incoming('new', { actor: { id: 'somebody new', type: 'user' } })]
    await process.recorder.record(ground.log, news, 'app')
    const rows = await process.db.sql`SELECT DISTINCT kek_id FROM vault.subject_keys`
    expect(rows).toEqual([{ kek_id: kekId }])
  })

  test('an older file cannot take the new key away', async () => {
    await record('before')
    const older = readFileSync(ground.keyFile, 'utf8')
    await addKek(ground.keyFile)
    await rewrap({ db: process.db, keyFile: ground.keyFile })
    writeFileSync(ground.keyFile, older)
    await expect(rewrap({ db: process.db, keyFile: ground.keyFile })).rejects.toMatchObject({
      code: 'vault_key_missing',
    })
    await expect(ground.process()).rejects.toMatchObject({ code: 'vault_key_missing' })
  })
})

test('keys that are destroyed by anybody are forgotten by every process, at once', async () => {
  const other = await ground.process()
  await record('1')
  const before = await other.vault.seal(logId, [])
  expect(before).toEqual([])
  const name = (await other.vault.subjects.keysFor(logId, [ALICE]))[0]!
  await erase(process, logId)
  await vi.waitFor(async () => {
    const now = (await other.vault.subjects.keysFor(logId, [ALICE]))[0]!
    expect(now.ref).not.toBe(name.ref)
  }, 20_000)
})

test('a database that is away is said to be, and says nothing else', async () => {
  const gone = await ground.process()
  await gone.vault.close() // or it would listen again, and be closed in the middle of that
  await gone.db.close()
  const error = await gone.vault.refOf(logId, ALICE).catch((cause: unknown) => cause)
  expect(error).toBeInstanceOf(AuditError)
  expect(error).toMatchObject({ code: 'vault_unavailable' })
})

test('the one-shot HMAC is HMAC, for short and long texts', async () => {
  const [kek] = (await readKeyFile(ground.keyFile))!
  const key = kek!.key.export()
  for (const text of ['', 'source 1 ünïcode', 'x'.repeat(682), 'x'.repeat(683), 'é'.repeat(5_000)]) {
    const expected = createHmac('sha256', key).update(text).digest()
    expect(new MacKey(key).ofText(text)).toBe(expected.toString('base64url'))
    expect(new MacKey(key).ofBytes(Buffer.from(text))).toEqual(expected)
  }
})

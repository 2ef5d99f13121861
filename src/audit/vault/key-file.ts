// Key-encryption keys, in a file outside the database: one a line, `<id> <base64 of 32 bytes>`. The newest, which wraps, is the
// last; all of them unwrap. An id is derived from its key, so a line that was mistyped is found before it does harm.
import { createHash, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { createFile, readIfThere, replaceFile } from '../../files/durable.ts'
import { AuditError } from '../event/errors.ts'

/** A key-encryption key. Its bytes cannot be printed. */
export interface Kek {
  /** 16 hex digits. */
  readonly id: string
  readonly key: KeyObject
}

const KEY_SIZE = 32
const LINE = /^([0-9a-f]{16}) ([A-Za-z0-9+/]{43}=)$/

/** Oldest first; undefined when there is no file. @throws AuditError `vault_key_missing` when it cannot be used */
export async function readKeyFile(path: string): Promise<Kek[] | undefined> {
  const stored = await readBytes(path)
  if (stored === undefined) return undefined
  const lines = Buffer.from(stored).toString('latin1').split('\n')
  const keks = lines.flatMap((line, i) => (isKeyLine(line) ? [parseLine(path, line, i + 1)] : []))
  if (keks.length > 0) return keks
  throw new AuditError(
    'vault_key_missing',
    `the vault's key file ${path} holds no key: put it back from its backup`,
  )
}

/** Makes the file with a first key, mode 0600, unless another process has made it meanwhile. */
export async function createKeyFile(path: string): Promise<Kek[]> {
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
  try {
    await createFile(path, Buffer.from(newLine()), 0o600)
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw unusable(path, cause)
  }
  return (await readKeyFile(path)) ?? []
}

/**
 * Adds a key that wraps from now on; processes that run already hear of it when they meet what it wrapped (rewrap.ts).
 * @returns id of the new key
 * @throws AuditError `vault_key_missing` when there is no file, or no usable one
 */
export async function addKek(path: string): Promise<string> {
  const keks = await readKeyFile(path)
  const stored = await readBytes(path)
  if (keks === undefined || stored === undefined) {
    throw new AuditError('vault_key_missing', `there is no key file ${path}: nothing to add a key to`)
  }
  const line = newLine()
  const before = Buffer.from(stored).toString('latin1').trimEnd()
  await replaceFile(path, Buffer.from(`${before}\n${line}`), 0o600)
  return line.slice(0, 16)
}

function newLine(): string {
  const bytes = randomBytes(KEY_SIZE)
  return `${idOf(bytes)} ${bytes.toString('base64')}\n`
}

function idOf(key: Uint8Array): string {
  return createHash('sha256').update('prooflog vault key\0').update(key).digest('hex').slice(0, 16)
}

function isKeyLine(line: string): boolean {
  return line.trim() !== '' && !line.startsWith('#')
}

function parseLine(path: string, line: string, number: number): Kek {
  const [, id, text] = LINE.exec(line.trimEnd()) ?? []
  const bytes = Buffer.from(text ?? '', 'base64')
  if (id === undefined || bytes.length !== KEY_SIZE || idOf(bytes) !== id) {
    throw new AuditError(
      'vault_key_missing',
      `line ${number} of the vault's key file ${path} is not a key: put the file back from its backup`,
      { line: number },
    )
  }
  return { id, key: createSecretKey(bytes) }
}

async function readBytes(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readIfThere(path)
  } catch (cause) {
    throw unusable(path, cause)
  }
}

function unusable(path: string, cause: unknown): AuditError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no code'
  return new AuditError(
    'vault_key_missing',
    `the vault's key file ${path} cannot be used (${code}): the service must be able to read and make it`,
    {},
    { cause },
  )
}

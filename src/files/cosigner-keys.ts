// The keys of a cosigner (a witness or a mirror), made once: whoever loses them begins anew under another name.
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts'
import { generateSkey, type KeyType, parseSkey } from '../core/keys.ts'
import { createFile, readIfThere } from './durable.ts'

/** A key file that cannot be used as it is asked to. */
export class KeyFileError extends Error {
  readonly code = 'wrong_key_file'
}

/**
 * The private keys in a file, one a line, in the order of `types`. Made when there is no file.
 * @param name of the cosigner
 * @throws KeyFileError when the file holds other keys, or those of another name
 */
export async function cosignerKeys(path: string, name: string, types: readonly KeyType[]): Promise<string[]> {
  const stored = await readIfThere(path)
  const skeys = stored === undefined ? await makeKeys(path, name, types) : linesOf(decodeUtf8(stored))
  const keys = skeys.map((skey, i) => parsed(path, skey, i + 1))
  const other = keys.find((key) => key.name !== name)
  if (other)
    throw new KeyFileError(
      `the keys in ${path} are of ${JSON.stringify(other.name)}: a cosigner keeps its name for ever`,
    )
  if (keys.map((key) => key.type).join() !== types.join())
    throw new KeyFileError(
      `${path} does not hold one key of each of the types ${types.join(' and ')}, in this order`,
    )
  return skeys
}

/** The name that the keys in a file are of; undefined when there is no file. @throws KeyFileError */
export async function cosignerName(path: string): Promise<string | undefined> {
  const stored = await readIfThere(path)
  const [first] = stored === undefined ? [] : linesOf(decodeUtf8(stored))
  return first === undefined ? undefined : parsed(path, first, 1).name
}

async function makeKeys(path: string, name: string, types: readonly KeyType[]): Promise<string[]> {
  const skeys = types.map((type) => generateSkey(name, type, randomBytes(32)))
  mkdirSync(dirname(path), { recursive: true, mode: 0o711 })
  await createFile(path, encodeUtf8(skeys.map((skey) => `${skey}\n`).join('')), 0o600)
  return skeys
}

function linesOf(text: string): string[] {
  return text.trimEnd().split('\n')
}

function parsed(path: string, skey: string, line: number) {
  try {
    return parseSkey(skey)
  } catch (cause) {
    throw new KeyFileError(`line ${line} of ${path} is not a secret key: put the file back from its backup`, {
      cause,
    })
  }
}

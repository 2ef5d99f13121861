// Private keys that lie in a file are sealed under a passphrase, or opened again. Everything else in the file stays.
import { replaceFile, withLock } from '../files/durable.ts'
import { decryptKey } from './encrypted-key.ts'
import { KeysError } from './errors.ts'
import { formatKeyFile, readKeyFile } from './key-file.ts'
import { parseKeyLine, passphraseOf } from './key-line.ts'
import { encryptedLines } from './new-keys.ts'
import type { Secrets } from './secrets.ts'

/**
 * Encrypts the private keys of a file in place.
 * @returns how many
 * @throws KeysError
 */
export async function encryptKeyFile(path: string, secrets: Secrets): Promise<number> {
  const passphrase = await passphraseOf(secrets)
  return rewrite(path, 'plain', async (texts) => encryptedLines(texts, passphrase))
}

/** The way back. @returns how many. @throws KeysError */
export async function decryptKeyFile(path: string, secrets: Secrets): Promise<number> {
  const passphrase = await passphraseOf(secrets)
  return rewrite(path, 'encrypted', (texts) =>
    Promise.all(
      texts.map((text) => {
        const line = parseKeyLine(text)
        if (line.kind !== 'encrypted') throw new Error('only encrypted lines are decrypted')
        return decryptKey(line, passphrase)
      }),
    ),
  )
}

function rewrite(
  path: string,
  kind: 'plain' | 'encrypted',
  convert: (lines: readonly string[]) => Promise<string[]>,
): Promise<number> {
  return withLock(path, async () => {
    const file = await readKeyFile(path)
    if (file === undefined) throw new KeysError('invalid_key_line', `there is no file ${path}`)
    const isOfKind = (text: string): boolean =>
      text !== '' && !text.startsWith('#') && parseKeyLine(text).kind === kind
    const texts = file.text.replace(/\n$/, '').split('\n')
    const converted = await convert(texts.filter(isOfKind))
    const left = converted.values()
    const all = texts.map((text) => (isOfKind(text) ? (left.next().value ?? '') : text))
    if (converted.length > 0) await replaceFile(path, formatKeyFile(all), 0o600)
    return converted.length
  })
}

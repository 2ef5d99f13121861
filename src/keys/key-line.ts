// One line of a key file: a private key, or where to find who holds it.
import { FormatError } from '../core/errors.ts'
import { parseVkey, vkeyOf } from '../core/keys.ts'
import { localSigner, type Signer } from '../core/signer.ts'
import { commandSigner } from './command-signer.ts'
import { decryptKey, parseBlob } from './encrypted-key.ts'
import { KeysError } from './errors.ts'
import type { Secrets } from './secrets.ts'
import { type VaultKey, vaultSigner } from './vault-signer.ts'

export type KeyLine =
  | { readonly kind: 'plain'; readonly vkey: string; readonly skey: string }
  | { readonly kind: 'encrypted'; readonly vkey: string; readonly blob: string }
  | { readonly kind: 'env'; readonly vkey: string; readonly variable: string }
  | {
      readonly kind: 'command'
      readonly vkey: string
      readonly program: string
      readonly args: readonly string[]
    }
  | { readonly kind: 'vault'; readonly vkey: string; readonly key: VaultKey }

const ED25519 = 0x01

/**
 * `PRIVATE+KEY+…`, or words with one space between:
 * `encrypted <vkey> <blob>`, `env <vkey> <variable>`, `command <vkey> <program> <argument>…`,
 * `vault <vkey> <address> [<mount>/]<key> [<version>]` (mount `transit`, version 1).
 * @throws KeysError `invalid_key_line`; its message holds no part of the line
 */
export function parseKeyLine(line: string): KeyLine {
  try {
    if (line.startsWith('PRIVATE+KEY+')) return { kind: 'plain', vkey: vkeyOf(line), skey: line }
    const [kind = '', vkey = '', ...rest] = line.split(' ')
    return parseWords(kind, vkey, rest)
  } catch (cause) {
    if (cause instanceof FormatError) throw invalid('its key is not one', { cause })
    throw cause
  }
}

/** The signer that the line stands for. @throws KeysError; FormatError when an environment variable holds no private key */
export async function openKeyLine(line: KeyLine, secrets: Secrets): Promise<Signer> {
  switch (line.kind) {
    case 'plain':
      return localSigner(line.skey)
    case 'encrypted':
      return matching(line.vkey, await decryptKey(line, await passphraseOf(secrets)))
    case 'env': {
      const skey = secrets.variable(line.variable)
      if (skey === undefined) throw invalid(`the environment variable ${line.variable} is not set`)
      return matching(line.vkey, skey)
    }
    case 'command':
      return commandSigner(line.vkey, line.program, line.args)
    case 'vault':
      return vaultSigner(line.vkey, line.key, secrets)
  }
}

function matching(vkey: string, skey: string): Signer {
  const signer = localSigner(skey)
  if (signer.vkey !== vkey) throw invalid('the private key is not that of the vkey')
  return signer
}

/** @throws KeysError `passphrase_missing` */
export async function passphraseOf(secrets: Secrets): Promise<string> {
  const passphrase = await secrets.passphrase()
  if (passphrase !== undefined) return passphrase
  throw new KeysError(
    'passphrase_missing',
    'the key is encrypted and there is no passphrase: set PROOFLOG_PASSPHRASE_FILE',
  )
}

function parseWords(kind: string, vkey: string, rest: readonly string[]): KeyLine {
  const { type } = parseVkey(vkey)
  const [first = '', ...more] = rest
  if (first === '' || rest.includes(''))
    throw invalid('a word is missing, or there is more than one space between two')
  switch (kind) {
    case 'encrypted':
      if (more.length > 0) break
      parseBlob(first)
      return { kind, vkey, blob: first }
    case 'env':
      if (more.length > 0 || !/^[A-Za-z_][A-Za-z0-9_]*$/.test(first)) break
      return { kind, vkey, variable: first }
    case 'command':
      return { kind, vkey, program: first, args: more }
    case 'vault':
      if (type !== ED25519) throw invalid('Vault signs with Ed25519 keys only')
      return { kind, vkey, key: parseVaultKey(first, more) }
    default:
      throw invalid('it begins with none of: PRIVATE+KEY+, encrypted, env, command, vault')
  }
  throw invalid(`it is not what follows "${kind}"`)
}

function parseVaultKey(address: string, [path = '', version = '1', ...more]: readonly string[]): VaultKey {
  const split = path.lastIndexOf('/')
  const mount = split === -1 ? 'transit' : path.slice(0, split)
  const name = path.slice(split + 1)
  const good =
    /^https?:\/\/[^/?#@]+(\/[^?#]*)?$/.test(address) &&
    URL.canParse(address) &&
    /^[A-Za-z0-9_-][A-Za-z0-9._-]*(\/[A-Za-z0-9_-][A-Za-z0-9._-]*)*$/.test(`${mount}/${name}`) &&
    /^[1-9][0-9]{0,8}$/.test(version) &&
    more.length === 0
  if (!good) throw invalid('after "vault" and the vkey stand an address, [mount/]key, and perhaps a version')
  return { address, mount, name, version: Number(version) }
}

function invalid(what: string, options?: ErrorOptions): KeysError {
  return new KeysError('invalid_key_line', what, options)
}

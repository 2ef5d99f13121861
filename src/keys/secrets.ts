// Where secrets that are in no key file come from: the environment, and files that it names. Never the command line, which
// other users of the machine can see.
import { join } from 'node:path'
import { decodeUtf8 } from '../core/bytes.ts'
import { readIfThere } from '../files/durable.ts'
import { KeysError } from './errors.ts'

export interface Secrets {
  /**
   * The passphrase of encrypted keys: from the file PROOFLOG_PASSPHRASE_FILE, the systemd credential `prooflog-passphrase`,
   * or PROOFLOG_PASSPHRASE; the first that is there. A newline at the end of a file is not part of it.
   * @throws KeysError `passphrase_unusable`
   */
  passphrase(): Promise<string | undefined>
  /** An environment variable that is set and not empty. */
  variable(name: string): string | undefined
  /** The token for Vault: from the file VAULT_TOKEN_FILE, which is read each time since agents renew it, or VAULT_TOKEN. */
  vaultToken(): Promise<string | undefined>
}

const LONGEST = 4_096

export function createSecrets(env: Readonly<Record<string, string | undefined>>): Secrets {
  const variable = (name: string): string | undefined => env[name] || undefined

  async function fromFile(path: string): Promise<string | undefined> {
    const bytes = await readIfThere(path)
    if (bytes === undefined) return undefined
    const text = bytes.length > LONGEST ? '' : decodeUtf8(bytes).replace(/\r?\n$/, '')
    if (text !== '') return text
    throw new KeysError('passphrase_unusable', `${path} is empty or has more than ${LONGEST} bytes`)
  }

  async function fromNamedFile(name: string): Promise<string | undefined> {
    const path = variable(name)
    if (path === undefined) return undefined
    const text = await fromFile(path)
    if (text === undefined)
      throw new KeysError('passphrase_unusable', `${name} names ${path}, which is not there`)
    return text
  }

  return {
    variable,
    async passphrase() {
      const credentials = variable('CREDENTIALS_DIRECTORY')
      return (
        (await fromNamedFile('PROOFLOG_PASSPHRASE_FILE')) ??
        (credentials && (await fromFile(join(credentials, 'prooflog-passphrase')))) ??
        variable('PROOFLOG_PASSPHRASE')
      )
    },
    async vaultToken() {
      return (await fromNamedFile('VAULT_TOKEN_FILE')) ?? variable('VAULT_TOKEN')
    },
  }
}

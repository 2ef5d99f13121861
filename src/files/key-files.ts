// The private keys in a folder: one file per log, one secret key a line, Ed25519 first, then ML-DSA-44 (the order of the
// log's vkeys). Losing a file ends its log: nobody can sign for it any more. Leaking it lets the thief sign a fork.
import { randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts'
import { generateSkey } from '../core/keys.ts'
import { localSigner, type Signer } from '../core/signer.ts'
import { LogError } from '../log/errors.ts'
import type { KeyRing } from '../log/ports.ts'
import { createFile, readIfThere } from './durable.ts'

const ED25519 = 0x01
const ML_DSA_44 = 0x06

/** @param folder created when missing */
export function createKeyFiles(folder: string): KeyRing {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  return {
    async signers(log) {
      const path = join(folder, `${log.name}.keys`)
      const signers = await readSigners(path)
      if (signers === undefined) return []
      if (signers.map((signer) => signer.vkey).join('\n') !== log.vkeys.join('\n')) {
        throw new LogError(
          'log_halted',
          `the keys in ${path} are not those of log ${log.name}: this database and this key folder do not belong together; put the right one back`,
          { path, expected: log.vkeys },
        )
      }
      return signers
    },
    async create(name, origin) {
      const path = join(folder, `${name}.keys`)
      const skeys = [ED25519, ML_DSA_44] as const
      const text = skeys.map((type) => `${generateSkey(origin, type, randomBytes(32))}\n`).join('')
      try {
        await createFile(path, encodeUtf8(text), 0o600)
      } catch (cause) {
        if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
        // Left by a creation that did not reach the database, or the keys of a log in another one: never overwritten.
        const signers = await readSigners(path)
        if (signers !== undefined && signers.every((signer) => signer.name === origin)) return signers
        throw new LogError(
          'log_exists',
          `there are keys for a log "${name}" with another origin in ${path}: choose another name`,
          { path },
          { cause },
        )
      }
      return (await readSigners(path)) ?? []
    },
  }
}

async function readSigners(path: string): Promise<Signer[] | undefined> {
  const bytes = await readIfThere(path)
  if (bytes === undefined) return undefined
  const lines = decodeUtf8(bytes).trimEnd().split('\n')
  return lines.map((line, i) => {
    try {
      return localSigner(line)
    } catch (cause) {
      throw new LogError(
        'log_halted',
        `line ${i + 1} of ${path} is not a secret key: put the file back from its backup`,
        { path },
        { cause },
      )
    }
  })
}

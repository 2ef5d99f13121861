// The keys of the logs in a folder: one file per log, a line for each key (key-line.ts). Losing a file ends its
// log, unless the private keys are held elsewhere; leaking one lets the thief sign a fork.
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { ProoflogError } from '../core/errors.ts'
import { parseVkey } from '../core/keys.ts'
import type { Signer } from '../core/signer.ts'
import { createFile, replaceFile, withLock } from '../files/durable.ts'
import { LogError } from '../log/errors.ts'
import type { KeyRing } from '../log/ports.ts'
import type { LogInfo } from '../log/types.ts'
import { formatKeyFile, readKeyFile } from './key-file.ts'
import { type KeyLine, openKeyLine, passphraseOf } from './key-line.ts'
import { newKeyLines } from './new-keys.ts'
import { createSecrets } from './secrets.ts'

const ED25519 = 0x01

/**
 * @param folder created when missing
 * @param env where secrets come from (secrets.ts); with a passphrase in it, new keys are encrypted
 */
export function createKeyFiles(
  folder: string,
  env: Readonly<Record<string, string | undefined>> = {},
): KeyRing {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const secrets = createSecrets(env)
  const pathOf = (name: string): string => join(folder, `${name}.keys`)

  function open(path: string, lines: readonly KeyLine[]): Promise<Signer[]> {
    return Promise.all(lines.map(async (line) => named(path, await openKeyLine(line, secrets))))
  }

  return {
    signers: (log) =>
      telling(async () => {
        const path = pathOf(log.name)
        const file = await readKeyFile(path)
        return file === undefined ? [] : open(path, linesThatSign(log, path, file.lines))
      }),
    create: (name, origin) =>
      telling(async () => {
        const path = pathOf(name)
        try {
          const lines = await newKeyLines(origin, await secrets.passphrase())
          await createFile(path, formatKeyFile(lines), 0o600)
        } catch (cause) {
          // Left by a creation that did not reach the database, put there by the operator, or the keys of a log in another
          // database: never overwritten.
          if (!hasCode(cause, 'EEXIST')) throw cause
        }
        const { lines } = (await readKeyFile(path)) ?? { lines: [] }
        return open(path, checkedNew('log_exists', path, origin, lines))
      }),
    add: (log) =>
      telling(async () => {
        const path = pathOf(log.name)
        return alone(log, path, async () => {
          const file = await readKeyFile(path)
          if (file === undefined) {
            throw new LogError(
              'keys_elsewhere',
              `this process does not hold the keys of log ${log.name}: ask one that does`,
            )
          }
          // Left by a rotation that did not reach the database, or put there by the operator: these it is, then.
          const there = file.lines.filter(({ vkey }) => !log.vkeys.includes(vkey))
          if (there.length === 0) {
            const present = file.lines.filter(({ vkey }) => log.signing.includes(vkey))
            checkMakesOwn(path, present)
            const sealed = present.some(({ kind }) => kind === 'encrypted')
            const passphrase = sealed ? await passphraseOf(secrets) : await secrets.passphrase()
            const lines = await newKeyLines(log.origin, passphrase)
            await replaceFile(path, formatKeyFile(lines, file.text), 0o600)
          }
          const { lines } = (await readKeyFile(path)) ?? { lines: [] }
          const added = lines.filter(({ vkey }) => !log.vkeys.includes(vkey))
          return open(path, checkedNew('state_conflict', path, log.origin, added))
        })
      }),
  }
}

/** Lines of keys that do not sign are of no interest: they signed once, or are about to. */
function linesThatSign(log: LogInfo, path: string, lines: readonly KeyLine[]): KeyLine[] {
  return log.signing.map((vkey) => {
    const line = lines.find((one) => one.vkey === vkey)
    if (line !== undefined) return line
    const belongs = lines.some((one) => log.vkeys.includes(one.vkey))
    throw new LogError(
      'log_halted',
      belongs
        ? `the keys in ${path} lack key ${idOf(vkey)}, which signs log ${log.name}: put the newest key file there`
        : `the keys in ${path} are not those of log ${log.name}: this database and this key folder do not belong together; put the right one back`,
      { path, expected: log.signing },
    )
  })
}

/** New keys, Ed25519 first. @throws LogError of the code unless they can be those of a log with this origin */
function checkedNew(
  code: 'log_exists' | 'state_conflict',
  path: string,
  origin: string,
  lines: readonly KeyLine[],
): KeyLine[] {
  const keys = lines.map(({ vkey }) => parseVkey(vkey))
  const foreign = keys.find(({ name }) => name !== origin)
  if (foreign !== undefined) {
    throw new LogError(code, `${path} holds a key of ${foreign.name}: this log's are called ${origin}`, {
      path,
    })
  }
  if (keys.some(({ type }) => type === 0x04)) {
    throw new LogError(code, `${path} holds a key of a witness: a log signs with types 1 and 6`, { path })
  }
  if (!keys.some(({ type }) => type === ED25519)) {
    throw new LogError(code, `${path} holds no new Ed25519 key, which every verifier understands: add one`, {
      path,
    })
  }
  return lines.toSorted((a, b) => parseVkey(a.vkey).type - parseVkey(b.vkey).type)
}

/** Keys that are held elsewhere are made there. */
function checkMakesOwn(path: string, lines: readonly KeyLine[]): void {
  if (lines.some(({ kind }) => kind === 'plain' || kind === 'encrypted')) return
  throw new LogError(
    'state_conflict',
    `the keys of this log are held outside of ${path}: make new ones there, add their lines to the file, and try again`,
    { path },
  )
}

/** Says which key it was that did not sign. */
function named(path: string, signer: Signer): Signer {
  return {
    ...signer,
    async sign(text, timestamp) {
      try {
        return await signer.sign(text, timestamp)
      } catch (cause) {
        throw haltedBy(`key ${idOf(signer.vkey)} in ${path} does not sign: `, cause)
      }
    },
  }
}

async function telling<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    throw haltedBy('', cause)
  }
}

/** What is wrong with keys stops signing; only what the operating system says is passed on as it is. */
function haltedBy(what: string, cause: unknown): unknown {
  if (!(cause instanceof ProoflogError) || cause instanceof LogError) return cause
  return new LogError('log_halted', `${what}${cause.message}`, {}, { cause })
}

async function alone<T>(log: LogInfo, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await withLock(path, work)
  } catch (cause) {
    if (!hasCode(cause, 'EEXIST')) throw cause
    throw new LogError(
      'log_changed',
      `the keys of log ${log.name} are being changed by somebody else: try again`,
    )
  }
}

/** As it stands in the vkey. */
function idOf(vkey: string): string {
  return vkey.split('+')[1] ?? vkey
}

function hasCode(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code
}

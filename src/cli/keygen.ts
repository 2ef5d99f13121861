import { randomBytes } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { generateSkey, type KeyType, validKeyName, vkeyOf } from '../core/keys.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'

type Options = { output?: string; mlDsa?: boolean; json?: boolean }

const ED25519: KeyType = 0x01
const ML_DSA_44: KeyType = 0x06

export function addKeygen(program: Command, io: Io): void {
  program
    .command('keygen <name>')
    .description(
      'make a key pair for signed notes in <output>.skey (secret) and <output>.vkey; prints the vkeys',
    )
    .option(
      '-o, --output <path>',
      'path without extension (the name, with - for what is not a letter, digit or dot)',
    )
    .option('--ml-dsa', 'also make an ML-DSA-44 key; both stand in each file, Ed25519 first')
    .option('--json', 'print the result as JSON')
    .action((name: string, options: Options) => makeKeys(name, options, io))
}

async function makeKeys(name: string, { output, mlDsa, json }: Options, io: Io): Promise<void> {
  if (!validKeyName(name))
    throw new UsageError(`${JSON.stringify(name)} cannot name a key: no spaces, no +, and not empty`)
  const base = output ?? name.replaceAll(/[^A-Za-z0-9.]+/g, '-').replace(/^[.-]+/, '')
  if (base === '') throw new UsageError('no file name can be made of this name: give --output')
  const types = mlDsa ? [ED25519, ML_DSA_44] : [ED25519]
  const skeys = types.map((type) => generateSkey(name, type, randomBytes(32)))
  const vkeys = skeys.map(vkeyOf)
  const files = { skey: `${base}.skey`, vkey: `${base}.vkey` }
  await create(files.skey, skeys, 0o600)
  await create(files.vkey, vkeys, 0o644)
  if (json) return io.out(`${JSON.stringify({ vkeys, ...files })}\n`)
  io.err(`the secret is in ${files.skey}: whoever has it can sign as ${name}\n`)
  await io.out(vkeys.map((vkey) => `${vkey}\n`).join(''))
}

/** A key that exists is never replaced: what it signed could not be verified any more. */
async function create(path: string, lines: readonly string[], mode: number): Promise<void> {
  try {
    await writeFile(path, lines.map((line) => `${line}\n`).join(''), { flag: 'wx', mode, flush: true })
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
    throw new UsageError(`${path} exists and is not overwritten: choose another --output`, {
      code: 'exists',
      cause,
    })
  }
}

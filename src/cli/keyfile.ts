// The keys of a log as they lie on the disk of the server.
import { readFile } from 'node:fs/promises'
import type { Command } from 'commander'
import { parseVkey } from '../core/keys.ts'
import { decryptKeyFile, encryptKeyFile } from '../keys/convert-file.ts'
import { readKeyFile } from '../keys/key-file.ts'
import { openKeyLine } from '../keys/key-line.ts'
import { vkeyOfPublicKey } from '../keys/public-key.ts'
import { createSecrets } from '../keys/secrets.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { keyIdOf } from './log-info.ts'
import { formatTable } from './table.ts'

type Options = { json?: boolean }

const PASSPHRASE = `
The passphrase is taken from the file that PROOFLOG_PASSPHRASE_FILE names, the systemd credential prooflog-passphrase, or
PROOFLOG_PASSPHRASE.`

export function addKeyfile(program: Command, io: Io): void {
  const keyfile = program
    .command('keyfile')
    .description('look at, encrypt and write key files (PROOFLOG_KEYS)')
  keyfile
    .command('show <file>')
    .description('what is in a key file, and whether its keys can be used here; nothing secret is shown')
    .option('--json', 'print the result as JSON')
    .action((file: string, options: Options) => showFile(file, options, io))
  keyfile
    .command('encrypt <file>')
    .description('encrypt the private keys of a file in place, under a passphrase')
    .addHelpText('after', PASSPHRASE)
    .action(async (file: string) => {
      const count = await encryptKeyFile(await existing(file), createSecrets(io.env))
      await io.out(`${count} private keys in ${file} were encrypted\n`)
    })
  keyfile
    .command('decrypt <file>')
    .description('write the private keys of a file in the open again')
    .addHelpText('after', PASSPHRASE)
    .action(async (file: string) => {
      const count = await decryptKeyFile(await existing(file), createSecrets(io.env))
      await io.out(`${count} private keys in ${file} were decrypted\n`)
    })
  keyfile
    .command('vkey <origin> <public-key-file>')
    .description('the vkey of a key that is held elsewhere, from its public key in PEM or base64')
    .action(async (origin: string, file: string) => {
      await io.out(`${vkeyOfPublicKey(origin, await readFile(file, 'utf8'))}\n`)
    })
}

async function showFile(path: string, { json }: Options, io: Io): Promise<void> {
  const { lines } = (await readKeyFile(await existing(path))) ?? { lines: [] }
  const secrets = createSecrets(io.env)
  const keys = await Promise.all(
    lines.map(async (line) => {
      const { name, type } = parseVkey(line.vkey)
      const fault = await openKeyLine(line, secrets).then(
        () => null,
        (error: unknown) => (error instanceof Error ? error.message : String(error)),
      )
      return { id: keyIdOf(line.vkey), type, kind: line.kind, name, vkey: line.vkey, fault }
    }),
  )
  if (json) return io.out(`${JSON.stringify({ keys })}\n`)
  const rows = keys.map(({ id, type, kind, name, fault }) => [
    id,
    type === 0x06 ? 'ML-DSA-44' : 'Ed25519',
    kind,
    fault ?? (kind === 'command' || kind === 'vault' ? 'held elsewhere' : 'usable'),
    name,
  ])
  await io.out(formatTable(['id', 'type', 'kept', 'here', 'name'], rows))
}

/** @throws NodeJS.ErrnoException `ENOENT`, before a lock is left beside a name that was a mistake */
async function existing(path: string): Promise<string> {
  const bytes = await readFile(path)
  if (bytes.length === 0) throw new UsageError(`${path} is empty`)
  return path
}

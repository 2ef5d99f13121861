// The keys of people, and the key of the vault that encrypts them.
import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { rewrapVault, scrubVault } from '../maintain-vault.ts'
import type { Io } from './io.ts'
import { createProgress } from './progress.ts'

type RewrapOptions = { key: boolean; json?: boolean }

export function addVault(program: Command, io: Io): void {
  const vault = program
    .command('vault')
    .description(
      'look after the vault, straight in the database (DATABASE_URL, or the one in PROOFLOG_DATA); the service may run meanwhile',
    )
  vault
    .command('rewrap')
    .description(
      'add a new key to the key file (PROOFLOG_VAULT_KEY) and encrypt the keys of all people under it; afterwards the older lines of the file may go',
    )
    .option('--no-key', 'add no key: the newest one in the file was put there already, and on every machine')
    .option('--json', 'print the result as JSON')
    .action((options: RewrapOptions) => rewrap(options, io))
  vault
    .command('scrub')
    .description(
      'rewrite what erased people left in the files of the database: deleted rows, and the write-ahead log; needs its superuser',
    )
    .option('--json', 'print the result as JSON')
    .action((options: { json?: boolean }) => scrub(options, io))
}

async function rewrap({ key: add, json }: RewrapOptions, io: Io): Promise<void> {
  const progress = createProgress(io, 'keys')
  const { kekId, subjects } = await rewrapVault(
    readConfig(io.env),
    { add, onProgress: (done, all) => progress.update(done, all) },
    (message) => io.err(`${message}\n`),
  )
  progress.end()
  await io.out(
    json
      ? `${JSON.stringify({ kek: kekId, subjects })}\n`
      : `the keys of ${subjects} ${subjects === 1 ? 'subject' : 'subjects'} are encrypted under key ${kekId} now; the other lines of the key file may go\n`,
  )
}

async function scrub({ json }: { json?: boolean }, io: Io): Promise<void> {
  const say = (step: string): void => io.err(`${step}\n`)
  await scrubVault(readConfig(io.env), say, say)
  await io.out(
    json ? '{"scrubbed":true}\n' : 'the files of the database hold nothing more of what was erased\n',
  )
}

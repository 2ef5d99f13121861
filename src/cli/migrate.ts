import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { migrateDatabase } from '../migrate-database.ts'
import type { Io } from './io.ts'

export function addMigrate(program: Command, io: Io): void {
  program
    .command('migrate')
    .description('bring the database to the schema of this version (serve does so by itself at its start)')
    .option('--json', 'print the result as JSON')
    .action((options: { json?: boolean }) => runMigrate(options, io))
}

async function runMigrate({ json }: { json?: boolean }, io: Io): Promise<void> {
  const applied = await migrateDatabase(readConfig(io.env), (message) => io.err(`${message}\n`))
  if (json) await io.out(`${JSON.stringify({ applied })}\n`)
  else await io.out(applied === 0 ? 'the schema is up to date\n' : `${applied} migrations applied\n`)
}

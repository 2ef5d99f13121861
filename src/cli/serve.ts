import type { Command } from 'commander'
import { readConfig } from '../config.ts'
import { serve } from '../serve.ts'
import type { Io } from './io.ts'

export function addServe(program: Command, io: Io): void {
  program
    .command('serve')
    .description(
      'run the service until it is told to stop (SIGINT, SIGTERM); settings come from the environment',
    )
    .action(() => runService(io))
}

async function runService(io: Io): Promise<void> {
  const config = readConfig(io.env)
  const stopped = io.untilStopped()
  const service = await serve(config)
  await io.out(`${service.url}\n`)
  if (service.first) {
    const { adminKey, keyFile } = service.first
    io.err(
      `\nFirst start: log "default" was created, and a key that may do everything:\n\n  ${adminKey}\n\n` +
        `It is shown this once, and was saved in ${keyFile}, where commands on this machine find it.\n\n`,
    )
  }
  io.err(`prooflog serves ${service.url} (as ${config.publicUrl}); its reference is at ${service.url}/docs\n`)
  await stopped
  io.err('stopping\n')
  await service.stop()
}

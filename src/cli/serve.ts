import type { Command } from 'commander'
import { ClientError } from '../client/index.ts'
import { readConfig } from '../config.ts'
import type { FirstStart } from '../first-start.ts'
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
  if (service.first) io.err(describeFirstStart(service.first))
  io.err(`prooflog serves ${service.url} (as ${config.publicUrl}); its reference is at ${service.url}/docs\n`)
  io.err(nextCommands(service.url, io.env))
  const lost = await Promise.race([stopped.then(() => false), service.ended.then(() => true)])
  io.err('stopping\n')
  await service.stop()
  if (lost)
    throw new ClientError('unavailable', 'the database in the data folder ended: start the service anew')
}

function describeFirstStart({ log, adminKey, keyFile }: FirstStart): string {
  const made =
    log === undefined
      ? 'This database had no key: one was created that may do everything'
      : `First start: log "${log}" was created, and a key that may do everything`
  return (
    `\n${made}:\n\n  ${adminKey}\n\n` +
    `It is shown this once, and was saved in ${keyFile}, where commands on this machine find it.\n\n`
  )
}

/** What to type next, ready to copy. In a clone the program is run by npm. */
function nextCommands(url: string, env: Io['env']): string {
  const prooflog = env['npm_lifecycle_event'] === 'start' ? 'npm run -s prooflog --' : 'prooflog'
  const where = url.endsWith(':8080') ? '' : `export PROOFLOG_SERVER=${url}\n  `
  return `
Next, in another terminal:

  ${where}echo 'alice signed in' | ${prooflog} append - --wait
  ${prooflog} log show --policy > default.policy
  ${prooflog} prove --line 'alice signed in' -o alice.tlog-proof
  ${prooflog} verify --proof alice.tlog-proof --line 'alice signed in' --policy default.policy

`
}

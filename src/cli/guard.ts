import type { Command } from 'commander'
import { createClient } from '../client/index.ts'
import { readConfig } from '../config.ts'
import { toBase64 } from '../core/bytes.ts'
import { adoptCheckpoint } from '../guard/adopt.ts'
import { guardFolder } from '../guard/file.ts'
import { createGuard } from '../guard/guard.ts'
import type { Io } from './io.ts'
import { logTarget, type ServerOptions, withServer } from './target.ts'
import { policyFor, type TrustOptions, warnAnnounced, withTrust } from './trust.ts'

type Options = ServerOptions & TrustOptions & { force?: boolean; json?: boolean }

export function addGuard(program: Command, io: Io): void {
  const guard = program
    .command('guard')
    .description('the last signed heads, which keep the service from signing a second history')
  withTrust(withServer(guard.command('adopt <log>')))
    .description(
      'on the machine of the server: make the newest published checkpoint the guard, when the guard was lost or damaged',
    )
    .option('--force', 'also when the guard holds another checkpoint: the history that it knows is given up')
    .option('--json', 'print the result as JSON')
    .action((log: string, options: Options) => adoptNewest(log, options, io))
}

async function adoptNewest(log: string, options: Options, io: Io): Promise<void> {
  const { guardDir } = readConfig(io.env)
  const target = await logTarget({ ...options, log }, io)
  const { policy, announced } = await policyFor(target, options)
  if (announced) warnAnnounced(policy, io)
  const { note } = await createClient({ ...target, policy }).checkpoint()
  const vkeys = policy.logs.map(({ key }) => key.vkey)
  const { origin, size, root, changed } = await adoptCheckpoint(
    createGuard(guardFolder(guardDir)),
    note,
    vkeys,
    options,
  )
  if (options.json) {
    return io.out(
      `${JSON.stringify({ origin, tree_size: size, sha256_root_hash: toBase64(root), changed: changed.length > 0 })}\n`,
    )
  }
  const what = changed.length > 0 ? 'is now the guard' : 'was the guard already'
  await io.out(`the checkpoint of size ${size} ${what} of ${origin}, in ${guardDir}\n`)
}

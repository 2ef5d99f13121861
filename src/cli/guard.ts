import type { Command } from 'commander'
import { createClient } from '../client/index.ts'
import { readConfig } from '../config.ts'
import { decodeUtf8, toBase64 } from '../core/bytes.ts'
import { adoptCheckpoint } from '../guard/adopt.ts'
import { openGuards } from '../guard/from-config.ts'
import { type GuardState, type OperatedGuard, showPlace } from '../guard/guard.ts'
import type { Io } from './io.ts'
import { fetchLogInfo } from './server.ts'
import { logTarget, type ServerOptions, withServer } from './target.ts'
import { policyFor, type TrustOptions, warnAnnounced, withTrust } from './trust.ts'

type AdoptOptions = ServerOptions & TrustOptions & { force?: boolean; json?: boolean }
type PlaceOptions = ServerOptions & { origin?: string; json?: boolean }

const ORIGIN_HELP = 'origin of the log, if the server cannot be asked for it'

export function addGuard(program: Command, io: Io): void {
  const guard = program
    .command('guard')
    .description(
      'the last signed heads, which keep the service from signing a second history; on the machine of the server, with its ' +
        'environment (PROOFLOG_GUARD)',
    )
  withServer(guard.command('show [log]'))
    .description('what each place of the guard holds, and whether an alarm stopped the log')
    .option('--origin <origin>', ORIGIN_HELP)
    .option('--json', 'print the result as JSON')
    .action((log = 'default', options: PlaceOptions) => showGuard(log, options, io))
  withTrust(withServer(guard.command('adopt <log>')))
    .description('make the newest published checkpoint the guard, when the guard was lost or damaged')
    .option('--force', 'also when the guard holds another checkpoint: the history that it knows is given up')
    .option('--json', 'print the result as JSON')
    .action((log: string, options: AdoptOptions) => adoptNewest(log, options, io))
  withServer(guard.command('clear <log>'))
    .description('let a log go on that an alarm stopped, when its cause is known and gone')
    .option('--origin <origin>', ORIGIN_HELP)
    .option('--json', 'print the result as JSON')
    .action((log: string, options: PlaceOptions) => clearHalt(log, options, io))
}

async function showGuard(log: string, options: PlaceOptions, io: Io): Promise<void> {
  const origin = await originOf(log, options, io)
  await withGuard(io, async (guard) => {
    const states = await Promise.all(guard.places.map((place) => showPlace(place, origin)))
    if (options.json) return io.out(`${JSON.stringify({ origin, guards: states.map(fieldsOf) })}\n`)
    await io.out(`${origin}\n${states.map(describe).join('')}`)
  })
}

async function adoptNewest(log: string, options: AdoptOptions, io: Io): Promise<void> {
  const target = await logTarget({ ...options, log }, io)
  const { policy, announced } = await policyFor(target, options)
  if (announced) warnAnnounced(policy, io)
  await withGuard(io, async (guard) => {
    const { note } = await createClient({ ...target, policy }).checkpoint()
    const vkeys = policy.logs.map(({ key }) => key.vkey)
    const { origin, size, root, changed } = await adoptCheckpoint(guard, note, vkeys, options)
    if (options.json) {
      const result = {
        origin,
        tree_size: size,
        sha256_root_hash: toBase64(root),
        changed: changed.length > 0,
      }
      return io.out(`${JSON.stringify({ ...result, places: changed })}\n`)
    }
    const what =
      changed.length > 0
        ? `is now the guard of ${origin}, in ${changed.join(' and ')}`
        : `was the guard of ${origin} already`
    await io.out(`the checkpoint of size ${size} ${what}\n`)
  })
}

async function clearHalt(log: string, options: PlaceOptions, io: Io): Promise<void> {
  const origin = await originOf(log, options, io)
  await withGuard(io, async (guard) => {
    const states = await Promise.all(guard.places.map((place) => showPlace(place, origin)))
    const reasons = [...new Set(states.flatMap(({ halted }) => halted ?? []))]
    await guard.clear(origin)
    if (options.json) return io.out(`${JSON.stringify({ origin, cleared: reasons })}\n`)
    await io.out(
      reasons.length === 0
        ? `no alarm stopped ${origin}\n`
        : `${origin} goes on; it was stopped because: ${reasons.join('; ')}\n`,
    )
  })
}

async function withGuard(io: Io, work: (guard: OperatedGuard) => Promise<void>): Promise<void> {
  const guard = openGuards(readConfig(io.env))
  try {
    await work(guard)
  } finally {
    await guard.close()
  }
}

async function originOf(log: string, { origin, ...options }: PlaceOptions, io: Io): Promise<string> {
  return origin ?? (await fetchLogInfo(await logTarget({ ...options, log }, io))).text('origin')
}

function describe({ place, head, note, halted }: GuardState): string {
  const holds =
    note === undefined
      ? 'nothing'
      : head === undefined
        ? 'something that is no checkpoint of this log'
        : `size ${head.size}, root ${toBase64(head.root)}`
  return `  ${place}: ${holds}\n${halted === undefined ? '' : `    stopped: ${halted}\n`}`
}

function fieldsOf({ place, head, note, halted }: GuardState): object {
  return {
    place,
    tree_size: head?.size ?? null,
    sha256_root_hash: head === undefined ? null : toBase64(head.root),
    checkpoint: head === undefined ? null : decodeUtf8(head.note),
    damaged: note !== undefined && head === undefined,
    halted: halted ?? null,
  }
}

// A new log: keys first, since a log whose keys were lost on the way could never be signed.
import { formatCheckpoint } from '../core/checkpoint.ts'
import { EMPTY_ROOT } from '../core/hash.ts'
import { LOG_NAME } from '../core/log-name.ts'
import { verifierOf } from '../core/signer.ts'
import { LogError } from './errors.ts'
import type { Clock, KeyRing, LogStore } from './ports.ts'
import { trySigning } from './try-signing.ts'
import type { LogInfo, Logs } from './types.ts'

export interface CreateLogPorts {
  readonly store: LogStore
  readonly keys: KeyRing
  readonly clock: Clock
}

/**
 * Makes keys and rows of a log; nothing is published yet.
 * @param originPrefix see EngineOptions
 * @throws as Logs.create
 */
export async function createLog(
  { name, origin = '', public: isPublic = false, dedup = true, successorOf }: Parameters<Logs['create']>[0],
  { store, keys, clock }: CreateLogPorts,
  originPrefix: string,
): Promise<LogInfo> {
  const log = { name, origin: origin || `${originPrefix}/logs/${name}`, public: isPublic, dedup }
  // Before there are keys: a key file of a log that is not ours would stop us from serving the one that is.
  const all = await checkFree(store, name, log.origin)
  const predecessor = successorOf === undefined ? undefined : continued(all, successorOf)
  const signers = await keys.create(name, log.origin)
  const empty = formatCheckpoint({ origin: log.origin, size: 0, root: EMPTY_ROOT, extensions: [] })
  await trySigning(signers, empty, clock())
  const vkeys = signers.map((signer) => signer.vkey)
  for (const vkey of vkeys) verifierOf(vkey) // never store what no client could use
  return store.createLog({ ...log, vkeys, ...(predecessor === undefined ? {} : { predecessor }) })
}

/** All logs, none of them of this name or origin. @throws LogError `log_exists`, `invalid_log_name` */
export async function checkFree(store: LogStore, name: string, origin: string): Promise<readonly LogInfo[]> {
  checkName(name)
  const all = await store.logs()
  const taken = all.find((one) => one.name === name || one.origin === origin)
  if (taken === undefined) return all
  throw new LogError(
    'log_exists',
    `a log "${taken.name}" with origin ${taken.origin} exists: choose another name`,
  )
}

/** The log that gets a successor. @throws LogError `log_not_found`, `state_conflict` */
function continued(logs: readonly LogInfo[], name: string): LogInfo {
  const log = logs.find((one) => one.name === name)
  if (log === undefined) throw new LogError('log_not_found', `there is no log "${name}" to continue`)
  if (log.successor === undefined && !log.mirrored) return log
  throw new LogError(
    'state_conflict',
    log.mirrored
      ? `log ${name} is a copy: it is continued at its origin`
      : `log ${name} is continued by ${log.successor} already`,
  )
}

/** @throws LogError `invalid_log_name` */
function checkName(name: string): void {
  if (!LOG_NAME.test(name)) {
    throw new LogError(
      'invalid_log_name',
      `"${name}" is not a log name: use 1 to 63 of a-z, 0-9 and -, not - at either end`,
    )
  }
}

// One pass over everything, for whoever waits for it.
import type { LogInfo } from '../log/types.ts'
import type { Finding } from './finding.ts'
import { beginFullPass } from './full-pass.ts'
import { type CheckPorts, createLooker, type Looker } from './look.ts'
import { checkOrphans } from './orphans.ts'
import type { Breathe, Remembered } from './ports.ts'

/** Entries of a step: one tile of level 1 and all beneath it, some 20 MB while it lasts. */
export const STEP = 65_536

export interface CheckedLog {
  readonly log: string
  /** Entries; those of the head when the pass began. */
  readonly size: number
  /** Of the newest checkpoint; -1 when there is none. */
  readonly seq: number
  readonly findings: readonly Finding[]
  readonly more: number
}

export interface CheckReport {
  readonly logs: readonly CheckedLog[]
  /** Of no log. */
  readonly findings: readonly Finding[]
}

export interface CheckAllOptions {
  readonly remembered: ReadonlyMap<number, Remembered>
  readonly breathe: Breathe
  /** Only this log. */
  readonly only?: string
  readonly onProgress?: (log: string, entries: number, size: number) => void
}

/** @throws LogError `store_unavailable`, `log_not_found` is for the caller to say */
export async function checkAll(ports: CheckPorts, options: CheckAllOptions): Promise<CheckReport> {
  const looker = createLooker(ports, options.breathe)
  const logs: CheckedLog[] = []
  for (const info of await ports.scan.logs()) {
    if (options.only === undefined || options.only === info.name)
      logs.push(await checkWhole(looker, info, options))
  }
  return { logs, findings: await checkOrphans(ports.scan, options.remembered) }
}

/** A full pass over one log, from its first entry. */
export async function checkWhole(
  looker: Looker,
  info: LogInfo,
  { remembered, onProgress }: Pick<CheckAllOptions, 'remembered' | 'onProgress'>,
): Promise<CheckedLog> {
  const before = remembered.get(info.id)
  const begun = await beginFullPass(looker, info, before && { ...before, next: { entry: 0, seq: 0 } }, STEP)
  const { pass } = begun
  if (pass === undefined) return { log: info.name, size: 0, seq: -1, findings: begun.findings, more: 0 }
  const { head, newestSeq } = pass.look
  while (!pass.done) {
    const { end } = await pass.step()
    onProgress?.(info.name, end, head.size)
  }
  return { log: info.name, size: head.size, seq: newestSeq, findings: pass.findings, more: pass.more }
}

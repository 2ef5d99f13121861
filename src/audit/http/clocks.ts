// When an event happened, by three clocks: the producer's, the agent's, and the log's. The log's own is no field that we could
// back-date: it is the signed time of the first checkpoint that covers the entry, and of the last one that does not.
import type { Log, Published } from '../../log/types.ts'
import type { ReadEvent } from '../follow/read-events.ts'
import { timeFlags } from '../record/flags.ts'
import type { EventFlag } from '../record/types.ts'

export interface Clocks {
  /** As the producer says. */
  readonly time: unknown
  /** As the agent says. */
  readonly observed_time: unknown
  /** Signed time of the newest checkpoint without the entry, ISO 8601; null when the first checkpoint has it. */
  readonly logged_after: string | null
  /** Signed time of the first checkpoint with the entry. */
  readonly logged_before: string
}

export async function clocksOf(log: Log, { index, envelope }: ReadEvent): Promise<Clocks> {
  const first = await firstCovering(log, index)
  const last = first.seq === 0 ? undefined : await checkpoint(log, first.seq - 1)
  return {
    time: envelope['time'] ?? null,
    observed_time: envelope['observed_time'] ?? null,
    logged_after: last === undefined ? null : new Date(last.signedAt).toISOString(),
    logged_before: new Date(first.signedAt).toISOString(),
  }
}

/** What a receipt would say of the event, for agents that read none: derived from the clocks, so anybody comes to the same. */
export function flagsOf({ envelope }: ReadEvent, clocks: Clocks): EventFlag[] {
  const { type, signature } = envelope
  if (type === 'raw') return ['quarantined']
  if (type !== 'event' || typeof clocks.time !== 'string') return []
  const before = Date.parse(clocks.logged_before)
  const after = clocks.logged_after === null ? before : Date.parse(clocks.logged_after)
  const flags = timeFlags(clocks.time, { after, before })
  return hasFailed(signature) ? [...flags, 'signature_failed'] : flags
}

function hasFailed(signature: unknown): boolean {
  return (
    typeof signature === 'object' &&
    signature !== null &&
    'result' in signature &&
    signature.result === 'failed'
  )
}

/** Sizes grow with `seq`, which counts without gaps: some twenty look-ups among a million checkpoints. */
async function firstCovering(log: Log, index: number): Promise<Published> {
  let covering = log.published()
  let low = 0
  while (low < covering.seq) {
    const middle = await checkpoint(log, Math.floor((low + covering.seq) / 2))
    if (middle.size > index) covering = middle
    else low = middle.seq + 1
  }
  return covering
}

async function checkpoint(log: Log, seq: number): Promise<Published> {
  const [one] = await log.history(1, seq + 1)
  if (one?.seq !== seq) throw new RangeError(`checkpoint ${seq} of log ${log.info.name} is missing`)
  return one
}

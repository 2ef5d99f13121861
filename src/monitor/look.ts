// One look at a log: what it serves now, held against what was seen before and by others.
import { ClientError } from '../client/errors.ts'
import type { Head } from '../client/head.ts'
import { type Tiles, tilesOver } from '../client/tiles.ts'
import type { Transport } from '../client/transport.ts'
import type { Policy } from '../core/policy.ts'
import { checkEdge, checkGrowth, checkQuorum, compareSighting, findWith } from './judge.ts'
import { servedHead } from './served-head.ts'
import type { Sighting } from './sightings.ts'
import type { Violation } from './violation.ts'

export interface Look {
  /** What the log serves, if the log signed it. */
  readonly head: Head | undefined
  /** Empty at first: a tile that was damaged on the way must not be remembered. */
  readonly tiles: Tiles
  readonly violations: readonly Violation[]
  /** Of which the log serves too little to compare them. */
  readonly ahead: readonly Sighting[]
  /** Addresses of those whose head is of the same history. */
  readonly agreed: readonly string[]
  /** Why the look is not whole. */
  readonly failure: ClientError | undefined
}

export interface Lookout {
  readonly source: Transport
  readonly policy: Policy
  readonly remembered: Head | undefined
  /** Asked once the origin is known. */
  readonly sightings: (origin: string) => Promise<readonly Sighting[]>
}

/** Never throws what the log or the network did. */
export async function lookAt(lookout: Lookout): Promise<Look> {
  const tiles = tilesOver(lookout.source)
  const violations: Violation[] = []
  const ahead: Sighting[] = []
  const agreed: string[] = []
  let head: Head | undefined
  try {
    await findWith(violations, {}, async () => {
      head = await servedHead(lookout.source, lookout.policy, lookout.remembered)
    })
    if (head) await judge(lookout, head, { tiles, violations, ahead, agreed })
    return { head, tiles, violations, ahead, agreed, failure: undefined }
  } catch (failure) {
    if (!(failure instanceof ClientError)) throw failure
    return { head, tiles, violations, ahead, agreed, failure }
  }
}

interface Findings {
  readonly tiles: Tiles
  readonly violations: Violation[]
  readonly ahead: Sighting[]
  readonly agreed: string[]
}

async function judge(
  { policy, remembered, sightings }: Lookout,
  head: Head,
  { tiles, violations, ahead, agreed }: Findings,
): Promise<void> {
  const notes = { remembered: remembered?.note, offered: head.note }
  await findWith(violations, notes, () => checkQuorum(head, policy, notes))
  await findWith(violations, notes, async () => {
    if (remembered) await checkGrowth(remembered, head, tiles)
    await checkEdge(head, tiles)
  })
  for (const sighting of await sightings(head.checkpoint.origin)) {
    await findWith(violations, { remembered: sighting.head.note, offered: head.note }, async () => {
      const result = await compareSighting(head, tiles, sighting)
      if (result === 'ahead') ahead.push(sighting)
      else agreed.push(sighting.heldBy)
    })
  }
}

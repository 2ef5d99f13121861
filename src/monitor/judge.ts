// What can be held against a head: one check each, and each throws the violation that it finds.
import { edgeAt } from '../client/edge.ts'
import { ClientError, EvidenceError, type EvidenceErrorCode } from '../client/errors.ts'
import type { Head } from '../client/head.ts'
import type { Tiles } from '../client/tiles.ts'
import { edgeRoot } from '../core/append.ts'
import { equalBytes, toBase64 } from '../core/bytes.ts'
import { EMPTY_ROOT } from '../core/hash.ts'
import { type Policy, quorumIsMet } from '../core/policy.ts'
import { divergenceOf } from './compare.ts'
import type { Sighting } from './sightings.ts'
import { type Divergence, type Notes, Violation, type ViolationCode } from './violation.ts'

const OF_EVIDENCE: Readonly<Record<EvidenceErrorCode, ViolationCode>> = {
  heads_inconsistent: 'fork',
  head_rewound: 'rewound',
  head_missing: 'rewound',
  signature_refused: 'signature_refused',
  tile_missing: 'tile_missing',
  tile_differs: 'tile_differs',
  entry_differs: 'entry_differs',
  root_differs: 'root_differs',
}

/** Runs a check; what it finds is added to `found`. @throws ClientError when the check could not be made */
export async function findWith(
  found: Violation[],
  notes: Notes,
  check: () => Promise<void> | void,
): Promise<void> {
  try {
    await check()
  } catch (error) {
    if (error instanceof Violation) found.push(error)
    else if (error instanceof EvidenceError) {
      found.push(new Violation(OF_EVIDENCE[error.code], error.message, { notes, cause: error }))
    } else if (error instanceof ClientError && error.code === 'bad_answer') {
      // An answer that is longer than any tile can be.
      found.push(new Violation('tile_differs', error.message, { notes, cause: error }))
    } else throw error
  }
}

/** @throws Violation `quorum_missed` */
export function checkQuorum({ checkpoint, cosigners, note }: Head, policy: Policy, notes: Notes): void {
  const names = cosigners.map(({ name }) => name)
  if (quorumIsMet(policy, new Set(names))) return
  const by = names.length === 0 ? 'no witness' : names.join(', ')
  const message = `size ${checkpoint.size} was cosigned by ${by}, which does not satisfy the quorum "${policy.quorum}"`
  throw new Violation('quorum_missed', message, { notes: { ...notes, offered: note } })
}

/** That the newest tiles lead to the signed root. @throws Violation `root_differs`; EvidenceError as Tiles.tile */
export async function checkEdge({ checkpoint: { size, root }, note }: Head, tiles: Tiles): Promise<void> {
  const computed = size === 0 ? EMPTY_ROOT : edgeRoot(await edgeAt(tiles, size))
  if (equalBytes(computed, root)) return
  const message = `the tiles at size ${size} give the root ${toBase64(computed)}, the checkpoint says ${toBase64(root)}`
  throw new Violation('root_differs', message, { notes: { offered: note } })
}

/** @throws Violation `rewound`, `fork`; as divergenceOf */
export async function checkGrowth(remembered: Head, head: Head, tiles: Tiles): Promise<void> {
  const [from, to] = [remembered.checkpoint, head.checkpoint]
  const notes = { remembered: remembered.note, offered: head.note }
  if (to.size < from.size) {
    const message = `the log serves size ${to.size}, after size ${from.size}: entries were taken back, or an old copy is served`
    throw new Violation('rewound', message, { notes })
  }
  const divergence = await divergenceOf(from, to, tiles)
  if (divergence === undefined) return
  const message = `the log signed two histories: its tree of size ${to.size} does not continue the one of size ${from.size} that it showed before`
  throw new Violation('fork', message, { notes, divergence })
}

/**
 * Whether the head that is served here and one that was seen elsewhere are of one history; `ahead` when the log serves too
 * little to tell.
 * @throws Violation `split_view`; as divergenceOf when the log's own tiles fail
 */
export async function compareSighting(
  head: Head,
  tiles: Tiles,
  { heldBy, head: seen, tiles: copy }: Sighting,
): Promise<'agrees' | 'ahead'> {
  const [here, there] = [head.checkpoint, seen.checkpoint]
  if (there.size > here.size) {
    if (copy === undefined) return 'ahead'
    const divergence = await divergenceOf(here, there, copy).catch(undecided)
    if (divergence === undefined) return 'agrees'
    if (divergence === 'undecided') return 'ahead'
    throw splitView(head, seen, heldBy, divergence)
  }
  const divergence = await divergenceOf(there, here, tiles)
  if (divergence === undefined) return 'agrees'
  throw splitView(head, seen, heldBy, divergence)
}

/** Of a copy that does not show what it has: that is no fault of the log. */
function undecided(error: unknown): 'undecided' {
  if (error instanceof EvidenceError || error instanceof ClientError) return 'undecided'
  throw error
}

function splitView(head: Head, seen: Head, heldBy: string, divergence: Divergence): Violation {
  const message = `the log signed two histories: size ${head.checkpoint.size} as it is served here, and size ${seen.checkpoint.size} as ${heldBy} has seen it`
  const notes = { remembered: seen.note, offered: head.note }
  return new Violation('split_view', message, { notes, divergence, heldBy })
}

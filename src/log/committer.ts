// One batch becomes entries, tiles and a new head. Remembers the right edge between batches, so that a process that is alone
// reads nothing back.
import { appendLeaves, type Edge, edgeRoot, type FullTile } from '../core/append.ts'
import { equalBytes } from '../core/bytes.ts'
import { HASH_SIZE } from '../core/hash.ts'
import { assignIndexes, type Assignment } from './assign.ts'
import { checkedEdge } from './checked-edge.ts'
import type { LogStore, SequenceTransaction, SidecarRow } from './ports.ts'
import type { LogInfo, Sidecars } from './types.ts'

/**
 * Batches below both are tried in one statement first: one round trip instead of eight, each of which costs a turn of a busy
 * event loop. Above, COPY wins: it takes a third of the CPU.
 */
const SMALL_ENTRIES = 512
const SMALL_BYTES = 262_144
/** Bytes of leaf hashes added between two breaths: half a millisecond of hashing. */
const SLICE = 1024 * HASH_SIZE

export interface Committer {
  /**
   * Commits entries in order, all or none.
   * @param leafHashes of the entries, concatenated
   * @param onBusy called when the database has work for a while; not at all if there is nothing to store
   * @throws LogError `store_unavailable`, `outcome_unknown`, `log_damaged`
   */
  commit(
    entries: readonly Uint8Array[],
    leafHashes: Uint8Array,
    sidecars: Sidecars | undefined,
    onBusy: () => void,
  ): Promise<Assignment>
}

export function createCommitter(log: LogInfo, store: LogStore): Committer {
  // The right edge as this process left it. Other processes may have moved on: it counts only while the head is still there.
  let edge: Edge | undefined

  return {
    async commit(entries, leafHashes, sidecars, onBusy) {
      const known = edge
      edge = undefined // until a commit is known to have happened
      const done =
        (known &&
          sidecars === undefined &&
          isSmall(entries) &&
          (await commitSmall(log, store, known, entries, leafHashes, onBusy))) ||
        (await store.sequence(log.id, (tx) =>
          extend(log, tx, known, { entries, leafHashes, sidecars }, onBusy),
        ))
      edge = done.edge
      return done.assignment
    },
  }
}

interface Batch {
  readonly entries: readonly Uint8Array[]
  readonly leafHashes: Uint8Array
  readonly sidecars: Sidecars | undefined
}

interface Done {
  readonly assignment: Assignment
  /** The right edge after it. */
  readonly edge: Edge
}

function isSmall(entries: readonly Uint8Array[]): boolean {
  return (
    entries.length <= SMALL_ENTRIES && entries.reduce((sum, entry) => sum + entry.length, 0) <= SMALL_BYTES
  )
}

/** One statement, if the head is where we left it and nothing is a duplicate; otherwise undefined. */
async function commitSmall(
  log: LogInfo,
  store: LogStore,
  known: Edge,
  entries: readonly Uint8Array[],
  leafHashes: Uint8Array,
  onBusy: () => void,
): Promise<Done | undefined> {
  const assignment = assignIndexes(known.size, entries, leafHashes, log.dedup ? [] : undefined)
  const { edge, tiles, root } = appendLeaves(known, assignment.fresh.leafHashes)
  // The driver writes at the next immediate but one at the latest.
  setImmediate(() => setImmediate(onBusy))
  const moved = await store.appendIfAt(log.id, {
    fresh: assignment.fresh,
    tiles,
    from: { size: known.size, root: edgeRoot(known) },
    to: { size: edge.size, root },
    dedup: log.dedup,
  })
  return moved ? { assignment, edge } : undefined
}

async function extend(
  log: LogInfo,
  tx: SequenceTransaction,
  known: Edge | undefined,
  { entries, leafHashes, sidecars }: Batch,
  onBusy: () => void,
): Promise<Done> {
  const edge = await edgeAt(log, tx, known)
  const found = log.dedup ? await tx.find(leafHashes) : undefined
  const assignment = assignIndexes(tx.head.size, entries, leafHashes, found)
  if (assignment.fresh.entries.length === 0) return { assignment, edge }
  // Postgres takes the rows in while we compute the tree over them. Awaited together: a failed COPY that nobody waits for
  // yet would be an unhandled rejection, and end the process.
  const [next] = await Promise.all([
    appendInSlices(edge, assignment.fresh.leafHashes),
    tx.putEntries(assignment.fresh, onBusy),
  ])
  await tx.putTiles(next.tiles)
  if (sidecars !== undefined) await tx.putSidecars(sidecarRows(assignment, sidecars))
  await tx.moveHead({ size: next.edge.size, root: edgeRoot(next.edge) })
  return { assignment, edge: next.edge }
}

/** Of the entries that are new: beside a duplicate stands what came with the first one. */
function sidecarRows({ appended }: Assignment, sidecars: Sidecars): SidecarRow[] {
  return appended.flatMap(({ index, duplicate }, i) =>
    duplicate ? [] : (sidecars[i] ?? []).map((sidecar) => ({ index, sidecar })),
  )
}

async function edgeAt(log: LogInfo, tx: SequenceTransaction, known: Edge | undefined): Promise<Edge> {
  if (known?.size === tx.head.size && equalBytes(edgeRoot(known), tx.head.root)) return known
  return checkedEdge(log, tx.head, await tx.edgeTiles())
}

/** appendLeaves with a breath after every slice, so that rows keep flowing to the database meanwhile. */
async function appendInSlices(
  edge: Edge,
  leafHashes: Uint8Array,
): Promise<{ edge: Edge; tiles: FullTile[] }> {
  const tiles: FullTile[] = []
  let next = edge
  for (let at = 0; at < leafHashes.length; at += SLICE) {
    await new Promise(setImmediate)
    const grown = appendLeaves(next, leafHashes.subarray(at, at + SLICE))
    next = grown.edge
    tiles.push(...grown.tiles)
  }
  return { edge: next, tiles }
}

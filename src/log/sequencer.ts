// The way in: batches from the pool become entries, tiles and a new head, one transaction each.
import { appendLeaves, type Edge, edgeRoot, type FullTile } from '../core/append.ts'
import { concat, equalBytes } from '../core/bytes.ts'
import { HASH_SIZE } from '../core/hash.ts'
import { assignIndexes, type Assignment } from './assign.ts'
import { checkedEdge } from './checked-edge.ts'
import type { Observer } from './observer.ts'
import type { Pool, Submission } from './pool.ts'
import type { LogStore, SequenceTransaction } from './ports.ts'
import type { LogInfo } from './types.ts'

/** Batches below both are tried in one statement first: one round trip instead of eight, which is what a lone client feels. */
const SMALL_ENTRIES = 16
const SMALL_BYTES = 16_384
/** Bytes of leaf hashes added between two breaths: half a millisecond of hashing. */
const SLICE = 1024 * HASH_SIZE

export interface Sequencer {
  /** Commits until the pool is empty. Does nothing when it is already at it. */
  kick(): void
}

export function createSequencer(log: LogInfo, pool: Pool, store: LogStore, observer: Observer): Sequencer {
  // The right edge as this process left it. Other processes may have moved on: it counts only while the head is still there.
  let edge: Edge | undefined
  let running = false

  async function run(): Promise<void> {
    for (let batch = pool.take(); batch.length > 0; batch = pool.take()) {
      const started = performance.now()
      try {
        const assignment = await commit(batch)
        settle(batch, assignment)
        observer.batch(log.name, assignment.fresh.entries.length, (performance.now() - started) / 1000)
        observer.head(log.name, edge?.size ?? 0)
      } catch (error) {
        edge = undefined
        for (const { reject } of batch) reject(error)
      } finally {
        pool.done(batch)
        observer.waiting(log.name, pool.waiting)
      }
    }
  }

  async function commit(batch: readonly Submission[]): Promise<Assignment> {
    const entries = batch.flatMap((submission) => submission.entries)
    const leafHashes =
      batch.length === 1 && batch[0]
        ? batch[0].leafHashes
        : concat(...batch.map((submission) => submission.leafHashes))
    const bytes = batch.reduce((sum, submission) => sum + submission.bytes, 0)
    if (edge !== undefined && entries.length <= SMALL_ENTRIES && bytes <= SMALL_BYTES) {
      const assignment = await commitSmall(edge, entries, leafHashes)
      if (assignment !== undefined) return assignment
    }
    return store.sequence(log.id, (tx) => extend(tx, entries, leafHashes))
  }

  /** One statement, if the head is where we left it, nothing is a duplicate and no tile is completed. */
  async function commitSmall(
    known: Edge,
    entries: Uint8Array[],
    leafHashes: Uint8Array,
  ): Promise<Assignment | undefined> {
    const assignment = assignIndexes(known.size, entries, leafHashes, log.dedup ? [] : undefined)
    const next = appendLeaves(known, assignment.fresh.leafHashes)
    if (next.tiles.length > 0) return undefined
    const from = { size: known.size, root: edgeRoot(known) }
    const to = { size: next.edge.size, root: next.root }
    if (!(await store.appendIfAt(log.id, assignment.fresh, from, to, log.dedup))) return undefined
    edge = next.edge
    return assignment
  }

  async function extend(
    tx: SequenceTransaction,
    entries: Uint8Array[],
    leafHashes: Uint8Array,
  ): Promise<Assignment> {
    const known = await edgeAt(tx)
    edge = undefined // until the commit is known to have happened
    const assignment = assignIndexes(
      tx.head.size,
      entries,
      leafHashes,
      log.dedup ? await tx.find(leafHashes) : undefined,
    )
    if (assignment.fresh.entries.length === 0) {
      edge = known
      return assignment
    }
    // Postgres takes the rows in while we compute the tree over them. Awaited together: a failed COPY that nobody waits for
    // yet would be an unhandled rejection, and end the process.
    const [next] = await Promise.all([
      appendInSlices(known, assignment.fresh.leafHashes),
      tx.putEntries(assignment.fresh),
    ])
    await tx.putTiles(next.tiles)
    await tx.moveHead({ size: next.edge.size, root: edgeRoot(next.edge) })
    edge = next.edge
    return assignment
  }

  async function edgeAt(tx: SequenceTransaction): Promise<Edge> {
    if (edge !== undefined && edge.size === tx.head.size && equalBytes(edgeRoot(edge), tx.head.root))
      return edge
    return checkedEdge(log, tx.head, await tx.edgeTiles())
  }

  return {
    kick() {
      if (running) return
      running = true
      void run().finally(() => {
        running = false
        // What came in between the last take and here would otherwise wait for the next caller.
        if (pool.waiting > 0) this.kick()
      })
    },
  }
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

function settle(batch: readonly Submission[], { appended }: Assignment): void {
  let at = 0
  for (const { entries, resolve } of batch) {
    resolve(appended.slice(at, at + entries.length))
    at += entries.length
  }
}

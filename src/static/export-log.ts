// Writes a log as static files (https://c2sp.org/tlog-tiles), from where the last export ended. Every entry is proved to be in
// the tree of the signed checkpoint, every tile is derived from the entries, and the checkpoint comes last: whatever
// happens in between, all that the checkpoint that is there implies is there too.
import { fetchCheckpoint } from '../client/connect.ts'
import { EvidenceError } from '../client/errors.ts'
import { headsError } from '../client/head.ts'
import { inOrder } from '../client/in-order.ts'
import { type Tiles, tilesOver } from '../client/tiles.ts'
import type { Transport } from '../client/transport.ts'
import { appendLeaves, type Edge, edgeRoot, EMPTY_EDGE } from '../core/append.ts'
import { encodeBundle } from '../core/bundle.ts'
import { equalBytes, toBase64 } from '../core/bytes.ts'
import { type CheckedCheckpoint, checkPolicy } from '../core/check-policy.ts'
import type { Checkpoint } from '../core/checkpoint.ts'
import { HASH_SIZE } from '../core/hash.ts'
import type { Policy } from '../core/policy.ts'
import { bundlePath, partialWidth, TILE_WIDTH, tilePath } from '../core/tile.ts'
import { type Held, readHeld } from './held.ts'
import { type ProvenBatch, provenBatches } from './proven-batches.ts'
import type { StaticTarget } from './target.ts'

export interface ExportOptions {
  readonly source: Transport
  readonly target: StaticTarget
  /** Whom to believe that this is the log. */
  readonly policy: Policy
  /** Entries exported so far, of how many. */
  readonly onProgress?: (done: number, total: number) => void
}

export interface Exported {
  readonly head: CheckedCheckpoint
  /** Size of the copy before. */
  readonly from: number
  /** False when the copy had this checkpoint already. */
  readonly changed: boolean
}

interface StaticFile {
  readonly path: string
  readonly bytes: Uint8Array
}

const WRITES_UNDER_WAY = 16

/**
 * @throws EvidenceError when the source contradicts its checkpoint or the copy's, or the copy its own; errors of checkPolicy
 * for either checkpoint; ClientError; S3Error
 */
export async function exportLog(options: ExportOptions): Promise<Exported> {
  const { source, target, policy, onProgress = () => {} } = options
  const note = await fetchCheckpoint(source)
  const head = checkPolicy(note, policy)
  const { size } = head.checkpoint
  const held = await readHeld(target.source, policy)
  if (held) checkCanFollow(held, head.checkpoint, note, target.name)
  const from = held?.checkpoint.size ?? 0
  if (held && equalBytes(held.note, note)) return { head, from, changed: false }
  if (size > from) {
    const files = filesOf(tilesOver(source), head.checkpoint, note, held, onProgress)
    await writeAll(target, files)
  }
  await target.publish(note)
  return { head, from, changed: true }
}

/** Nothing is being written any more when it ends, well or not. */
async function writeAll(target: StaticTarget, files: AsyncIterable<StaticFile>): Promise<void> {
  const writes = new Set<Promise<void>>()
  const write = ({ path, bytes }: StaticFile): Promise<void> => {
    const writing = target.write(path, bytes).finally(() => writes.delete(writing))
    writes.add(writing)
    return writing
  }
  try {
    const written = inOrder(files, WRITES_UNDER_WAY, write)
    while (!(await written.next()).done);
  } finally {
    await Promise.allSettled(writes)
  }
}

/** What needs no tree to be seen. @throws EvidenceError */
function checkCanFollow(held: Held, offered: Checkpoint, note: Uint8Array, target: string): void {
  const { origin, size, root } = held.checkpoint
  const notes = { remembered: held.note, offered: note }
  if (origin !== offered.origin) {
    throw headsError('heads_inconsistent', `${target} holds ${origin}, not ${offered.origin}`, notes)
  }
  if (size > offered.size) {
    const message = `the source offers size ${offered.size}, but ${target} holds size ${size}: entries were taken back, or the source is an old copy`
    throw headsError('head_rewound', message, notes)
  }
  if (size === offered.size && !equalBytes(root, offered.root)) {
    throw headsError('heads_inconsistent', `two different trees of size ${size} were signed`, notes)
  }
}

/** Bundles and tiles that the copy lacks, those of the right edge last. */
async function* filesOf(
  tiles: Tiles,
  head: Checkpoint,
  note: Uint8Array,
  held: Held | undefined,
  onProgress: (done: number, total: number) => void,
): AsyncGenerator<StaticFile, void, undefined> {
  let edge = held?.edge ?? EMPTY_EDGE
  for await (const batch of provenBatches(tiles, head, edge.size, 1)) {
    if (held) checkPasses(held, edge, batch, note)
    const { start, entries, leafHashes } = batch
    yield { path: bundlePath(start / TILE_WIDTH, entries.length), bytes: encodeBundle(entries) }
    const grown = appendLeaves(edge, leafHashes)
    for (const { level, index, hashes } of grown.tiles) {
      yield { path: tilePath({ level, index, width: TILE_WIDTH }), bytes: hashes }
    }
    edge = grown.edge
    onProgress(edge.size, head.size)
  }
  if (!equalBytes(edgeRoot(edge), head.root)) {
    const message = `the entries give the root ${toBase64(edgeRoot(edge))} at size ${head.size}, the checkpoint says ${toBase64(head.root)}`
    if (held) throw headsError('heads_inconsistent', message, { remembered: held.note, offered: note })
    throw new EvidenceError('root_differs', message, { size: head.size })
  }
  for (const [level, hashes] of edge.tiles.entries()) {
    const width = partialWidth(level, head.size)
    const index = Math.floor(head.size / TILE_WIDTH ** (level + 1))
    if (width > 0) yield { path: tilePath({ level, index, width }), bytes: hashes }
  }
}

/** Where the tree passes the size that the copy had, it has the root that the copy had. @throws EvidenceError */
function checkPasses(
  held: Held,
  edge: Edge,
  { start, entries, leafHashes }: ProvenBatch,
  note: Uint8Array,
): void {
  const { size, root } = held.checkpoint
  if (size <= start || size > start + entries.length) return
  const then = appendLeaves(edge, leafHashes.subarray(0, (size - start) * HASH_SIZE)).root
  if (equalBytes(then, root)) return
  const message = `the source no longer has the tree of size ${size} that was copied: it signed another history`
  throw headsError('heads_inconsistent', message, { remembered: held.note, offered: note })
}

// Uploads of entries, https://c2sp.org/tlog-mirror "add-entries": package after package is proven to be part of a checkpoint of
// the log and stored; whoever brings the last one gets the mirror's signature. Any number of uploads may overlap: each stores
// what is missing, and all of them the same entries, since all are proven by checkpoints of one history.
import { appendLeaves, edgeRoot, EMPTY_EDGE } from '../core/append.ts'
import { concat } from '../core/bytes.ts'
import { FormatError, ProofError, SignatureError } from '../core/errors.ts'
import { type Hash, hashLeaf } from '../core/hash.ts'
import type { NoteSignature } from '../core/note.ts'
import { checkSubtree } from '../core/verify.ts'
import { extendLog } from '../log/extend-log.ts'
import type { LogStore } from '../log/ports.ts'
import type { Published } from '../log/types.ts'
import type { ByteReader } from './byte-reader.ts'
import { checkpointOf, type Copy } from './copy.ts'
import { MirrorError } from './errors.ts'
import type { Pending, PendingStore } from './pending-store.ts'
import { type EntryPackage, readHeader, readPackage } from './read-request.ts'
import { openTicket, sealTicket, type TicketKey } from './ticket.ts'
import { type MirrorInfo, type PackageRange, packageRanges, type UploadHeader } from './wire.ts'

export interface AddEntriesPorts {
  readonly store: LogStore
  readonly pending: PendingStore
  readonly ticketKey: TicketKey
  /** The copy of the log of this origin, if there is one. */
  readonly copy: (origin: string) => Promise<Copy | undefined>
  /** See signCopy; one at a time for a log. */
  readonly sign: (copy: Copy, checkpoint: Pending) => Promise<readonly NoteSignature[] | undefined>
}

/** `partial` is a 202, `conflict` a 409. */
export type AddEntriesOutcome =
  | { readonly kind: 'complete'; readonly signatures: readonly NoteSignature[] }
  | { readonly kind: 'partial' | 'conflict'; readonly info: MirrorInfo }

/** How far below the next entry an upload may begin: what is stored already is not hashed again and again. */
const MAX_EXCESS = 2048
/** Proven entries that are stored in one transaction: as many as come first. */
const BATCH_ENTRIES = 2048
const BATCH_BYTES = 2 ** 20

/**
 * @param onBytes told how much memory the upload takes; may throw
 * @throws MirrorError `invalid_request`, `unknown_log`, `nothing_pending`, `proof_refused`: what was proven before stays
 * @throws LogError `store_unavailable`, `outcome_unknown`, `log_damaged`, `log_contradicted`, `log_halted`
 */
export async function addEntries(
  body: ByteReader,
  ports: AddEntriesPorts,
  onBytes: (bytes: number) => void,
): Promise<AddEntriesOutcome> {
  const header = await readHeader(body)
  const copy = await ports.copy(header.origin)
  if (copy === undefined) throw new MirrorError('unknown_log', 'This mirror copies no log of this origin.')
  const state = await stateOf(copy, ports)
  const checkpoint = knownCheckpoint(copy, header, state, ports.ticketKey)
  if (checkpoint === undefined) return { kind: 'conflict', info: infoOf(copy, undefined, state, ports) }
  const excess = Math.min(header.end, state.next) - header.start
  if (header.start > state.next || excess > MAX_EXCESS)
    return { kind: 'conflict', info: infoOf(copy, checkpoint, state, ports) }

  const complete = await storePackages(body, copy, header, checkpoint, ports, onBytes)
  const signatures = complete ? await ports.sign(copy, checkpoint) : undefined
  if (signatures !== undefined) return { kind: 'complete', signatures }
  const info = infoOf(copy, complete ? undefined : checkpoint, await stateOf(copy, ports), ports)
  return { kind: complete ? 'conflict' : 'partial', info }
}

interface State {
  readonly mirrored: Published | undefined
  /** First entry that is missing. */
  readonly next: number
  readonly pending: Pending
}

/** Read in this order, so that each is at least as new as the one before. @throws MirrorError `nothing_pending` */
async function stateOf({ info }: Copy, { store, pending }: AddEntriesPorts): Promise<State> {
  const mirrored = await store.published(info.id)
  const { size: next } = await store.head(info.id)
  const newest = await pending.read(info.id)
  if (newest === undefined)
    throw new MirrorError(
      'nothing_pending',
      'No checkpoint of this log was brought yet: use add-checkpoint first.',
    )
  return { mirrored, next, pending: newest }
}

/** The checkpoint that the upload ends at, if it is one that was pending. */
function knownCheckpoint(
  copy: Copy,
  { origin, end, ticket }: UploadHeader,
  { mirrored, pending }: State,
  key: TicketKey,
): Pending | undefined {
  if (end < (mirrored?.size ?? 0)) return undefined
  if (end === pending.size) return pending
  if (mirrored !== undefined && end === mirrored.size) return checkpointOf(copy, mirrored.note)
  const sealed = openTicket(key, origin, ticket)
  const kept = sealed === undefined ? undefined : stillSigned(copy, sealed)
  return kept?.size === end ? kept : undefined
}

/** A ticket is ours, but the log's keys may have changed since. */
function stillSigned(copy: Copy, note: Uint8Array): Pending | undefined {
  try {
    return checkpointOf(copy, note)
  } catch (error) {
    if (error instanceof SignatureError || error instanceof FormatError) return undefined
    throw error
  }
}

/** Keeps to the checkpoint of the upload while entries of it are missing: the client has its proofs. */
function infoOf(
  { info }: Copy,
  checkpoint: Pending | undefined,
  { next, pending }: State,
  { ticketKey }: AddEntriesPorts,
): MirrorInfo {
  const { size, note } = checkpoint !== undefined && next <= checkpoint.size ? checkpoint : pending
  return { size, next, ticket: sealTicket(ticketKey, info.origin, note) }
}

/**
 * Whether all packages came. Those that were proven are stored when this returns or throws.
 * @throws MirrorError `invalid_request` when not even the first package came, `proof_refused`
 */
async function storePackages(
  body: ByteReader,
  copy: Copy,
  header: UploadHeader,
  checkpoint: Pending,
  { store }: AddEntriesPorts,
  onBytes: (bytes: number) => void,
): Promise<boolean> {
  const batch = batchFrom(store, copy, header.start)
  const report = (bytes: number): void => onBytes(batch.bytes() + bytes)
  try {
    for (const range of packageRanges(header)) {
      const { start, end } = range.entries
      const sent = await readPackage(body, end - start, report)
      if (sent === undefined) {
        if (start > header.start) return false
        throw new MirrorError('invalid_request', 'The body ends before the end of the first package.')
      }
      // Entries below the first one are stored already: of those only the hashes are needed.
      const before = range.subtree.start < start ? await hashesBefore(store, copy, range) : undefined
      checkPackage(range, before, sent, checkpoint)
      await batch.add(sent.entries)
    }
    return true
  } finally {
    await batch.flush()
  }
}

function batchFrom(store: LogStore, { info }: Copy, start: number) {
  let from = start
  let entries: Uint8Array[] = []
  let bytes = 0
  async function flush(): Promise<void> {
    const proven = entries
    entries = []
    bytes = 0
    if (proven.length > 0) await extendLog(store, info.id, from, proven)
    from += proven.length
  }
  return {
    bytes: () => bytes,
    flush,
    async add(more: readonly Uint8Array[]): Promise<void> {
      entries.push(...more)
      bytes += more.reduce((sum, entry) => sum + entry.length, 0)
      if (entries.length >= BATCH_ENTRIES || bytes >= BATCH_BYTES) await flush()
    },
  }
}

/** Leaf hashes from the start of the package's tile to its first entry. */
async function hashesBefore(
  store: LogStore,
  { info }: Copy,
  { entries, subtree }: PackageRange,
): Promise<Uint8Array> {
  const width = entries.start - subtree.start
  const [hashes] = await store.tiles(info.id, [{ level: 0, index: subtree.start / 256, width }])
  if (hashes === undefined) throw new RangeError('store returned no tile')
  return hashes
}

/** @throws MirrorError `proof_refused` */
function checkPackage(
  { subtree: { start, end } }: PackageRange,
  before: Uint8Array | undefined,
  { entries, proof }: EntryPackage,
  { size, root }: Pending,
): void {
  try {
    checkSubtree(start, end, size, subtreeRoot(before, entries), proof, root)
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause
    throw new MirrorError(
      'proof_refused',
      `Entries ${start} to ${end} are not proven to be in the checkpoint of size ${size}: ${cause.message}`,
      {},
      { cause },
    )
  }
}

/** The hash of up to 256 leaves from a multiple of 256 on: the same wherever they are. */
function subtreeRoot(before: Uint8Array | undefined, entries: readonly Uint8Array[]): Hash {
  const leaves = concat(...(before === undefined ? [] : [before]), ...entries.map(hashLeaf))
  return edgeRoot(appendLeaves(EMPTY_EDGE, leaves).edge)
}

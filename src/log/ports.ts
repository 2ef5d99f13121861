// What the engine asks of the world. Each port belongs here; src/store and src/files implement them.
import type { FullTile } from '../core/append.ts'
import type { Hash } from '../core/hash.ts'
import type { NoteSignature } from '../core/note.ts'
import type { Signer } from '../core/signer.ts'
import type { Head, LogChange, LogInfo, Published, Sidecar } from './types.ts'

/** What a log is created from. */
export interface NewLog {
  readonly name: string
  readonly origin: string
  readonly public: boolean
  readonly dedup: boolean
  readonly vkeys: readonly string[]
  /** See LogInfo.mirrored; false unless said. */
  readonly mirrored?: boolean
  /** The log that it continues, which gets it as its successor in the same step. */
  readonly predecessor?: LogInfo
}

/** Entries of one batch that are new to the log, in the order of their indexes. */
export interface FreshEntries {
  readonly entries: readonly Uint8Array[]
  /** `entries.length` leaf hashes of 32 bytes, concatenated. */
  readonly leafHashes: Uint8Array
}

/** Something stored beside the entry at `index`, which the engine knows nothing of. */
export interface SidecarRow {
  readonly index: number
  readonly sidecar: Sidecar
}

/** What goes in if the head is still `from`. */
export interface SmallBatch {
  readonly fresh: FreshEntries
  /** Tiles that it completes. */
  readonly tiles: readonly FullTile[]
  readonly from: Head
  readonly to: Head
  /** Refuse if the log holds any of the entries already. */
  readonly dedup: boolean
}

/** A coordinate and width (1 to 256) of a hash tile. */
export interface TileCoordinate {
  readonly level: number
  readonly index: number
  readonly width: number
}

/** One transaction that extends a log. */
export interface SequenceTransaction {
  /** The head, locked until the transaction ends. */
  readonly head: Head
  /**
   * For each leaf hash the first index that holds it among the newest 2^23 entries, or undefined.
   * MUST see everything committed below `head.size`.
   */
  find(leafHashes: Uint8Array): Promise<(number | undefined)[]>
  /** The partial tile of each level at `head.size`, level 0 first (see core/append.ts Edge). */
  edgeTiles(): Promise<Uint8Array[]>
  /**
   * Streams the entries in; MAY be awaited while the caller computes. Indexes start at `head.size`.
   * @param onSent called once they are on their way
   */
  putEntries(fresh: FreshEntries, onSent?: () => void): Promise<void>
  putTiles(tiles: readonly FullTile[]): Promise<void>
  /** MUST commit or fail together with the entries. */
  putSidecars(rows: readonly SidecarRow[]): Promise<void>
  /** MUST fail unless the stored size is still `head.size`, in the statement that writes. */
  moveHead(next: Head): Promise<void>
}

/**
 * The log on a database. Everything but the head is insert-only.
 * Every method fails with LogError `store_unavailable` when the database cannot be reached and nothing was stored, and with
 * `outcome_unknown` when it was lost while committing.
 */
export interface LogStore {
  logs(): Promise<LogInfo[]>
  /** Inserts the log and its empty head. @throws LogError `log_exists`; `log_changed` when the predecessor is not as given */
  createLog(log: NewLog): Promise<LogInfo>
  /**
   * Changes a log, all or nothing, durably. MUST fail unless the log's revision still is that of `log`. Once a log is `frozen`
   * its head MUST NOT move, whichever process tries.
   * @throws LogError `log_changed`
   */
  change(log: LogInfo, changes: readonly LogChange[]): Promise<void>
  /** How many changes there were in all logs together: cheap enough to poll. */
  changeCount(): Promise<number>

  /**
   * Runs `work` holding the head's lock: one at a time for a log, across all processes. MUST commit entries, tiles and head
   * together or nothing, and be durable when it resolves.
   * @throws LogError `log_frozen`
   */
  sequence<T>(logId: number, work: (tx: SequenceTransaction) => Promise<T>): Promise<T>
  /**
   * The same for a small batch whose outcome is computed already, in one round trip: stores it and moves the head if that
   * still is `from` and, with `dedup`, none of the entries is in the log yet. Resolves to false, having changed nothing,
   * otherwise.
   */
  appendIfAt(logId: number, batch: SmallBatch): Promise<boolean>

  head(logId: number): Promise<Head>
  /** Hash tiles at any width that the committed tree has, in the order asked, in one round trip where possible. @throws LogError `log_damaged` if any is missing */
  tiles(logId: number, tiles: readonly TileCoordinate[]): Promise<Uint8Array[]>
  /** Partial tiles of the tree of `size`, level 0 first. */
  edgeTiles(logId: number, size: number): Promise<Uint8Array[]>
  /** Entries `start` to `end` (exclusive). @throws LogError `log_damaged` if any is missing */
  entries(logId: number, start: number, end: number): Promise<Uint8Array[]>
  /** Entries at `indexes`, in their order. @throws LogError `log_damaged` if any is missing */
  entriesAt(logId: number, indexes: readonly number[]): Promise<Uint8Array[]>
  /** First index below `size` of a leaf hash, over the whole log. */
  indexOf(logId: number, leafHash: Hash, size: number): Promise<number | undefined>

  /** Newest published checkpoint. */
  published(logId: number): Promise<Published | undefined>
  /** Published checkpoints with seq < `beforeSeq`, newest first. */
  history(logId: number, limit: number, beforeSeq: number): Promise<Published[]>
  /** Ids of logs whose head is beyond their newest checkpoint, or whose newest checkpoint was signed before `signedBefore` (POSIX ms) unless frozen. */
  due(signedBefore: number): Promise<number[]>
  /** Newest checkpoint of every log, and how many cosignatures were added to it later: cheap enough to poll. */
  publishedPositions(): Promise<{ logId: number; seq: number; late: number }[]>

  /**
   * Makes this process the only publisher of the log, for as long as the connection that holds the lock lives.
   * Resolves to false when another process is it. What is written by `publish` is fenced on its own.
   */
  lead(logId: number): Promise<boolean>
  /** Lets another process lead; for one that leads and cannot publish. Harmless for one that does not lead. */
  unlead(logId: number): Promise<void>
  /** Records the head that is about to be signed and returns the root recorded for that size: the first one, for ever. */
  intend(logId: number, head: Head): Promise<Hash>
  /** MUST fail, resolving to false, when `next.seq` exists already. Durable when it resolves to true. */
  publish(logId: number, next: Published): Promise<boolean>
  /**
   * Adds cosignatures to a published checkpoint: from now on its note ends in their lines. Those of keys (name and key ID)
   * that were added before are skipped. Durable on return. The caller has verified them, and the note has none of their keys.
   */
  addCosignatures(logId: number, seq: number, signatures: readonly NoteSignature[]): Promise<void>
  /** Calls back when a process published or added cosignatures. Best effort: callers poll as well. */
  onPublished(callback: (logId: number) => void): Promise<() => Promise<void>>
}

/** The last head this service signed for an origin, kept outside the database. */
export interface Guard {
  /**
   * @throws LogError `log_halted` after `halt`, with the reason, or when what is stored cannot be understood; never answers
   * undefined for damage
   */
  read(origin: string): Promise<Guarded | undefined>
  /**
   * Compare-and-swap: MUST fail unless the stored head is still `from`; MUST be durable on return.
   * @throws LogError `guard_moved`
   */
  move(origin: string, from: Guarded | undefined, to: Guarded): Promise<void>
  /**
   * An alarm: from now on nothing is signed, by any process, until an operator clears it. `read` and `move` MUST throw
   * `log_halted` then. MUST be durable on return; of several reasons the first stays.
   */
  halt(origin: string, reason: string): Promise<void>
}

export interface Guarded extends Head {
  /** The signed note, so that evidence survives the database. */
  readonly note: Uint8Array
  /**
   * Of a guard kept at several places: older heads (undefined: none) at those that an interrupted move did not reach. What is
   * signed next must extend these too.
   */
  readonly behind?: readonly (Guarded | undefined)[]
}

/** The private keys, wherever they are. Every method fails with LogError `log_halted` for keys that cannot be used. */
export interface KeyRing {
  /** One for each of `log.signing`, in that order; none when this process does not hold its keys. @throws when only some are there */
  signers(log: LogInfo): Promise<readonly Signer[]>
  /**
   * The keys of a new log, at least one of Ed25519: made and kept, unless there are some for it already. MUST NOT overwrite.
   * Durable on return.
   * @throws LogError `log_exists`
   */
  create(name: string, origin: string): Promise<readonly Signer[]>
  /**
   * Keys that shall sign as well, at least one of Ed25519: made and kept beside the others, unless there are some already
   * that `log.vkeys` does not name. Durable on return, so that no key is announced that could be lost.
   * @throws LogError `keys_elsewhere`, `state_conflict` when they have to be made somewhere else
   */
  add(log: LogInfo): Promise<readonly Signer[]>
}

/** POSIX milliseconds. */
export type Clock = () => number

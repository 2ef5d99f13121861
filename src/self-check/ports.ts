// What the self-check asks of the world. src/store reads the tables; src/check-memory.ts remembers.
import type { Head, LogInfo, Published } from '../log/types.ts'

/** A row of log.entries. The bytes are valid during the call only. @param keyed whether leaf_key is the one of this index and hash */
export type EntryVisitor = (index: number, leafHash: Uint8Array, data: Uint8Array, keyed: boolean) => void

/** A row of log.tiles. */
export interface StoredTile {
  readonly index: number
  readonly hashes: Uint8Array
  readonly root: Uint8Array
}

/** What moves, read in one snapshot. */
export interface LogState {
  readonly head: Head | undefined
  /** Of the head row; undefined without one. */
  readonly state: string | undefined
  /** Greatest seq of log.checkpoints, -1 when there is none. */
  readonly newestSeq: number
  /** Rows that no log of this size has: the first of each table. */
  readonly strays: readonly Stray[]
}

/** A row that should not be there. */
export interface Stray {
  readonly table: 'entries' | 'tiles' | 'tree_heads' | 'checkpoints'
  readonly level?: number
  readonly index?: number
  readonly size?: number
  readonly seq?: number
}

/** Rows of a log that log.logs does not have. */
export interface Orphan {
  readonly logId: number
  /** Tables of the schema `log` that hold such rows. */
  readonly tables: readonly (
    | 'heads'
    | 'entries'
    | 'tiles'
    | 'tree_heads'
    | 'checkpoints'
    | 'cosignatures'
    | 'changes'
  )[]
}

/**
 * The tables as they are stored, past every cache and check. Rows come in order; what is not there is left out, and what does
 * not belong there is shown. Everything fails with LogError `store_unavailable` when the database cannot be reached.
 */
export interface Scan {
  logs(): Promise<LogInfo[]>
  /**
   * Makes this process the one that checks a log, for as long as its connection lives. Resolves to false when another one is
   * it; asking again keeps the turn.
   */
  takeTurn(logId: number): Promise<boolean>
  /** Sends a text of at most 7,999 bytes to every process that hears, this one too. Best effort. */
  tell(text: string): Promise<void>
  hear(callback: (text: string) => void): Promise<() => Promise<void>>
  orphans(): Promise<Orphan[]>
  state(logId: number): Promise<LogState>
  /** Entries `start` to `end` (exclusive). Uses memory for one row, not for all. */
  entries(logId: number, start: number, end: number, visit: EntryVisitor): Promise<void>
  /** Full tiles `start` to `end` (exclusive) of a level. */
  tiles(logId: number, level: number, start: number, end: number): Promise<StoredTile[]>
  /** The same without their hashes. */
  roots(logId: number, level: number, start: number, end: number): Promise<Omit<StoredTile, 'hashes'>[]>
  /** Rows of log.tree_heads with `above` < size <= `upTo`. */
  treeHeads(logId: number, above: number, upTo: number): Promise<Head[]>
  /** Rows of log.checkpoints with `start` <= seq < `end`. */
  checkpoints(logId: number, start: number, end: number): Promise<Published[]>
}

/** What a checker knows of a log from before, kept where the database cannot change it. */
export interface Remembered {
  /** What never changes of its row, as text. */
  readonly identity: string
  /** Greatest committed size seen. */
  readonly size: number
  /** Greatest seq of a checkpoint seen, -1 for none. */
  readonly seq: number
  /** Where a full pass goes on: the next entry and checkpoint. */
  readonly next: { readonly entry: number; readonly seq: number }
}

/** Keyed by the ids of logs. Losing it loses no more than the place where a pass goes on, and what only memory can tell. */
export interface Memory {
  load(): Promise<ReadonlyMap<number, Remembered>>
  save(remembered: ReadonlyMap<number, Remembered>): Promise<void>
}

/**
 * Called every millisecond or so of work, with what was done since, as so many entries: others want the processor too.
 */
export type Breathe = (entries: number) => Promise<void>

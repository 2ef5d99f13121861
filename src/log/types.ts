// The engine's vocabulary: plain data that the transports (http, followers) and the store exchange with it.
import type { Hash } from '../core/hash.ts'
import type { CosigningPolicy } from './cosigners.ts'

/** What is fixed about a log when it is created, and the switches an administrator may set. */
export interface LogInfo {
  /** Row id; never leaves the process. */
  readonly id: number
  /** As core/log-name.ts says; the path segment in `/logs/<name>`. */
  readonly name: string
  /** First line of every checkpoint of this log; by default its URL without scheme. */
  readonly origin: string
  /** Anybody may read entries, not only checkpoints and hash tiles. */
  readonly public: boolean
  /** Appending bytes that are already in the log answers with their first index. */
  readonly dedup: boolean
  /** Every key that ever signed or may sign checkpoints, as vkeys (c2sp.org/signed-note), oldest first: readers believe all. */
  readonly vkeys: readonly string[]
  /** Those of `vkeys` that sign the next checkpoint; at least one is of Ed25519. */
  readonly signing: readonly string[]
  readonly state: LogState
  /** Name of the log that continues this one. */
  readonly successor: string | undefined
  /** How often it was changed since its creation; what LogStore.change compares. */
  readonly revision: number
  /** A verified copy of another service's log: entries come in under proof only, and nobody here signs it. */
  readonly mirrored: boolean
  readonly createdAt: Date
}

/**
 * `open` takes entries. `draining` takes no more; what waits is stored and published. `frozen` has ended: its final
 * checkpoint covers all of it and is not signed anew.
 */
export type LogState = 'open' | 'draining' | 'frozen'

/** What may change about a log after its creation: a vkey that signs too, or no more; a state; the name of the successor. */
export type LogChange =
  | { readonly what: 'key_added' | 'key_retired' | 'successor'; readonly value: string }
  | { readonly what: 'state'; readonly value: LogState }

/** The committed state of a tree. Never served: only checkpoints are. */
export interface Head {
  readonly size: number
  readonly root: Hash
}

/** Whether cosignatures satisfy the quorum of the log's policy; `none` when no cosignature is asked for. */
export type Quorum = 'met' | 'missed' | 'none'

/** A published checkpoint (signed tree head), byte for byte as served. */
export interface Published extends Head {
  /** Position in the log's list of published checkpoints, from 0. */
  readonly seq: number
  /** POSIX milliseconds at which it was signed. */
  readonly signedAt: number
  /** The signed note, with every cosignature that came until now. */
  readonly note: Uint8Array
  /** Of the newest checkpoint as it is now, of older ones as it was when they were published. */
  readonly quorum: Quorum
}

/** The receipt for one appended entry. */
export interface Appended {
  readonly index: number
  readonly leafHash: Hash
  /** The log held these bytes already; `index` is their first place. */
  readonly duplicate: boolean
}

/** For each entry of an append, what is stored beside it and is no part of any leaf. The engine only carries it to the store. */
export type Sidecars = readonly (readonly Sidecar[])[]

/** `size` in bytes, for the bounds of what waits. */
export interface Sidecar {
  readonly size: number
}

/** How much can be promised with what is configured and working (see docs/security.md). */
export type PromiseLevel = 'tamper-detecting' | 'tamper-evident' | 'witnessed'

/** A log as its operators see it. `problems` is empty when all is well; each says what is wrong and what to do. */
export interface LogStatus {
  readonly level: PromiseLevel
  readonly problems: readonly LogProblem[]
  /** Of the newest checkpoint, under the policy of today. */
  readonly quorum: Quorum
  readonly witnesses: readonly WitnessState[]
}

/** A witness of the policy and the newest checkpoint. */
export interface WitnessState {
  /** As the policy calls it. */
  readonly name: string
  /** The newest checkpoint has its cosignature. */
  readonly cosigned: boolean
  /** Why its last answer to this process was none, or not a good one. */
  readonly failure: { readonly reason: WitnessFailure; readonly message: string } | undefined
}

/** Stable words for what went wrong with a witness; see docs/witnesses.md. */
export type WitnessFailure =
  | 'timeout'
  | 'unreachable'
  | 'unavailable'
  | 'rate_limited'
  | 'not_registered'
  | 'refused'
  | 'conflict'
  | 'bad_answer'
  | 'bad_signature'
  | 'other_history'

export interface LogProblem {
  readonly code:
    | 'not_signed'
    | 'stale'
    | 'halted'
    | 'checkpoint_invalid'
    | 'policy_invalid'
    | 'quorum_missed'
    | 'tampered'
  readonly message: string
}

/** One open log. Everything it returns lies within the last published checkpoint; nothing beyond it is visible. */
export interface Log {
  readonly info: LogInfo
  /** Entries waiting for their commit, for back-pressure and metrics. */
  readonly waiting: number
  /**
   * Commits `entries` in order, all or none, and answers in the same order. Durable on return.
   * @param sidecars what is committed with each entry in the same transaction, unless the log held the entry already
   * @throws LogError `entry_too_large`, `queue_full`, `store_unavailable`, `outcome_unknown` (retry: the same bytes give the same index)
   */
  append(entries: readonly Uint8Array[], sidecars?: Sidecars): Promise<Appended[]>
  /**
   * Resolves once a published checkpoint covers `index`.
   * @throws LogError `wait_timeout`
   */
  waitPublished(index: number, signal: AbortSignal): Promise<Published>
  /**
   * The same for a checkpoint with the cosignatures that the log's policy asks for.
   * @throws LogError `wait_timeout`
   */
  waitWitnessed(index: number, signal: AbortSignal): Promise<Published>
  /** Whom a verifier should believe. @throws LogError `policy_invalid` */
  policy(): CosigningPolicy
  /** The newest published checkpoint. @throws LogError `not_published` before the first one */
  published(): Published
  /** Published checkpoints in order of `seq`, newest first, before `beforeSeq` (exclusive) when given. */
  history(limit: number, beforeSeq?: number): Promise<Published[]>
  /** RFC 6962 §2.1.1. @throws LogError `index_out_of_range`, `size_out_of_range` */
  inclusion(index: number, size?: number): Promise<{ index: number; size: number; path: Hash[] }>
  /** RFC 6962 §2.1.2; `from` 0 gives the empty proof. @throws LogError `size_out_of_range` */
  consistency(from: number, to: number): Promise<Hash[]>
  /** draft-ietf-plants-merkle-tree-certs §4.4. @throws LogError `size_out_of_range` */
  subtree(start: number, end: number, size: number): Promise<{ root: Hash; proof: Hash[] }>
  /** First index of a leaf hash. @throws LogError `leaf_not_found` */
  indexOf(leafHash: Hash): Promise<number>
  /** @throws LogError `index_out_of_range` */
  entry(index: number): Promise<Uint8Array>
  /** Entries from `start`, at most `limit`, fewer at the end of the published log. @throws LogError `index_out_of_range` when `start` > size */
  entries(start: number, limit: number): Promise<Uint8Array[]>
  /** Entries at `indexes`, in their order, whichever it is. @throws LogError `index_out_of_range` */
  entriesAt(indexes: readonly number[]): Promise<Uint8Array[]>
  /** Concatenated hashes of a full or partial tile; `fresh` reads the database past all memory, for auditors. @throws LogError `tile_not_found` beyond the published size */
  tile(level: number, index: number, width: number, fresh?: boolean): Promise<Uint8Array>
  /** Entry bundle, full or partial; `fresh` as for tiles. @throws LogError `tile_not_found` */
  bundle(index: number, width: number, fresh?: boolean): Promise<Uint8Array>
  /** c2sp.org/tlog-proof@v1 file for one entry at the newest published checkpoint. */
  proofFile(index: number, extra?: Uint8Array): Promise<Uint8Array>
  status(): LogStatus
}

/** All logs of one database. */
export interface Logs {
  list(): Promise<LogInfo[]>
  /** @throws LogError `log_not_found` */
  open(name: string): Promise<Log>
  /**
   * Creates log, keys and first checkpoint (size 0).
   * @param options.successorOf name of the log that it continues
   * @throws LogError `log_exists`, `invalid_log_name`, `log_not_found`, `state_conflict` when that one has a successor
   */
  create(options: {
    name: string
    origin?: string
    public?: boolean
    dedup?: boolean
    successorOf?: string
  }): Promise<LogInfo>
  /**
   * Adds new keys, which sign together with the old ones from the next checkpoint on. Verifiers that know only the old ones
   * keep verifying until these are retired.
   * @throws LogError `log_not_found`, `keys_elsewhere`, `log_changed`, `state_conflict`, `log_halted` when the keys do not sign
   */
  rotate(name: string): Promise<LogInfo>
  /**
   * Ends the signing of a key, never of the last Ed25519 key. What it signed stays verifiable.
   * @param keyId as in its vkey: eight hex digits
   * @throws LogError `log_not_found`, `signing_key_not_found`, `log_changed`, `state_conflict`
   */
  retireKey(name: string, keyId: string): Promise<LogInfo>
  /**
   * `open` → `draining` → `frozen`, and back to `open`. A state that the log has already is no fault.
   * @throws LogError `log_not_found`, `log_changed`, `state_conflict`
   */
  setState(name: string, state: LogState): Promise<LogInfo>
}

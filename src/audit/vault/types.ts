// The vault: what is personal of an event, encrypted under a key of the person it is about, beside the log and never in it.
import type { Hash } from '../../core/hash.ts'
import type { Transaction } from '../../db/connect.ts'
import type { AuditError } from '../event/errors.ts'
import type { Disclosure, Draft, Envelope, Subject } from '../event/types.ts'

/** What is committed with an entry, in the transaction that gives it its index: one row per subject. */
export interface Sidecar {
  readonly subjectId: number
  /** AES-256-GCM of the subject's disclosures of this entry: nonce, ciphertext, tag; bound to log and leaf hash. */
  readonly sealed: Uint8Array
  readonly size: number
}

export interface Sealed {
  readonly envelope: Envelope
  /** Its RFC 8785 bytes: the entry. */
  readonly entry: Uint8Array
  readonly sidecars: readonly Sidecar[]
}

/** An entry whose disclosures are asked for. */
export interface SealedEntry {
  readonly index: number
  readonly leafHash: Hash
}

/** Indexes from `start` to `end`, exclusive. */
export interface Range {
  readonly start: number
  readonly end: number
}

/** JSON texts, which the disclosures of the entry are the base64url of; at once where the keys are remembered. @throws AuditError `vault_unavailable` */
export type OpenTexts = (entry: SealedEntry) => readonly string[] | Promise<readonly string[]>

/** Told of entries whose disclosures were changed: each error is `vault_damaged` and has `evidence.index`. */
export type OnDamage = (damaged: readonly AuditError[]) => void

export interface Vault {
  /**
   * Envelopes of drafts, in order. Deterministic for a subject whose key lives: the same draft gives the same entry.
   * New subjects get their keys, committed before it returns. Without a pause between the events: a hundred are a few milliseconds.
   * @throws AuditError `vault_unavailable`; `event_too_large` when an envelope does not fit an entry
   */
  seal(logId: number, drafts: readonly Draft[]): Promise<Sealed[]>
  /**
   * Disclosures of entries, in order: those whose keys live. Each one was checked against its ciphertext's binding; that its
   * digest stands in the envelope is the caller's to check (audit/event/view.ts does).
   * @param onDamage called once, with an error per ciphertext that was altered or moved, before it resolves to all the others
   * @throws AuditError `vault_unavailable`; without `onDamage`, `vault_damaged` with `evidence.indexes` when there is any damage
   */
  open(logId: number, entries: readonly SealedEntry[], onDamage?: OnDamage): Promise<Disclosure[][]>
  /**
   * Reads the ciphertexts of a range of entries, which are then opened one by one: for who goes through many and keeps little.
   * @param onDamage told of each ciphertext that was altered or moved when it is come upon
   * @throws AuditError `vault_unavailable`
   */
  openRange(logId: number, range: Range, onDamage: OnDamage): Promise<OpenTexts>
  /** Ref of a subject that the log knows, or undefined. @throws AuditError `vault_unavailable` */
  refOf(logId: number, subject: Subject): Promise<string | undefined>
  /** What a process remembers of keys is forgotten; called when a sidecar was refused because its subject is gone. */
  forget(): void
  /** 32 bytes for blind indexes of one purpose, derived from the key outside the database. */
  secretFor(purpose: string): Uint8Array
  close(): Promise<void>
}

/** Rows for the transaction that commits the entries; refuses, by throwing, when a subject's key is gone meanwhile. */
export type PutSidecars = (
  tx: Transaction,
  logId: number,
  rows: readonly { readonly index: number; readonly sidecar: { readonly size: number } }[],
) => Promise<void>

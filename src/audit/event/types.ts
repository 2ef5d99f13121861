// The vocabulary that the audit rooms share: what comes in, what becomes of it, and what is kept of it where.
import type { AuditEvent } from './schema.ts'

export type { AuditEvent }

/** JSON as it was sent: no duplicate names, no lone surrogates, every number a safe integer or a finite double. */
export type Json = null | boolean | number | string | readonly Json[] | JsonObject
export type JsonObject = { readonly [name: string]: Json }

/** The door through which it came. */
export type Format = 'native' | 'otlp' | 'otlp-audit' | 'k8s' | 'hec' | 'cloudevents' | 'syslog' | 'internal'

/** What was found of a producer's signature over its record. `absent` when there is none. */
export interface ProducerSignature {
  readonly result: 'passed' | 'failed' | 'unknown_key' | 'unsupported'
  readonly alg: string
  /** SHA-256 of the signer's certificate or key, `sha256:<hex>`, as claimed. */
  readonly signer?: string
  /** Canonicalisation profile that matched. */
  readonly profile?: string
}

/** One record as an adapter hands it over: an event, or what could not be read as one and is kept all the same. */
export type Incoming =
  | {
      readonly kind: 'event'
      readonly format: Format
      readonly event: AuditEvent
      readonly signature?: ProducerSignature
      /** Signature value and other bytes that would confirm a guess of the contents: kept as personal fields. */
      readonly evidence?: JsonObject
      /** Whom members of `params` or `extra` are about, by path (`params.user`), where it is not the one who acts. */
      readonly owners?: ReadonlyMap<string, Subject>
    }
  | {
      readonly kind: 'raw'
      readonly format: Format
      /** What was sent, as text where it is UTF-8; cut to RAW_LIMIT characters. */
      readonly raw: string
      /** SHA-256 of all that was sent, in hex, when `raw` was cut. */
      readonly sha256?: string
      /** Size of what was sent; bytes. */
      readonly size: number
      readonly reason: { readonly code: QuarantineCode; readonly message: string }
    }

/**
 * The records of one request, in order. A pass over them may read each from the request's bytes when it comes to it, and must not
 * keep it: then a thousand of them never are in memory at once, and cost the garbage collector nothing.
 */
export type Records = Iterable<Incoming> & { readonly length: number; readonly sent?: Sent }

/** What records are read from, for whoever reads them elsewhere: another thread. */
export type Sent =
  | { readonly door: 'native'; readonly body: Uint8Array; readonly mediaType: string }
  /** In protobuf. */
  | { readonly door: 'otlp'; readonly body: Uint8Array }

/** Why a record is kept as it came instead of as an event. Messages never repeat its contents. */
export type QuarantineCode =
  | 'not_json'
  | 'duplicate_name'
  | 'lone_surrogate'
  | 'unsafe_number'
  | 'too_deep'
  | 'too_large'
  | 'too_many_fields'
  | 'invalid_event'
  | 'not_utf8'

/** Most characters of a quarantined record that are kept. */
export const RAW_LIMIT = 32_768
/** Bytes of the canonical JSON of one event at most; a larger one is quarantined, or refused with 413 when it came alone. */
export const MAX_EVENT_SIZE = 262_144
/** Nesting of arrays and objects in an event at most. */
export const MAX_DEPTH = 32
/** Personal fields of one event at most: their digests must fit an entry. */
export const MAX_DISCLOSURES = 512

/** Whom a personal field is about. `actor` is a person by the identifier the sender uses; a raw record is its own subject. */
export interface Subject {
  readonly kind: 'actor' | 'ip' | 'source' | 'raw'
  readonly id: string
}

/** A field that is kept outside the leaf. */
export interface PersonalField {
  /** Index into `Draft.subjects`. */
  readonly subject: number
  /** Dotted: `actor.name`, `targets.0.id`, `params`. The claim name of the RFC 9901 disclosure. */
  readonly path: string
  readonly value: Json
}

/** An event split by policy, before it is sealed. */
export interface Draft {
  /**
   * Members of the envelope that stay for ever, all but `id` (when the sender gave none), `_sd`, `_sd_alg`, `refs`. The members
   * `ref` of persons in it are positions in `subjects`, and so in `Envelope.refs`. Sealing makes the envelope of this very object.
   */
  readonly clear: JsonObject
  readonly personal: readonly PersonalField[]
  /** Distinct; the first is the one that fields without a person of their own belong to. Empty when nothing is personal. */
  readonly subjects: readonly Subject[]
  /**
   * Canonical bytes of the whole event when the sender gave no id: the vault derives one from them under the subject's key, so
   * that a retry gives the same leaf and nobody can confirm a guess once the key is gone. Without a subject the id is its plain hash.
   */
  readonly nameless?: Uint8Array
}

/**
 * The leaf of an event: RFC 8785 canonical JSON of this. Nothing in it depends on when or by which process it was received, so
 * that a retry of the same event gives the same leaf.
 */
export interface Envelope {
  readonly v: 1
  readonly type: 'event' | 'raw' | 'erasure' | 'custody'
  readonly id: string
  readonly source: string
  readonly format: Format
  /** Random names of the subjects, in the order of `Draft.subjects`; they mean nothing without the vault. */
  readonly refs?: readonly string[]
  /** Sorted digests of the disclosures (RFC 9901 §4.2.3). */
  readonly _sd?: readonly string[]
  readonly _sd_alg?: 'sha-256'
  readonly [clear: string]: Json | undefined
}

/** What is shown of an entry: the clear members, and those disclosed fields that the caller may see, in their places. */
export interface EventView {
  readonly type: Envelope['type']
  readonly id: string
  readonly source: string
  readonly format: Format
  /**
   * All other members. For an event those of AuditEvent, as far as they are not hidden, and `signature`, `evidence`; for a raw
   * record `reason`, `size`, `raw`, `sha256`. Persons in it have a member `ref`: the random name of the subject.
   */
  readonly event: JsonObject
  /** Paths of the disclosed fields. */
  readonly disclosed: readonly string[]
  /** How many fields stay hidden: not asked for, not allowed, or erased. */
  readonly hidden: number
  /** Random names of the subjects whose fields it has. */
  readonly refs: readonly string[]
}

/** An RFC 9901 disclosure: base64url of the JSON array [salt, path, value]. */
export type Disclosure = string

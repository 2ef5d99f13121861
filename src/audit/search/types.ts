// Search: a follower of the published log that keeps keyed hashes of words and values, never their text.
import type { AuditError } from '../event/errors.ts'
import type { ReadEvent } from '../follow/read-events.ts'

/** All filters must hold; a list within a filter is "one of". Upper and lower case are one. */
export interface SearchQuery {
  /** Whole, or `user.*` for all below `user.`. */
  readonly action?: readonly string[]
  readonly actor?: string
  readonly target?: string
  readonly outcome?: 'success' | 'failure' | 'unknown'
  readonly ip?: string
  readonly session?: string
  readonly trace?: string
  readonly correlation?: string
  /** At least this severity, 1 to 24. */
  readonly severity?: number
  readonly source?: readonly string[]
  readonly service?: string
  readonly id?: string
  readonly type?: 'event' | 'raw' | 'erasure' | 'custody'
  /** Time of the event, RFC 3339: `from` inclusive, `to` exclusive. What has no time has the one when the log took it. */
  readonly from?: string
  readonly to?: string
  /** Words, all of which must occur. */
  readonly text?: string
  /** Only indexes below (keyset cursor). */
  readonly before?: number
  /** Only indexes from here on. */
  readonly since?: number
  /** 1 to 1,000. */
  readonly limit: number
  /** The caller may search personal fields (actor, ip, words of personal fields). */
  readonly personal: boolean
}

export interface SearchResult {
  /** Newest first; of a timeline, oldest first. Their personal fields were opened if the caller may search them. */
  readonly events: readonly ReadEvent[]
  /** Of those of them whose personal fields were altered in the database, in part or whole, and so are missing. */
  readonly damaged: readonly AuditError[]
  /** `before` of the next page (of a timeline: `after`); undefined at the end. A page may be short, even empty, and have a next one. */
  readonly next: number | undefined
  /** Entries below this index have been indexed. */
  readonly indexed: number
}

/** Exactly one. */
export type TimelineOf = Pick<SearchQuery, 'session' | 'actor' | 'trace' | 'correlation'>

export interface TimelinePage {
  /** Only indexes above. */
  readonly after?: number | undefined
  /** 1 to 1,000. */
  readonly limit: number
  readonly personal: boolean
}

export interface SearchStatus {
  /** Entries below this index have been indexed. */
  readonly indexed: number
  /** Entries of the published log. */
  readonly published: number
  /** Age of the oldest entry that is not indexed; seconds. */
  readonly lagSeconds: number
  /** The index is being made anew from the log. */
  readonly rebuilding: boolean
}

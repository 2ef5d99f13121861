// Search: a follower of the published log that keeps keyed hashes of words and values, never their text.

/** All filters must hold; a list within a filter is "one of". */
export interface SearchQuery {
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
  /** Time of the event, RFC 3339: `from` inclusive, `to` exclusive. */
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
  /** Newest first. */
  readonly indexes: readonly number[]
  /** `before` of the next page; undefined at the end. */
  readonly next: number | undefined
  /** Entries below this index have been indexed. */
  readonly indexed: number
}

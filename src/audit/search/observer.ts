// What searches tell whoever measures them.

/** Implementations MUST NOT throw and MUST NOT wait. */
export interface SearchObserver {
  /** A search by these filters (names, sorted, with `+` between; `none`) took so long, and what became of it: `ok` or a code. */
  searched(log: string, filters: string, seconds: number, outcome: string): void
}

export const NO_SEARCH_OBSERVER: SearchObserver = { searched: () => {} }

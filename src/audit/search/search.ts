// Searches. What the table finds by hashes is checked against the events themselves before anybody is told of it.
import type { Database } from '../../db/connect.ts'
import type { Log } from '../../log/types.ts'
import { AuditError } from '../event/errors.ts'
import { createLogClock, type LogClock } from '../follow/log-clock.ts'
import { readEvents, type ReadEvent } from '../follow/read-events.ts'
import type { Vault } from '../vault/types.ts'
import { type Gaps, gapsOf } from './gaps.ts'
import { createGate } from './gate.ts'
import { keysOf } from './keys.ts'
import { NO_SEARCH_OBSERVER, type SearchObserver } from './observer.ts'
import { matches, type Plan, planOf } from './plan.ts'
import { rebuild } from './rebuild.ts'
import { type Scan, scan } from './scan.ts'
import { readState } from './state.ts'
import { createTerms } from './terms.ts'
import type { SearchQuery, SearchResult, SearchStatus, TimelineOf, TimelinePage } from './types.ts'
import { translated } from './unavailable.ts'

export interface SearchOptions {
  /** A pool of its own, with SEARCH_SETTINGS and a statement timeout. */
  readonly db: Database
  readonly vault: Vault
  /** Searches at once in this process; default 8. */
  readonly atOnce?: number
  readonly observer?: SearchObserver
}

export interface Search {
  /** @throws AuditError `invalid_query`, `search_busy`, `search_unavailable`, `vault_unavailable`; LogError `store_unavailable` */
  query(log: Log, query: SearchQuery): Promise<SearchResult>
  /** What happened, oldest first, from whichever source. @throws as `query` */
  timeline(log: Log, of: TimelineOf, page: TimelinePage): Promise<SearchResult>
  /** @throws AuditError `search_unavailable`; LogError as Log.history */
  status(log: Log): Promise<SearchStatus>
  /** Throws the log's index away and has it made anew; searches see what is there. @throws AuditError `search_unavailable` */
  rebuild(log: Log): Promise<void>
  /** Entries below the cursor that should have a row and have none. @throws AuditError `search_unavailable` */
  gaps(log: Log): Promise<Gaps>
}

const AT_ONCE = 8
/** A search that goes on for longer answers with what it has, and where to go on. */
const ENOUGH_MS = 1_000
/** For callers who may not know of personal fields: they are not even opened. */
const NOTHING_PERSONAL: Pick<Vault, 'open'> = { open: async (_logId, entries) => entries.map(() => []) }

export function createSearch(options: SearchOptions): Search {
  const { db, vault, observer = NO_SEARCH_OBSERVER } = options
  const terms = createTerms(vault.secretFor('search'))
  const gate = createGate(options.atOnce ?? AT_ONCE)
  const clocks = new Map<number, LogClock>()

  async function find(log: Log, plan: Plan, order: Scan['order'], filters: string): Promise<SearchResult> {
    const began = performance.now()
    let outcome = 'ok'
    try {
      return await gate(() => translated(() => collect({ db, vault, terms, log, plan, order })))
    } catch (error) {
      outcome = error instanceof Error && 'code' in error ? String(error.code) : 'unknown'
      throw error
    } finally {
      observer.searched(log.info.name, filters, (performance.now() - began) / 1_000, outcome)
    }
  }

  return {
    query: async (log, query) => find(log, planOf(query), 'newest', filtersOf(query)),
    async timeline(log, of, { after, limit, personal }) {
      const filters = filtersOf(of)
      if (Object.values(of).filter((value) => value !== undefined).length !== 1)
        throw new AuditError('invalid_query', 'give exactly one of session, actor, trace and correlation', {
          parameter: 'session',
        })
      const since = after === undefined ? 0 : after + 1
      return find(log, planOf({ ...of, since, limit, personal }), 'oldest', `timeline ${filters}`)
    },
    async status(log) {
      const published = log.published().size
      const { next, rebuilding } = await translated(() => readState(db.sql, log.info.id))
      const indexed = Math.min(next, published)
      const clock = clocks.get(log.info.id) ?? createLogClock(log)
      clocks.set(log.info.id, clock)
      const lag = indexed < published ? Date.now() - (await clock.takenAt(indexed)) : 0
      return { indexed, published, lagSeconds: Math.max(0, lag) / 1_000, rebuilding }
    },
    rebuild: (log) => translated(() => rebuild(db, log.info.id)),
    gaps: (log) => translated(() => gapsOf(db.sql, log.info.id)),
  }
}

interface Collecting extends Pick<Scan, 'terms' | 'plan' | 'order'> {
  readonly db: Database
  readonly vault: Vault
  readonly log: Log
}

async function collect({ db, vault, terms, log, plan, order }: Collecting): Promise<SearchResult> {
  const { next, open } = await readState(db.sql, log.info.id)
  const indexed = Math.min(next, log.published().size)
  const until = performance.now() + ENOUGH_MS
  const opener = plan.personal ? vault : NOTHING_PERSONAL
  const found: ReadEvent[] = []
  const damaged: AuditError[] = []
  // One more than asked for tells whether there is a next page.
  const want = (): number => plan.limit + 1 - found.length
  for await (const step of scan({
    sql: db.sql,
    logId: log.info.id,
    plan,
    terms,
    indexed,
    open,
    order,
    want,
  })) {
    // Personal fields that were altered in the database are nothing that an event could be found by.
    for (const event of await readEvents(log, opener, step.indexes, (some) => damaged.push(...some)))
      if (matches(plan, event.envelope, keysOf(event.envelope, event.disclosures))) found.push(event)
    if (found.length > plan.limit) {
      const page = found.slice(0, plan.limit)
      return { ...resultOf(page, damaged), next: page.at(-1)?.index, indexed }
    }
    const over = order === 'newest' ? step.position <= plan.start : step.position >= indexed
    if (performance.now() > until && !over)
      return {
        ...resultOf(found, damaged),
        next: order === 'newest' ? step.position : step.position - 1,
        indexed,
      }
  }
  return { ...resultOf(found, damaged), next: undefined, indexed }
}

function resultOf(
  events: readonly ReadEvent[],
  damaged: readonly AuditError[],
): Pick<SearchResult, 'events' | 'damaged'> {
  const shown = new Set(events.map(({ index }) => index))
  return { events, damaged: damaged.filter(({ evidence }) => shown.has(Number(evidence['index']))) }
}

function filtersOf(query: Partial<SearchQuery>): string {
  const names = Object.entries(query)
    .filter(
      ([name, value]) => value !== undefined && !['limit', 'personal', 'before', 'since'].includes(name),
    )
    .map(([name]) => name)
  return names.length === 0 ? 'none' : names.toSorted().join('+')
}

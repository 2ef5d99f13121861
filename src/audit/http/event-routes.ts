// Reading events: search, one event, its proof with chosen fields, and the timeline of a session, an actor or a trace.
import type { Context } from 'hono'
import type { Principal } from '../../access/principal.ts'
import { formatEventBundle } from '../../core/event-bundle.ts'
import { invalid, numberOf, readQuery } from '../../http/query.ts'
import { base64, json } from '../../http/respond.ts'
import type { LogRoute } from '../../http/route.ts'
import type { Log } from '../../log/types.ts'
import { AuditError } from '../event/errors.ts'
import { viewOf } from '../event/view.ts'
import { readEvents, type ReadEvent } from '../follow/read-events.ts'
import type { SearchResult } from '../search/types.ts'
import { clocksOf, flagsOf } from './clocks.ts'
import type { AuditHttpDeps } from './deps.ts'
import { disclosuresFor } from './disclose.ts'
import { looking } from './looking.ts'
import {
  bundleQuery,
  eventBundle,
  eventList,
  eventQuery,
  searchQuery,
  timelineQuery,
  viewedEvent,
} from './schemas.ts'
import { searchOf } from './search-of.ts'
import { checkPersonal, readSearch, SEARCH_PARAMETERS } from './search-query.ts'
import { known } from './source.ts'
import { tellSought } from './tell-sought.ts'

export function eventRoutes(deps: AuditHttpDeps): LogRoute[] {
  return [
    {
      method: 'GET',
      path: '/logs/:log/events',
      onLog: (c, log, who) => search(c, log, who, deps),
      journal: looking,
      doc: {
        tag: 'events out',
        summary: 'Search events',
        description:
          'Newest first; all filters must hold, `action` and `source` may be given several times. `next` is `before` of the following ' +
          'page: pages are cut by index, so nothing is missed or shown twice while the log grows. Personal fields are hidden unless ' +
          '`reveal=true`, and can be searched (`actor`, `ip`, their words in `text`) only with the scope `pii:reveal`.',
        query: searchQuery,
        answers: { 'application/json': eventList },
        problems: ['invalid_parameter'],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/timeline',
      onLog: (c, log, who) => timeline(c, log, who, deps),
      journal: looking,
      doc: {
        tag: 'events out',
        summary: 'What happened in a session, for a trace, or by an actor',
        description:
          'Oldest first, across all sources; by exactly one of `session`, `trace`, `correlation` and, with the scope `pii:reveal`, `actor`.',
        query: timelineQuery,
        answers: { 'application/json': eventList },
        problems: ['invalid_parameter'],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/events/:index',
      onLog: (c, log, who) => getEvent(c, log, who, deps),
      journal: looking,
      doc: {
        tag: 'events out',
        summary: 'One event',
        description:
          'As the log has it; its personal fields, as far as they were not erased, with `reveal=true`.',
        query: eventQuery,
        answers: { 'application/json': viewedEvent },
        problems: ['invalid_parameter', 'index_out_of_range'],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/events/:index/bundle',
      onLog: (c, log, who) => getBundle(c, log, who, deps),
      journal: looking,
      doc: {
        tag: 'events out',
        summary: 'One event with its proof, to keep or to hand on',
        description:
          'The entry, its proof, and the chosen personal fields (`disclose=actor.name,src.ip`, or `all`): whoever holds the policy ' +
          'verifies it offline (`prooflog verify --event`), and learns nothing of the other fields.',
        query: bundleQuery,
        answers: { 'application/json': eventBundle },
        problems: ['invalid_parameter', 'index_out_of_range'],
      },
    },
  ]
}

async function search(
  c: Context,
  log: Log,
  who: Principal | undefined,
  deps: AuditHttpDeps,
): Promise<Response> {
  const { reveal, query } = readSearch(c, known(who), SEARCH_PARAMETERS)
  if (query.personal) await tellSought(c, log, deps.vault, query)
  return found(log, await searchOf(deps).query(log, query), reveal)
}

async function timeline(
  c: Context,
  log: Log,
  who: Principal | undefined,
  deps: AuditHttpDeps,
): Promise<Response> {
  const { session, trace, correlation, actor, after, limit, reveal } = readQuery(c, [
    'session',
    'trace',
    'correlation',
    'actor',
    'after',
    'limit',
    'reveal',
  ])
  const given = Object.entries({ session, trace, correlation, actor }).filter(
    ([, value]) => value !== undefined,
  )
  if (given.length !== 1) throw invalid('give exactly one of session, trace, correlation and actor')
  const show = mayReveal(known(who), reveal)
  if (actor !== undefined) {
    checkPersonal(known(who), 'actor')
    await tellSought(c, log, deps.vault, { actor })
  }
  const result = await searchOf(deps).timeline(
    log,
    {
      ...(session === undefined ? {} : { session }),
      ...(trace === undefined ? {} : { trace }),
      ...(correlation === undefined ? {} : { correlation }),
      ...(actor === undefined ? {} : { actor }),
    },
    {
      after: after === undefined ? undefined : numberOf('after', after),
      limit: numberOf('limit', limit, { min: 1, max: 1_000, fallback: 100 }),
      personal: known(who).scopes.includes('pii:reveal'),
    },
  )
  return found(log, result, show)
}

async function getEvent(
  c: Context,
  log: Log,
  who: Principal | undefined,
  deps: AuditHttpDeps,
): Promise<Response> {
  const { reveal } = readQuery(c, ['reveal'])
  const show = mayReveal(known(who), reveal)
  const event = await oneEvent(c, log, deps)
  const [view] = viewed(log, [event], show)
  const clocks = await clocksOf(log, event)
  return json({ ...view, flags: flagsOf(event, clocks), clocks })
}

async function getBundle(
  c: Context,
  log: Log,
  who: Principal | undefined,
  deps: AuditHttpDeps,
): Promise<Response> {
  const { disclose } = readQuery(c, ['disclose'])
  if (disclose !== undefined) checkPersonal(known(who), 'disclose')
  const event = await oneEvent(c, log, deps)
  const bundle = formatEventBundle({
    entry: event.entry,
    disclosures: disclosuresFor(event, disclose),
    proof: Buffer.from(await log.proofFile(event.index)).toString(),
  })
  return new Response(bundle, {
    headers: { 'content-type': 'application/json', 'cache-control': 'no-store' },
  })
}

async function oneEvent(c: Context, log: Log, { vault }: AuditHttpDeps): Promise<ReadEvent> {
  const index = numberOf('index', c.req.param('index'))
  await log.entry(index) // refuses what is not published
  const [event] = await readEvents(log, vault, [index])
  if (event === undefined)
    throw new AuditError(
      'not_an_event',
      `entry ${index} is no event: it was appended as bytes; read it at entries/${index}`,
      { index },
    )
  return event
}

/** @throws AuditError `reveal_not_allowed`; HttpError `invalid_parameter` */
export function mayReveal(who: Principal, reveal: string | undefined): boolean {
  if (reveal === undefined || reveal === 'false') return false
  if (reveal !== 'true') throw invalid('reveal is true or false')
  checkPersonal(who, 'reveal')
  return true
}

/** Events as JSON: with their place in the log, and their personal fields if `reveal`. */
function found(log: Log, { events, damaged, next, indexed }: SearchResult, reveal: boolean): Response {
  const [damage] = damaged
  if (damage !== undefined) throw damage // nobody is shown less than there is without hearing of it
  const views = viewed(log, events, reveal)
  return json({ events: views, next: next ?? null, indexed, tree_size: log.published().size })
}

function viewed(log: Log, events: readonly ReadEvent[], reveal: boolean): object[] {
  return events.map(({ index, leafHash, envelope, disclosures }) => ({
    index,
    leaf_hash: base64(leafHash),
    log: log.info.name,
    ...viewOf(envelope, reveal ? disclosures : []),
  }))
}

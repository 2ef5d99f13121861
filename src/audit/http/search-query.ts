// Filters of a search as query parameters, or as members of an export's body.
import type { Context } from 'hono'
import type { Principal } from '../../access/principal.ts'
import { HttpError } from '../../http/errors.ts'
import { invalid, numberOf } from '../../http/query.ts'
import { AuditError } from '../event/errors.ts'
import type { SearchQuery } from '../search/types.ts'

const SINGLE = [
  'actor',
  'target',
  'outcome',
  'ip',
  'session',
  'trace',
  'correlation',
  'severity',
  'service',
  'id',
  'type',
  'from',
  'to',
  'text',
] as const
const SEVERAL = ['action', 'source'] as const
export const FILTERS = [...SINGLE, ...SEVERAL] as const
export const SEARCH_PARAMETERS = [...FILTERS, 'before', 'since', 'limit', 'reveal'] as const

const DEFAULT_LIMIT = 50
const MAX_LIMIT = 1_000
const OUTCOMES = ['success', 'failure', 'unknown'] as const
const TYPES = ['event', 'raw', 'erasure', 'custody'] as const

export type Filters = Readonly<Record<string, string | readonly string[]>>

/** @throws HttpError `invalid_parameter`; AuditError `reveal_not_allowed` */
export function readSearch(
  c: Context,
  who: Principal,
  names: readonly string[],
): { readonly reveal: boolean; readonly query: SearchQuery } {
  const given = new Map<string, string[]>()
  for (const [name, value] of new URL(c.req.url).searchParams) {
    if (!names.includes(name))
      throw invalid(`unknown parameter ${JSON.stringify(name)}; known here: ${names.join(', ')}`)
    const values = given.get(name) ?? []
    if (values.length > 0 && !isSeveral(name)) throw invalid(`parameter ${name} is given twice`)
    given.set(name, [...values, value])
  }
  const filters: Record<string, string | readonly string[]> = {}
  for (const [name, values] of given) filters[name] = isSeveral(name) ? values : (values[0] ?? '')
  const one = (name: string): string | undefined => given.get(name)?.[0]
  const reveal = one('reveal')
  if (reveal !== undefined && reveal !== 'true' && reveal !== 'false')
    throw invalid('reveal is true or false')
  if (reveal === 'true') checkPersonal(who, 'reveal')
  return {
    reveal: reveal === 'true',
    query: {
      ...queryOf(filters, who),
      ...(given.has('before') ? { before: numberOf('before', one('before')) } : {}),
      ...(given.has('since') ? { since: numberOf('since', one('since')) } : {}),
      limit: numberOf('limit', one('limit'), { min: 1, max: MAX_LIMIT, fallback: DEFAULT_LIMIT }),
    },
  }
}

/** @throws HttpError `invalid_parameter`; AuditError `reveal_not_allowed` for filters by personal fields */
export function queryOf(filters: Filters, who: Principal): Omit<SearchQuery, 'limit'> {
  const personal = who.scopes.includes('pii:reveal')
  for (const name of ['actor', 'ip']) if (filters[name] !== undefined) checkPersonal(who, name)
  const single = Object.fromEntries(
    SINGLE.filter((name) => name !== 'severity' && filters[name] !== undefined).map((name) => [
      name,
      oneOf(name, filters[name]),
    ]),
  )
  const several = Object.fromEntries(
    SEVERAL.filter((name) => filters[name] !== undefined).map((name) => [name, listOf(name, filters[name])]),
  )
  const severity = filters['severity']
  return {
    ...single,
    ...several,
    ...(severity === undefined
      ? {}
      : { severity: numberOf('severity', String(severity), { min: 1, max: 24 }) }),
    personal,
  }
}

function oneOf(name: string, value: string | readonly string[] | undefined): string {
  if (typeof value !== 'string' || value === '') throw invalid(`${name} is empty or given twice`)
  const known: readonly string[] | undefined =
    name === 'outcome' ? OUTCOMES : name === 'type' ? TYPES : undefined
  if (known !== undefined && !known.includes(value)) throw invalid(`${name} is one of ${known.join(', ')}`)
  return value
}

function listOf(name: string, value: string | readonly string[] | undefined): readonly string[] {
  const values = typeof value === 'string' ? [value] : (value ?? [])
  if (values.length === 0 || values.length > 20 || values.includes(''))
    throw invalid(`${name} takes 1 to 20 values, none empty`)
  return values
}

function isSeveral(name: string): boolean {
  return SEVERAL.some((one) => one === name)
}

/** A filter by a personal field confirms a guess, so it needs the right to see the field. @throws AuditError `reveal_not_allowed` */
export function checkPersonal(who: Principal, name: string): void {
  if (who.scopes.includes('pii:reveal')) return
  throw new AuditError(
    'reveal_not_allowed',
    `${name} concerns personal fields: it needs a key with the scope pii:reveal`,
  )
}

/** The body of an export as filters. @throws HttpError `invalid_body` */
export function filtersOf(body: Readonly<Record<string, unknown>>): Filters {
  const filters: Record<string, string | readonly string[]> = {}
  for (const [name, value] of Object.entries(body)) {
    if (!FILTERS.some((known) => known === name))
      throw new HttpError('invalid_body', `unknown filter ${JSON.stringify(name)}`)
    if (typeof value === 'string') filters[name] = value
    else if (typeof value === 'number') filters[name] = String(value)
    else if (Array.isArray(value) && value.every((one) => typeof one === 'string')) filters[name] = value
    else throw new HttpError('invalid_body', `${name} is a text, or a list of texts`)
  }
  return filters
}

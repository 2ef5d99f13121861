// OpenAPI 3.1 from the routes themselves: zod's JSON Schema is the schema dialect of 3.1, so nothing is translated.
import { z } from 'zod'
import { type ProblemCode, type ProblemKinds, PROBLEMS } from './problem.ts'
import type { GuardedRoute } from './route-table.ts'
import type { Route, RouteAccess } from './route.ts'
import { problem } from './schemas.ts'

export interface OpenApi {
  readonly openapi: '3.1.0'
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: object
}

export interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description: string
  readonly security: readonly object[]
  readonly parameters: readonly Parameter[]
  readonly requestBody?: { readonly required: true; readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly description: string; readonly content: Content }>>
}

export interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required: boolean
  readonly description?: string
  readonly schema: object
}

type Content = Readonly<Record<string, { readonly schema: object }>>

const DESCRIPTION =
  'A transparency log: every entry provable, every tree head signed. Keys are sent as `Authorization: Bearer <key>`; agents that cannot do that ' +
  'may send `Authorization: Splunk <key>`, the key as the password of `Basic`, or `X-API-Key`. ' +
  'Every refusal is `application/problem+json` with a stable `code`; 503 and 429 are transient and carry `Retry-After`.'

const PATH_PARAMETERS: Readonly<Record<string, string>> = {
  log: 'name of the log',
  index: 'index of the entry, from 0',
  tile: 'level, index and, of a partial tile, width: `L/N` or `L/N.p/W`, slashes as they are (c2sp.org/tlog-tiles)',
  bundle: 'index and, of a partial bundle, width: `N` or `N.p/W`, slashes as they are (c2sp.org/tlog-tiles)',
  id: 'id of the key: the 12 characters after `plog_`',
  keyid: 'id of the signing key: the eight hex digits in its vkey',
}

const SECURITY = [{ key: [] }, { basic: [] }, { header: [] }]

/** @param version of the program @param kinds of problems, those of all groups of routes */
export function openApiOf(
  guarded: readonly GuardedRoute[],
  version: string,
  kinds: ProblemKinds = PROBLEMS,
): OpenApi {
  const paths: Record<string, Record<string, Operation>> = {}
  for (const { route, access } of guarded) {
    const operations = (paths[openApiPath(route.path)] ??= {})
    operations[route.method.toLowerCase()] = operationOf(route, access, kinds)
  }
  return {
    openapi: '3.1.0',
    info: { title: 'prooflog', version, description: DESCRIPTION },
    paths,
    components: {
      schemas: { Problem: schemaOf(problem) },
      securitySchemes: {
        key: {
          type: 'http',
          scheme: 'bearer',
          description: 'An API key, plog_…, or a token of the identity provider',
        },
        basic: { type: 'http', scheme: 'basic', description: 'The key is the password' },
        header: { type: 'apiKey', in: 'header', name: 'X-API-Key', description: 'The key' },
      },
    },
  }
}

/** `/logs/:log/tile/:tile{.+}` -> `/logs/{log}/tile/{tile}` */
export function openApiPath(path: string): string {
  return path.replaceAll(/:(\w+)(\{[^}]*\})?/g, '{$1}')
}

function operationOf(route: Route, access: RouteAccess, kinds: ProblemKinds): Operation {
  const { tag, summary, description, body, answers, status = 200, again } = route.doc
  return {
    operationId: `${route.method.toLowerCase()}${openApiPath(route.path)
      .replaceAll(/[^A-Za-z0-9]+/g, '_')
      .replace(/_$/, '')}`,
    tags: [tag],
    summary,
    description: [description, accessNote(access), logNote(route)].filter(Boolean).join(' '),
    security:
      access === 'public' ? [] : access === 'entries:read unless public' ? [{}, ...SECURITY] : SECURITY,
    parameters: parametersOf(route),
    ...(body === undefined ? {} : { requestBody: { required: true, content: contentOf(body) } }),
    responses: {
      [status]: { description: 'Success', content: contentOf(answers) },
      ...(again && { 200: { description: 'There already', content: contentOf(answers) } }),
      ...problemsOf(route, access, kinds),
    },
  }
}

function accessNote(access: RouteAccess): string {
  if (access === 'public') return 'No key needed.'
  if (access === 'entries:read unless public')
    return 'Needs a key with scope `entries:read`, unless the log is public.'
  return `Needs a key with scope \`${access}\`.`
}

function logNote(route: Route): string {
  if (!('onLog' in route) || route.path.includes('/:log')) return ''
  return 'The log is the only one that the key is bound to, or else `default`.'
}

function parametersOf({ path, doc }: Route): Parameter[] {
  const inPath = [...path.matchAll(/:(\w+)/g)].map(([, name = '']): Parameter => {
    const schema = name === 'index' ? { type: 'integer', minimum: 0 } : { type: 'string' }
    const description = doc.params?.[name] ?? PATH_PARAMETERS[name]
    return { name, in: 'path', required: true, schema, ...(description === undefined ? {} : { description }) }
  })
  const inQuery = Object.entries(doc.query?.shape ?? {}).map(([name, type]): Parameter => {
    const { description, ...schema } = schemaOf(type as z.ZodType)
    const required = !(type as z.ZodType).safeParse(undefined).success
    return {
      name,
      in: 'query',
      required,
      schema,
      ...(typeof description === 'string' ? { description } : {}),
    }
  })
  return [...inPath, ...inQuery]
}

/** All the codes a route may answer with, those that come from what surrounds it included. */
export function problemCodesOf(route: Route, access: RouteAccess): string[] {
  const keys: ProblemCode[] = [
    'credentials_conflict',
    'key_missing',
    'key_malformed',
    'key_unknown',
    'key_revoked',
    'key_expired',
    'token_invalid',
    'token_expired',
    'token_not_granted',
    'insufficient_scope',
    'key_not_for_log',
    'rate_limited',
    'access_unavailable',
  ]
  const log: ProblemCode[] = [
    'log_not_found',
    'not_published',
    'log_halted',
    'log_contradicted',
    'log_damaged',
  ]
  return [
    ...(route.doc.problems ?? []),
    ...(access === 'public' ? [] : keys),
    ...('onLog' in route ? log : []),
    ...('onLog' in route && access !== 'public'
      ? (['log_reserved', 'reads_busy'] satisfies ProblemCode[])
      : []),
    // Of a path that is spelt another way, which may still lead to the route.
    'not_found',
    'store_unavailable',
    'unavailable',
  ]
}

function problemsOf(route: Route, access: RouteAccess, kinds: ProblemKinds): Operation['responses'] {
  const byStatus = new Map<number, string[]>()
  for (const code of new Set(problemCodesOf(route, access))) {
    const { status } = kinds[code] ?? PROBLEMS.unavailable
    byStatus.set(status, [...(byStatus.get(status) ?? []), code])
  }
  const content = { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } }
  return Object.fromEntries(
    [...byStatus]
      .toSorted(([a], [b]) => a - b)
      .map(([status, codes]) => [status, { description: codes.join(', '), content }]),
  )
}

function contentOf(types: Readonly<Record<string, z.ZodType>>): Content {
  return Object.fromEntries(
    Object.entries(types).map(([type, schema]) => [type, { schema: schemaOf(schema) }]),
  )
}

function schemaOf(schema: z.ZodType): Record<string, unknown> {
  const { $schema: _dialect, ...rest } = z.toJSONSchema(schema, { io: 'input' })
  return rest
}

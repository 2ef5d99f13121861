// The copy, served as its log would be (https://c2sp.org/tlog-tiles), below the hash of its origin.
import { createHash, timingSafeEqual } from 'node:crypto'
import type { Context } from 'hono'
import { parseTilePath } from '../core/tile.ts'
import { headersFor, IMMUTABLE, IMMUTABLE_PRIVATE } from '../http/respond.ts'
import { LogError } from '../log/errors.ts'
import type { Log, Logs } from '../log/types.ts'
import { plainText } from '../witness/plain-routes.ts'
import type { Copies } from './copies.ts'

export interface ServeCopyDeps {
  readonly copies: Copies
  readonly logs: Logs
  /** Entries are for those who send it as a bearer token; undefined: for everybody. */
  readonly readToken: string | undefined
}

const NOTE_HEADERS = headersFor('text/plain; charset=utf-8', 'no-cache')
const TILE_HEADERS = headersFor('application/octet-stream', IMMUTABLE)
const PRIVATE_HEADERS = headersFor('application/octet-stream', IMMUTABLE_PRIVATE)

/** @throws LogError `log_not_found`, `not_published` */
export async function getCheckpoint(c: Context, deps: ServeCopyDeps): Promise<Response> {
  const { note } = (await openCopy(c, deps)).published()
  return new Response(new Uint8Array(note), { headers: NOTE_HEADERS })
}

/** @throws LogError `log_not_found`, `not_published`, `tile_not_found`; FormatError `invalid_tile_path` */
export async function getTile(c: Context, deps: ServeCopyDeps): Promise<Response> {
  const log = await openCopy(c, deps)
  const { kind, id } = parseTilePath(rawTail(c))
  const fresh = c.req.raw.headers.get('cache-control')?.includes('no-cache') ?? false
  if (kind === 'hash') return bytes(await log.tile(id.level, id.index, id.width, fresh), TILE_HEADERS)
  if (deps.readToken === undefined) return bytes(await log.bundle(id.index, id.width, fresh), TILE_HEADERS)
  if (!hasToken(c, deps.readToken))
    return plainText(401, 'The entries of this mirror are private.', { 'www-authenticate': 'Bearer' })
  return bytes(await log.bundle(id.index, id.width, fresh), PRIVATE_HEADERS)
}

async function openCopy(c: Context, { copies, logs }: ServeCopyDeps): Promise<Log> {
  const info = await copies.existing(c.req.param('hash') ?? '')
  if (info === undefined) throw new LogError('log_not_found', 'No log of this origin is copied here.')
  return logs.open(info.name)
}

/** What follows the hash, as sent: the router decodes percent signs, and an encoded spelling is not canonical. */
function rawTail(c: Context): string {
  const { url } = c.req.raw
  const path = url.indexOf('/', url.indexOf('://') + 3)
  return url.slice(url.indexOf('/', path + 1) + 1)
}

function hasToken(c: Context, token: string): boolean {
  const sent = c.req.raw.headers.get('authorization') ?? ''
  const digest = (text: string): Uint8Array => createHash('sha256').update(text).digest()
  return timingSafeEqual(digest(sent), digest(`Bearer ${token}`))
}

function bytes(body: Uint8Array, headers: Readonly<Record<string, string>>): Response {
  return new Response(body as Uint8Array<ArrayBuffer>, { headers })
}

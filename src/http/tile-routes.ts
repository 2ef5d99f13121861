// c2sp.org/tlog-tiles: checkpoint, hash tiles, entry bundles. A path that is not exactly canonical names nothing: 404.
import type { Context } from 'hono'
import { FormatError } from '../core/errors.ts'
import { parseTilePath, type TileId } from '../core/tile.ts'
import { LogError } from '../log/errors.ts'
import type { Log } from '../log/types.ts'
import { readQuery } from './query.ts'
import { headersFor, IMMUTABLE, IMMUTABLE_PRIVATE } from './respond.ts'
import type { Route } from './route.ts'
import { binary, text } from './schemas.ts'

const NOTE_HEADERS = headersFor('text/plain; charset=utf-8', 'no-cache')
const TILE_HEADERS = headersFor('application/octet-stream', IMMUTABLE)
const PRIVATE_TILE_HEADERS = headersFor('application/octet-stream', IMMUTABLE_PRIVATE)

export function tileRoutes(): Route[] {
  return [
    {
      method: 'GET',
      path: '/logs/:log/checkpoint',
      onLog: getCheckpoint,
      doc: {
        tag: 'tiles',
        summary: 'Newest checkpoint',
        description: 'The signed note, byte for byte as published (c2sp.org/tlog-checkpoint).',
        answers: { 'text/plain; charset=utf-8': text },
        problems: ['invalid_parameter'],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/policy',
      onLog: getPolicy,
      doc: {
        tag: 'logs',
        summary: 'Whom to believe',
        description:
          'A complete policy file (c2sp.org/tlog-policy): the keys of the log, its witnesses and their quorum, for verifiers. ' +
          'Compare it with what the operator published elsewhere before you rely on it.',
        answers: { 'text/plain; charset=utf-8': text },
        problems: ['invalid_parameter', 'policy_invalid'],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/tile/entries/:bundle{.+}',
      onLog: getBundle,
      doc: {
        tag: 'tiles',
        summary: 'Entry bundle',
        description:
          '`{bundle}` is `N` or `N.p/W` as in c2sp.org/tlog-tiles, for example `x001/x234/067.p/8`; it holds slashes.',
        answers: { 'application/octet-stream': binary },
        problems: ['invalid_parameter', 'tile_not_found'],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/tile/:tile{.+}',
      onLog: getTile,
      doc: {
        tag: 'tiles',
        summary: 'Hash tile',
        description:
          '`{tile}` is `L/N` or `L/N.p/W` as in c2sp.org/tlog-tiles, for example `0/x001/067.p/8`; it holds slashes.',
        answers: { 'application/octet-stream': binary },
        problems: ['invalid_parameter', 'tile_not_found'],
      },
    },
  ]
}

function getCheckpoint(c: Context, log: Log): Response {
  readQuery(c, [])
  return new Response(bodyOf(log.published().note), { headers: NOTE_HEADERS })
}

function getPolicy(c: Context, log: Log): Response {
  readQuery(c, [])
  return new Response(log.policy().text, { headers: NOTE_HEADERS })
}

async function getTile(c: Context, log: Log): Promise<Response> {
  const { level, index, width } = tileOf(c, log)
  return new Response(bodyOf(await log.tile(level, index, width, wantsFresh(c))), { headers: TILE_HEADERS })
}

async function getBundle(c: Context, log: Log): Promise<Response> {
  const { index, width } = tileOf(c, log)
  const headers = log.info.public ? TILE_HEADERS : PRIVATE_TILE_HEADERS
  return new Response(bodyOf(await log.bundle(index, width, wantsFresh(c))), { headers })
}

/** An auditor asks with `Cache-Control: no-cache` (RFC 9111 §5.2.1.4) to see what is stored now, not what was read before. */
function wantsFresh(c: Context): boolean {
  return c.req.raw.headers.get('cache-control')?.includes('no-cache') ?? false
}

/** No parameters: a cache would keep a copy for each value, and those are made for ever. */
function tileOf(c: Context, log: Log): TileId {
  readQuery(c, [])
  try {
    return parseTilePath(rawTail(c.req.raw.url, log.info.name)).id
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
    throw new LogError('tile_not_found', 'this is not the path of a tile: see c2sp.org/tlog-tiles')
  }
}

/** What follows `/logs/<name>/`, as sent: the router decodes percent signs, and an encoded spelling is not canonical. */
function rawTail(url: string, name: string): string {
  const path = url.indexOf('/', url.indexOf('://') + 3)
  const query = url.indexOf('?', path)
  return url.slice(path + `/logs/${name}/`.length, query === -1 ? undefined : query)
}

/** Response's type wants to know that the memory is not shared; ours never is. */
function bodyOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  return bytes as Uint8Array<ArrayBuffer>
}

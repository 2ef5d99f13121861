// Entries by index, by range and by leaf hash; and the proof of one.
import type { Context } from 'hono'
import { hashLeaf } from '../core/hash.ts'
import type { Log } from '../log/types.ts'
import { hashOf, invalid, numberOf, readQuery } from './query.ts'
import { base64, headersFor, json, ndjson } from './respond.ts'
import type { Route } from './route.ts'
import { entriesQuery } from './schemas-query.ts'
import { binary, entry, entryList, entryProof, text } from './schemas.ts'

const ENTRY_HEADERS = headersFor('application/octet-stream', 'no-store')
const PROOF_HEADERS = headersFor('text/plain; charset=utf-8', 'no-store')

export function entryRoutes(): Route[] {
  return [
    {
      method: 'GET',
      path: '/logs/:log/entries',
      onLog: listEntries,
      doc: {
        tag: 'entries',
        summary: 'Entries by range or by leaf hash',
        description:
          'JSON, or one entry per line with `Accept: application/x-ndjson`. With `leaf_hash`, the one entry as JSON.',
        query: entriesQuery,
        answers: { 'application/json': entryList.or(entry), 'application/x-ndjson': text },
        problems: ['invalid_parameter', 'index_out_of_range', 'leaf_not_found'],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/entries/:index',
      onLog: getEntry,
      doc: {
        tag: 'entries',
        summary: 'One entry',
        description: 'The bytes that were appended.',
        answers: { 'application/octet-stream': binary },
        problems: ['invalid_parameter', 'index_out_of_range'],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/entries/:index/proof',
      onLog: getProof,
      doc: {
        tag: 'proofs',
        summary: 'Proof of one entry, to keep',
        description:
          'A c2sp.org/tlog-proof file at the newest checkpoint; JSON with `Accept: application/json`. It holds hashes and signatures ' +
          'only, all of which can be computed from the public tiles: no key is needed.',
        answers: { 'text/plain; charset=utf-8': text, 'application/json': entryProof },
        problems: ['invalid_parameter', 'index_out_of_range'],
      },
    },
  ]
}

async function listEntries(c: Context, log: Log): Promise<Response> {
  const { start, limit, leaf_hash: leafHash } = readQuery(c, ['start', 'limit', 'leaf_hash'])
  if (leafHash !== undefined) {
    if (start !== undefined || limit !== undefined)
      throw invalid('give leaf_hash, or start and limit, not both')
    const index = await log.indexOf(hashOf('leaf_hash', leafHash))
    return json(describe(index, await log.entry(index)))
  }
  const first = numberOf('start', start, { fallback: 0 })
  const { size } = log.published()
  const entries = (
    await log.entries(first, numberOf('limit', limit, { min: 1, max: 256, fallback: 100 }))
  ).map((data, i) => describe(first + i, data))
  if (accepts(c, 'application/x-ndjson')) return ndjson(entries)
  return json({ tree_size: size, entries })
}

async function getEntry(c: Context, log: Log): Promise<Response> {
  readQuery(c, [])
  const data = await log.entry(numberOf('index', c.req.param('index')))
  return new Response(new Uint8Array(data), { headers: ENTRY_HEADERS })
}

async function getProof(c: Context, log: Log): Promise<Response> {
  readQuery(c, [])
  const index = numberOf('index', c.req.param('index'))
  if (!accepts(c, 'application/json')) {
    return new Response(new Uint8Array(await log.proofFile(index)), { headers: PROOF_HEADERS })
  }
  const { size, note } = log.published()
  const { path } = await log.inclusion(index, size)
  return json({
    leaf_index: index,
    tree_size: size,
    audit_path: path.map(base64),
    checkpoint: Buffer.from(note).toString(),
  })
}

function describe(index: number, data: Uint8Array): object {
  return { index, leaf_hash: base64(hashLeaf(data)), entry: base64(data) }
}

function accepts(c: Context, type: string): boolean {
  return (c.req.header('accept') ?? '').includes(type)
}

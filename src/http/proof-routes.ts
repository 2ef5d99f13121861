// Proofs and tree heads under their RFC 6962 names. All of it follows from public tiles, so none of it needs a key.
import type { Context } from 'hono'
import { isSubtree } from '../core/tree.ts'
import type { Log, Published } from '../log/types.ts'
import { hashOf, invalid, numberOf, readQuery } from './query.ts'
import { base64, base64List, json, jsonText } from './respond.ts'
import type { Route } from './route.ts'
import { consistencyQuery, inclusionQuery, subtreeQuery, treeHeadsQuery } from './schemas-query.ts'
import { consistencyProof, inclusionProof, subtreeProof, treeHead, treeHeadList } from './schemas.ts'

export function proofRoutes(): Route[] {
  return [
    {
      method: 'GET',
      path: '/logs/:log/proofs/inclusion',
      onLog: getInclusion,
      doc: {
        tag: 'proofs',
        summary: 'Inclusion proof (RFC 6962 §2.1.1)',
        query: inclusionQuery,
        answers: { 'application/json': inclusionProof },
        problems: ['invalid_parameter', 'index_out_of_range', 'size_out_of_range', 'leaf_not_found'],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/proofs/consistency',
      onLog: getConsistency,
      doc: {
        tag: 'proofs',
        summary: 'Consistency proof (RFC 6962 §2.1.2)',
        description: 'Empty from 0, which every tree is consistent with, and between equal sizes.',
        query: consistencyQuery,
        answers: { 'application/json': consistencyProof },
        problems: ['invalid_parameter', 'size_out_of_range'],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/proofs/subtree',
      onLog: getSubtree,
      doc: {
        tag: 'proofs',
        summary: 'Subtree proof (draft-ietf-plants-merkle-tree-certs §4.4)',
        query: subtreeQuery,
        answers: { 'application/json': subtreeProof },
        problems: ['invalid_parameter', 'size_out_of_range'],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/sth',
      onLog: (c, log) => (readQuery(c, []), json(describe(log.published()))),
      doc: {
        tag: 'tree heads',
        summary: 'Newest signed tree head',
        answers: { 'application/json': treeHead },
        problems: ['invalid_parameter'],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log/sths',
      onLog: listTreeHeads,
      doc: {
        tag: 'tree heads',
        summary: 'Every tree head ever published, newest first',
        query: treeHeadsQuery,
        answers: { 'application/json': treeHeadList },
        problems: ['invalid_parameter'],
      },
    },
  ]
}

async function getInclusion(c: Context, log: Log): Promise<Response> {
  const query = readQuery(c, ['index', 'leaf_hash', 'hash', 'size'])
  const { index: indexText, leaf_hash: leafHash, hash = leafHash } = query
  if (leafHash !== undefined && query.hash !== undefined)
    throw invalid('hash is another name of leaf_hash: give one of them')
  if ((indexText === undefined) === (hash === undefined)) throw invalid('give either index or leaf_hash')
  const wanted = query.size === undefined ? undefined : numberOf('size', query.size)
  const leaf =
    hash === undefined
      ? numberOf('index', indexText)
      : await log.indexOf(hashOf(leafHash === undefined ? 'hash' : 'leaf_hash', hash))
  const { index, size, path } = await log.inclusion(leaf, wanted)
  return jsonText(`{"leaf_index":${index},"tree_size":${size},"audit_path":${base64List(path)}}`)
}

async function getConsistency(c: Context, log: Log): Promise<Response> {
  const query = readQuery(c, ['from', 'to'])
  const from = numberOf('from', query.from)
  const to = numberOf('to', query.to)
  if (from > to) throw invalid('from must not be larger than to: a log only grows')
  return json({ from, to, consistency: (await log.consistency(from, to)).map(base64) })
}

async function getSubtree(c: Context, log: Log): Promise<Response> {
  const query = readQuery(c, ['start', 'end', 'size'])
  const start = numberOf('start', query.start)
  const end = numberOf('end', query.end)
  const size = numberOf('size', query.size)
  if (start >= end) throw invalid('start must be smaller than end')
  if (end > size) throw invalid('end must not be larger than size')
  if (!isSubtree({ start, end }))
    throw invalid('start must be a multiple of the smallest power of two that is not below end - start')
  const { root, proof } = await log.subtree(start, end, size)
  return json({ start, end, tree_size: size, subtree_hash: base64(root), subtree_proof: proof.map(base64) })
}

async function listTreeHeads(c: Context, log: Log): Promise<Response> {
  const query = readQuery(c, ['before', 'limit'])
  const limit = numberOf('limit', query.limit, { min: 1, max: 100, fallback: 20 })
  const heads = await log.history(
    limit,
    query.before === undefined ? undefined : numberOf('before', query.before),
  )
  const oldest = heads.at(-1)?.seq ?? 0
  return json({ sths: heads.map(describe), next: oldest > 0 ? oldest : null })
}

function describe({ size, signedAt, root, note, seq, quorum }: Published): object {
  return {
    tree_size: size,
    timestamp: signedAt,
    sha256_root_hash: base64(root),
    checkpoint: Buffer.from(note).toString(),
    seq,
    quorum,
  }
}

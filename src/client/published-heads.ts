// Every tree head that a log ever published (GET /sths), oldest first. They are numbered without gaps, so pages can be read
// from the oldest on, and a head that was taken out leaves a hole.

import { encodeUtf8, equalBytes } from '../core/bytes.ts'
import { checkPolicy } from '../core/check-policy.ts'
import { ProoflogError } from '../core/errors.ts'
import type { Hash } from '../core/hash.ts'
import type { Policy } from '../core/policy.ts'
import { ClientError, EvidenceError } from './errors.ts'
import { inOrder } from './in-order.ts'
import { type Fields, parseFields } from './json.ts'
import type { Transport } from './transport.ts'

/** A tree head whose signature by the log was verified. */
export type PublishedHead = {
  readonly seq: number
  readonly size: number
  readonly root: Hash
  readonly note: Uint8Array
}

export type PublishedHeads = { readonly count: number; readonly heads: AsyncIterable<PublishedHead> }

const PAGE = 100
const PAGE_LIMIT = 64_000_000
const PAGES_UNDER_WAY = 2

/**
 * The list, up to what is its newest now; undefined when the host serves none.
 * @throws ClientError; while reading also EvidenceError `head_missing`, `signature_refused`
 */
export async function publishedHeads(
  transport: Transport,
  policy: Policy,
): Promise<PublishedHeads | undefined> {
  let newest: Fields | undefined
  try {
    newest = (await readPage(transport, 'sths?limit=1'))[0]
  } catch (error) {
    if (error instanceof ClientError && error.code === 'not_found') return undefined
    throw error
  }
  const count = newest ? newest.size('seq') + 1 : 0
  // Cosignatures are asked of the newest checkpoint only: who the witnesses were at the time, the policy does not say.
  const logsOnly: Policy = { logs: policy.logs, witnesses: [], groups: [], quorum: 'none' }
  return { count, heads: headsUpTo(transport, count, logsOnly) }
}

async function* headsUpTo(
  transport: Transport,
  count: number,
  policy: Policy,
): AsyncGenerator<PublishedHead> {
  const pages = Array.from({ length: Math.ceil(count / PAGE) }, (_, page) => page * PAGE)
  const load = (first: number): Promise<Fields[]> => {
    const end = Math.min(first + PAGE, count)
    return readPage(transport, `sths?limit=${end - first}&before=${end}`)
  }
  let seq = 0
  for await (const page of inOrder(pages, PAGES_UNDER_WAY, load)) {
    for (const fields of page.toReversed()) {
      if (fields.size('seq') !== seq)
        throw new EvidenceError('head_missing', `tree head ${seq}: not in the list`, { seq })
      yield verified(fields, seq, policy)
      seq++
    }
  }
  if (seq !== count) throw new EvidenceError('head_missing', `tree head ${seq}: not in the list`, { seq })
}

function verified(fields: Fields, seq: number, policy: Policy): PublishedHead {
  const note = encodeUtf8(fields.text('checkpoint'))
  const { size, root } = checkedCheckpoint(note, seq, policy)
  if (size === fields.size('tree_size') && equalBytes(root, fields.hash('sha256_root_hash')))
    return { seq, size, root, note }
  throw new EvidenceError(
    'root_differs',
    `tree head ${seq}: its checkpoint says another size or root than the list`,
    { seq },
  )
}

function checkedCheckpoint(note: Uint8Array, seq: number, policy: Policy): { size: number; root: Hash } {
  try {
    return checkPolicy(note, policy).checkpoint
  } catch (cause) {
    if (!(cause instanceof ProoflogError)) throw cause
    const message = `signature of tree head ${seq}: ${cause.message}`
    throw new EvidenceError('signature_refused', message, { ...cause.evidence, seq }, { cause })
  }
}

async function readPage(transport: Transport, path: string): Promise<Fields[]> {
  return parseFields(await transport.request({ path, limit: PAGE_LIMIT }), path).objects('sths')
}

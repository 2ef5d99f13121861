// Appending: one entry, or many as entry bundles with a bounded number of requests under way. A request whose outcome is
// unknown is sent again: the log answers the same bytes with their first index. (A log without deduplication may hold an
// entry twice then, but never lose one.)
import { encodeBundle } from '../core/bundle.ts'
import { equalBytes } from '../core/bytes.ts'
import { type Hash, hashLeaf } from '../core/hash.ts'
import { batchesOf, checkEntrySize, MAX_BATCH } from './batches.ts'
import { ClientError } from './errors.ts'
import { inOrder } from './in-order.ts'
import { type Fields, parseFields } from './json.ts'
import type { Transport } from './transport.ts'

/** The log's receipt for one entry: it is committed and has this index for ever. Only a proof shows it to others. */
export type Receipt = { readonly index: number; readonly leafHash: Hash; readonly duplicate: boolean }

/** The receipt for one batch: the indexes of its entries in order, and how many of them were in the log already. */
export type BatchReceipt = { readonly indexes: readonly number[]; readonly duplicates: number }

export type AppendManyOptions = {
  /** Entries of one request, at most 8,192; 1,024 unless given. A request never exceeds 1 MiB, except for one entry. */
  readonly batch?: number
  /**
   * Requests under way at once; 1 unless given, which keeps the entries in order. With more, whole batches may change places
   * in the log.
   */
  readonly window?: number
}

const DEFAULT_BATCH = 1_024
const MAX_WINDOW = 64
const ANSWER_LIMIT = 1_048_576

/** @throws FormatError `entry_too_large`; ClientError */
export async function appendEntry(transport: Transport, entry: Uint8Array): Promise<Receipt> {
  checkEntrySize(entry, 0)
  const answer = await post(transport, 'application/octet-stream', entry)
  const leafHash = hashLeaf(entry)
  if (!equalBytes(answer.hash('leaf_hash'), leafHash)) {
    throw new ClientError(
      'bad_answer',
      'The log acknowledged another entry than the one sent (the leaf hash differs).',
    )
  }
  return { index: answer.size('index'), leafHash, duplicate: answer.flag('duplicate') }
}

/**
 * Sends entries in batches as they come, and yields a receipt per batch, in the order of the entries.
 * @throws FormatError `entry_too_large`, naming the entry by its position; ClientError; RangeError for options out of bounds
 */
export function appendEntries(
  transport: Transport,
  entries: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { batch = DEFAULT_BATCH, window = 1 }: AppendManyOptions = {},
): AsyncGenerator<BatchReceipt, void, undefined> {
  checkOption('batch', batch, MAX_BATCH)
  checkOption('window', window, MAX_WINDOW)
  return inOrder(batchesOf(entries, batch), window, (parts) => appendBatch(transport, parts))
}

async function appendBatch(transport: Transport, entries: readonly Uint8Array[]): Promise<BatchReceipt> {
  const answer = await post(transport, 'application/vnd.prooflog.bundle', encodeBundle(entries))
  const receipt = { indexes: indexesOf(answer, entries.length), duplicates: answer.size('duplicates') }
  if (answer.size('count') === entries.length && receipt.indexes.length === entries.length) return receipt
  throw new ClientError('bad_answer', `The log did not acknowledge all ${entries.length} entries of a batch.`)
}

function indexesOf(answer: Fields, count: number): number[] {
  if (answer.has('indexes')) return answer.sizes('indexes')
  const first = answer.size('first_index')
  return Array.from({ length: count }, (_, i) => first + i)
}

async function post(transport: Transport, contentType: string, body: Uint8Array): Promise<Fields> {
  const bytes = await transport.request({
    method: 'POST',
    path: 'entries',
    contentType,
    body,
    limit: ANSWER_LIMIT,
  })
  return parseFields(bytes, 'POST entries')
}

function checkOption(name: string, value: number, max: number): void {
  if (Number.isInteger(value) && value >= 1 && value <= max) return
  throw new RangeError(`${name} must be a whole number from 1 to ${max}, not ${value}.`)
}

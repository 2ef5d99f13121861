// Derives a whole log again from what it serves to everybody: entries -> leaf hashes -> every tile -> every root that it ever
// signed. Streaming: memory does not grow with the log.

import { checkPolicy } from '../core/check-policy.ts'
import { type Checkpoint } from '../core/checkpoint.ts'
import { type SignedHead, walkLog } from './audit-walk.ts'
import { fetchCheckpoint, policyOf, type Trust } from './connect.ts'
import { type Head, headsError, type HeadStore } from './head.ts'
import { publishedHeads, type PublishedHead } from './published-heads.ts'
import { tilesOver } from './tiles.ts'
import { createTransport, type TransportOptions } from './transport.ts'

export type AuditOptions = TransportOptions &
  Trust & {
    /** The head to compare with, replaced by the audited one when all is well; none unless given. */
    readonly heads?: HeadStore | undefined
    /** False to start from the leaf hashes, for a log whose entries one may not read; true unless given. */
    readonly entries?: boolean | undefined
    /** Called after each bundle: entries audited so far, and how many there are. */
    readonly onProgress?: (done: number, total: number) => void
  }

/** What was checked, all of it without a difference. */
export type AuditReport = {
  readonly head: Head
  /** Whether the entries themselves were hashed, not only their leaf hashes read. */
  readonly entries: boolean
  /** Hash tiles compared byte for byte, partial ones included. */
  readonly tiles: number
  /** Published tree heads whose signature and root were checked; undefined when the host serves no list of them. */
  readonly heads: number | undefined
  /** The remembered head that is part of this tree; undefined when there was none. */
  readonly remembered: Checkpoint | undefined
}

/**
 * Audits a log from its address. The first difference ends the audit.
 * @throws EvidenceError naming the place: `entry_differs`, `tile_differs`, `tile_missing`, `root_differs`, `head_missing`,
 * `head_rewound`, `heads_inconsistent`, `signature_refused`; errors of checkPolicy for checkpoint and remembered head; ClientError
 */
export async function auditLog(options: AuditOptions): Promise<AuditReport> {
  const transport = createTransport({ ...options, fresh: true })
  const policy = policyOf(options)
  // The list before the checkpoint: whatever is listed by then, the checkpoint must cover.
  const published = await publishedHeads(transport, policy)
  const note = await fetchCheckpoint(transport)
  const head: Head = { ...checkPolicy(note, policy), note }
  const known = await options.heads?.load()
  const remembered = known && { ...checkPolicy(known, policy), note: known }
  if (remembered) checkCanContinue(remembered, head)

  const { entries = true, onProgress = ignoreProgress } = options
  const signed = signedHeads(published?.heads ?? [], remembered, head)
  const { tiles } = await walkLog(tilesOver(transport), head, signed, {
    entries,
    onProgress: ({ size }) => onProgress(size, head.checkpoint.size),
  })
  await options.heads?.save(note)
  return { head, entries, tiles, heads: published?.count, remembered: remembered?.checkpoint }
}

/** What needs no tree to be seen; the root follows in the walk. */
function checkCanContinue(remembered: Head, head: Head): void {
  const from = remembered.checkpoint
  const to = head.checkpoint
  const notes = { remembered: remembered.note, offered: head.note }
  if (from.origin !== to.origin) {
    const message = `the remembered head is of log ${JSON.stringify(from.origin)}, this log is ${JSON.stringify(to.origin)}`
    throw headsError('heads_inconsistent', message, notes)
  }
  if (from.size > to.size) {
    const message = `the log offers size ${to.size}, but size ${from.size} was seen before: entries were taken back, or an old copy is served`
    throw headsError('head_rewound', message, notes)
  }
}

/** All heads in order of size; the newest checkpoint is the last. */
async function* signedHeads(
  published: AsyncIterable<PublishedHead> | Iterable<PublishedHead>,
  remembered: Head | undefined,
  newest: Head,
): AsyncGenerator<SignedHead, void, undefined> {
  let waiting = remembered && nameHead('the remembered head', remembered)
  for await (const { seq, ...head } of published) {
    if (waiting && waiting.size <= head.size) {
      yield waiting
      waiting = undefined
    }
    yield { ...head, name: `tree head ${seq}` }
  }
  if (waiting) yield waiting
  yield nameHead('the checkpoint', newest)
}

function nameHead(name: string, { checkpoint: { size, root }, note }: Head): SignedHead {
  return { name, size, root, note }
}

function ignoreProgress(): void {
  // nobody asked
}

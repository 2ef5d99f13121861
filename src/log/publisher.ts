// The way out: a committed head becomes a published checkpoint. The order of the steps is the safety of the log; a crash
// after any of them leaves a state from which the same steps, run again, go on.
import { equalBytes } from '../core/bytes.ts'
import { formatCheckpoint } from '../core/checkpoint.ts'
import { formatNote, type NoteSignature } from '../core/note.ts'
import type { Signer } from '../core/signer.ts'
import { planConsistency } from '../core/tree.ts'
import { checkGrowth } from './check-growth.ts'
import { checkPublished } from './check-published.ts'
import { checkedEdge } from './checked-edge.ts'
import type { Cosigners, CosigningRequest } from './cosigners.ts'
import type { Feed } from './feed.ts'
import { foldPlanned } from './fold-planned.ts'
import { contradicted, halted } from './halted.ts'
import { lateCosignatures } from './late-cosignatures.ts'
import type { Clock, Guard, LogStore } from './ports.ts'
import { isSignedByAll } from './signed-by-all.ts'
import { createTileCache } from './tile-cache.ts'
import type { Head, LogInfo, Published } from './types.ts'

export interface PublisherPorts {
  readonly store: LogStore
  readonly guard: Guard
  readonly feed: Feed
  readonly clock: Clock
  readonly cosigners: Cosigners
  /** See CosigningRequest. */
  readonly alarm: CosigningRequest['alarm']
  /** Hears of late cosignatures that could not be kept. */
  readonly report: (error: unknown, log?: string) => void
}

/** What publishing one log needs. */
export interface PublishedLog {
  readonly info: LogInfo
  readonly signers: readonly Signer[]
}

/** A consistency proof takes two tiles a level. */
const PROOF_TILES_BYTES = 4 * 2 ** 20

/**
 * Checks the head of a log and publishes it, or signs it anew when the newest checkpoint was signed before `signedBefore`
 * (POSIX ms).
 * @returns the checkpoint, or undefined when there was nothing to do or another process does it
 * @throws LogError `quorum_missed`, `policy_invalid`: signed or not, it is not published; the next attempt starts anew
 * @throws LogError `log_contradicted` when signing would contradict what was signed before; `log_halted`; `log_damaged`; `store_unavailable`
 */
export async function publishOnce(
  log: PublishedLog,
  ports: PublisherPorts,
  signedBefore: number,
): Promise<Published | undefined> {
  const { info } = log
  const { store, guard, clock } = ports
  ports.cosigners.policyOf(info) // nothing is signed while the policy cannot be read
  if (!(await store.lead(info.id))) return undefined
  const last = await store.published(info.id)
  if (last !== undefined && last.seq !== ports.feed.newest(info.id)?.seq) checkPublished(info, last)
  const head = await store.head(info.id)
  const guarded = await guard.read(info.origin)
  const guardedHeads = guarded === undefined ? [undefined] : [guarded, ...(guarded.behind ?? [])]
  if (guardedHeads.includes(undefined) && last !== undefined) {
    throw halted(
      info,
      'the guard (or one of several) knows nothing of this log, but the database has published checkpoints of it: bring the guard back, or adopt the newest checkpoint with "prooflog guard adopt"',
    )
  }
  // Both what the guard remembers and what was published must be prefixes of what we are about to sign.
  checkedEdge(info, head, await store.edgeTiles(info.id, head.size))
  // Read anew each time: what is in memory may be of another copy of the database, and says nothing about this one.
  const tiles = createTileCache(info.id, store, PROOF_TILES_BYTES)
  for (const older of [...guardedHeads, last]) {
    if (older !== undefined) await checkGrowth(info, tiles, older, head)
  }
  if (last !== undefined && last.size === head.size) {
    const whole = isSignedByAll(info, last.note) && !ports.cosigners.lacks(info, last.note)
    const current = last.signedAt >= signedBefore && whole
    if (current || info.state === 'frozen') return undefined
  }

  const signedAt = clock()
  if (last !== undefined && signedAt <= last.signedAt) {
    throw halted(
      info,
      `the clock reads ${new Date(signedAt).toISOString()}, but the newest checkpoint was signed at ${new Date(last.signedAt).toISOString()}: set the clock right`,
    )
  }
  // Written before any signature leaves the process. The first root recorded for a size is the only one ever signed.
  const intended = await store.intend(info.id, head)
  if (!equalBytes(intended, head.root)) {
    throw contradicted(
      info,
      `a different root was recorded for size ${head.size} before: two histories of this log exist; see docs/operations.md`,
    )
  }
  const note = await sign(log, head, signedAt)
  // From here on the guard holds this head: whatever happens next, nothing inconsistent with it will ever be signed.
  await guard.move(info.origin, guarded, { ...head, note })
  const late = lateCosignatures(info, store, ports.report)
  const cosigned = await ports.cosigners.collect({
    log: info,
    size: head.size,
    note,
    consistency: (from) => foldPlanned(tiles, planConsistency(from, head.size), head.size),
    signedSize: async () => (await guard.read(info.origin))?.size ?? 0,
    late: (signatures) => late.take(signatures),
    alarm: ports.alarm,
  })
  const next: Published = { ...head, seq: (last?.seq ?? -1) + 1, signedAt, ...cosigned }
  if (!(await store.publish(info.id, next))) return undefined
  ports.feed.offer(info.id, next)
  late.follow(next)
  return next
}

/**
 * What this process has seen published must still be in the database; every process checks, also one that signs nothing.
 * @throws LogError `log_contradicted`
 */
export async function checkNotRewound(info: LogInfo, feed: Feed, store: LogStore): Promise<void> {
  const seen = feed.newest(info.id) // before the database is asked: what is published meanwhile is no contradiction
  const last = await store.published(info.id)
  if (seen === undefined || (last?.seq ?? -1) >= seen.seq) return
  throw contradicted(
    info,
    `checkpoint ${seen.seq} of size ${seen.size} was published, but the newest in the database is ${last?.seq ?? 'none'}: this is an older copy of the database; restore the newest one (docs/operations.md)`,
  )
}

async function sign({ info, signers }: PublishedLog, head: Head, signedAt: number): Promise<Uint8Array> {
  const text = formatCheckpoint({ origin: info.origin, size: head.size, root: head.root, extensions: [] })
  const signatures: NoteSignature[] = []
  for (const signer of signers) signatures.push(await signer.sign(text, Math.floor(signedAt / 1000)))
  return formatNote(text, signatures)
}

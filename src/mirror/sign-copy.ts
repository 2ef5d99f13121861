// The mirror's statement, "I hold all of this and serve it": made for a checkpoint whose entries are stored, never for a smaller
// one than before, and recorded before anybody sees it.
import { edgeFrom, edgeRoot } from '../core/append.ts'
import { equalBytes } from '../core/bytes.ts'
import { formatNote, type NoteSignature, parseNote } from '../core/note.ts'
import type { Signer } from '../core/signer.ts'
import { checkedEdge } from '../log/checked-edge.ts'
import { LogError } from '../log/errors.ts'
import { contradicted, halted } from '../log/halted.ts'
import type { Clock, Guard, Guarded, LogStore } from '../log/ports.ts'
import type { LogInfo, Published } from '../log/types.ts'
import type { Copy } from './copy.ts'
import type { Pending } from './pending-store.ts'

export interface SignCopyPorts {
  readonly store: LogStore
  /** The last checkpoint signed for each origin, kept outside the database: an older copy of that is noticed. */
  readonly guard: Guard
  /** The mirror's keys. They sign nothing but checkpoints of stored copies. */
  readonly signers: readonly Signer[]
  readonly clock: Clock
}

/** A same checkpoint is signed anew at will, but recorded anew only when the recorded signature is older; milliseconds. */
const RECORD_AFTER = 60_000
const TRIES = 5

/**
 * Signs a checkpoint up to which all entries are stored, and makes it the mirror checkpoint.
 * @returns the mirror's signatures; undefined when a larger checkpoint was signed meanwhile, or before
 * @throws LogError `log_damaged`, `log_contradicted`, `log_halted` when the stored copy is not what was stored or signed before
 */
export async function signCopy(
  copy: Copy,
  checkpoint: Pending,
  ports: SignCopyPorts,
): Promise<readonly NoteSignature[] | undefined> {
  const { info } = copy
  // Read back and hashed anew: what is about to be signed is what the database holds now.
  checkedEdge(info, checkpoint, await ports.store.edgeTiles(info.id, checkpoint.size))
  for (let attempt = 1; ; attempt++) {
    const last = await ports.store.published(info.id)
    const guarded = await ports.guard.read(info.origin)
    await checkGuarded(info, ports.store, guarded, last)
    const signed = Math.max(last?.size ?? 0, guarded?.size ?? 0)
    if (signed > checkpoint.size) return undefined
    const signedAt = Math.max(ports.clock(), (last?.signedAt ?? 0) + 1)
    const signatures = await signWith(ports.signers, checkpoint, signedAt)
    if (last?.size === checkpoint.size && !equalBytes(last.root, checkpoint.root))
      throw contradicted(
        info,
        `another root was signed for size ${checkpoint.size} before: keep both checkpoints`,
      )
    if (last?.size === checkpoint.size && signedAt - last.signedAt < RECORD_AFTER) return signatures
    const note = withSignatures(checkpoint, signatures)
    const seq = (last?.seq ?? -1) + 1
    const { size, root } = checkpoint
    const next: Published = { size, root, seq, signedAt, note, quorum: 'none' }
    if (await record(info, ports, guarded, next)) return signatures
    if (attempt === TRIES)
      throw new LogError('store_unavailable', `log ${info.name} is signed by others: try again`)
  }
}

/** @returns false when another upload was faster */
async function record(
  info: LogInfo,
  { store, guard }: SignCopyPorts,
  guarded: Guarded | undefined,
  next: Published,
): Promise<boolean> {
  const intended = await store.intend(info.id, next)
  if (!equalBytes(intended, next.root))
    throw contradicted(
      info,
      `another root was recorded for size ${next.size} before: somebody changed the database`,
    )
  try {
    await guard.move(info.origin, guarded, { size: next.size, root: next.root, note: next.note })
  } catch (error) {
    if (error instanceof LogError && error.code === 'guard_moved') return false
    throw error
  }
  return store.publish(info.id, next)
}

/** What was signed last must be a prefix of what is stored. @throws LogError `log_contradicted`, `log_halted` */
async function checkGuarded(
  info: LogInfo,
  store: LogStore,
  guarded: Guarded | undefined,
  last: Published | undefined,
): Promise<void> {
  if (guarded === undefined) {
    if (last === undefined) return
    throw halted(
      info,
      'the guard knows nothing of this copy, but the database has published checkpoints of it: bring the guard back (docs/mirrors.md)',
    )
  }
  const { size } = await store.head(info.id)
  if (guarded.size > size)
    throw contradicted(
      info,
      `size ${guarded.size} was signed, but ${size} entries are stored: this is an older copy of the database`,
    )
  const stored = edgeRoot(edgeFrom(guarded.size, await store.edgeTiles(info.id, guarded.size)))
  if (!equalBytes(stored, guarded.root))
    throw contradicted(info, `the entries stored are not those that were signed at size ${guarded.size}`)
}

async function signWith(
  signers: readonly Signer[],
  checkpoint: Pending,
  signedAt: number,
): Promise<NoteSignature[]> {
  const { text } = parseNote(checkpoint.note)
  const signatures: NoteSignature[] = []
  for (const signer of signers) signatures.push(await signer.sign(text, Math.floor(signedAt / 1000)))
  return signatures
}

function withSignatures(checkpoint: Pending, more: readonly NoteSignature[]): Uint8Array {
  const { text, signatures } = parseNote(checkpoint.note)
  return formatNote(text, [...signatures, ...more])
}

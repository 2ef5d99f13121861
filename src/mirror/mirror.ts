// A mirror, put together: what it does for a request, without HTTP.
import type { NoteSignature } from '../core/note.ts'
import type { SubtreeSigner } from '../core/subtree-signature.ts'
import { LogError } from '../log/errors.ts'
import type { Logs } from '../log/types.ts'
import { type AddCheckpointDeps, createAddCheckpoint } from '../witness/add-checkpoint.ts'
import { available } from '../witness/available.ts'
import type { CosignedHeads } from '../witness/cosigned-heads.ts'
import type { KnownLogs } from '../witness/known-logs.ts'
import { createSignSubtree } from '../witness/sign-subtree.ts'
import { addEntries, type AddEntriesOutcome } from './add-entries.ts'
import type { ByteReader } from './byte-reader.ts'
import type { Copies } from './copies.ts'
import type { Copy } from './copy.ts'
import type { Pending, PendingStore } from './pending-store.ts'
import { signCopy, type SignCopyPorts } from './sign-copy.ts'
import type { TicketKey } from './ticket.ts'

export interface MirrorDeps extends SignCopyPorts, Pick<AddCheckpointDeps, 'admit' | 'contradiction'> {
  readonly known: KnownLogs
  readonly copies: Copies
  readonly pending: PendingStore
  /** Serves the copies. */
  readonly logs: Logs
  /** The mirror's key of type 0x06. */
  readonly subtreeSigner: SubtreeSigner
  readonly ticketKey: TicketKey
}

export interface Mirror {
  /** See witness/add-checkpoint.ts; the answer is empty: a mirror signs what it holds. */
  addCheckpoint(body: Uint8Array): Promise<Uint8Array>
  /** See witness/sign-subtree.ts. */
  signSubtree(body: Uint8Array): Uint8Array
  /** See add-entries.ts. */
  addEntries(body: ByteReader, onBytes: (bytes: number) => void): Promise<AddEntriesOutcome>
  /** Why a copy is not signed, by origin. */
  readonly problems: ReadonlyMap<string, string>
}

/** How long an upload waits, at the end, for its checkpoint to be served by this process; milliseconds. */
const SERVED_LIMIT = 5_000

export function createMirror(deps: MirrorDeps): Mirror {
  const { known, admit, contradiction, clock } = deps
  const problems = new Map<string, string>()
  const heads = pendingHeads(deps)
  const anew: Sign = (copy, checkpoint) => signAndServe(deps, problems, copy, checkpoint)
  // Whoever waited in the line finds what was signed meanwhile: many who ask at once cost one signature.
  const sign = oneAtATime(freshFor1s(anew, clock))
  const uploads = { ...deps, copy: (origin: string) => deps.copies.of(origin), sign }
  return {
    problems,
    addCheckpoint: createAddCheckpoint({ logs: known, heads, signers: [], now: clock, admit, contradiction }),
    signSubtree: createSignSubtree({ logs: known, signer: deps.subtreeSigner, admit }),
    addEntries: (body, onBytes) => addEntries(body, uploads, onBytes),
  }
}

/** The pending checkpoints as add-checkpoint sees them: heads that nobody cosigned. */
function pendingHeads({ copies, pending }: MirrorDeps): CosignedHeads {
  return {
    async read(origin) {
      const copy = await copies.of(origin)
      const head = copy && (await available(() => pending.read(copy.info.id)))
      return head && { ...head, cosignedAt: 0 }
    },
    async replace(origin, from, to) {
      const copy = await copies.of(origin)
      return copy !== undefined && (await available(() => pending.move(copy.info.id, from?.size, to)))
    },
  }
}

async function signAndServe(
  deps: MirrorDeps,
  problems: Map<string, string>,
  copy: Copy,
  checkpoint: Pending,
): Promise<readonly NoteSignature[] | undefined> {
  const { origin, name } = copy.info
  let signatures: readonly NoteSignature[] | undefined
  try {
    signatures = await signCopy(copy, checkpoint, deps)
    problems.delete(origin)
  } catch (error) {
    if (error instanceof LogError) problems.set(origin, error.message)
    throw error
  }
  // The signature says that the copy is served: better not before it is.
  const log = await deps.logs.open(name)
  if (checkpoint.size > 0)
    await log.waitPublished(checkpoint.size - 1, AbortSignal.timeout(SERVED_LIMIT)).catch(() => undefined)
  return signatures
}

type Sign = (copy: Copy, checkpoint: Pending) => Promise<readonly NoteSignature[] | undefined>

/** For each log one signature after the other: two at once would be in each other's way at the guard. */
function oneAtATime(sign: Sign): Sign {
  const last = new Map<string, Promise<unknown>>()
  return (copy, checkpoint) => {
    const { origin } = copy.info
    const next = (last.get(origin) ?? Promise.resolve()).then(() => sign(copy, checkpoint))
    last.set(
      origin,
      next.catch(() => undefined),
    )
    return next
  }
}

/** Whoever asks again within a second is told the same: a signature costs 4 ms, and its time is in seconds. */
function freshFor1s(sign: Sign, clock: () => number): Sign {
  const made = new Map<string, { size: number; at: number; signatures: readonly NoteSignature[] }>()
  return async (copy, checkpoint) => {
    const { origin } = copy.info
    const known = made.get(origin)
    const at = Math.floor(clock() / 1000)
    if (known?.size === checkpoint.size && known.at === at) return known.signatures
    const signatures = await sign(copy, checkpoint)
    if (signatures !== undefined && checkpoint.size >= (made.get(origin)?.size ?? 0))
      made.set(origin, { size: checkpoint.size, at, signatures })
    return signatures
  }
}

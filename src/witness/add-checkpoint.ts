// add-checkpoint of https://c2sp.org/tlog-witness: a checkpoint that continues the one cosigned last is cosigned.
import { equalBytes } from '../core/bytes.ts'
import { formatCheckpoint } from '../core/checkpoint.ts'
import { formatNote, formatSignatures, type NoteSignature } from '../core/note.ts'
import type { Signer } from '../core/signer.ts'
import { checkAdvance, NOTHING_SEEN } from './check-advance.ts'
import type { CosignedHead, CosignedHeads } from './cosigned-heads.ts'
import { WitnessError } from './errors.ts'
import { type LogVerifiers, openCheckpoint, type OpenedCheckpoint, originOf } from './open-request.ts'
import { Refusal } from './refusal.ts'
import { type AddCheckpoint, parseAddCheckpoint } from './wire.ts'

export interface AddCheckpointDeps {
  readonly logs: LogVerifiers
  readonly heads: CosignedHeads
  /** Keys of types 0x04 and 0x06. All of them cosign; a mirror, which has yet to see the entries, gives none. */
  readonly signers: readonly Signer[]
  /** Milliseconds since the epoch. */
  readonly now: () => number
  /** Called for each request of a known log, before any signature of it is checked. @throws Refusal `rate_limited`, `not_available` */
  readonly admit: (origin: string) => void
  /** Told of a checkpoint that its log signed and that contradicts what was seen: both notes are evidence. */
  readonly contradiction: (
    origin: string,
    why: string,
    offered: Uint8Array,
    seen: Uint8Array | undefined,
  ) => void
}

/** Times that a request is tried anew when another one was faster. */
const TRIES = 4

/**
 * The handler of a request body; resolves to signature lines, after what they say is durable.
 * @throws Refusal, SizeConflict, RateLimited
 */
export function createAddCheckpoint(deps: AddCheckpointDeps): (body: Uint8Array) => Promise<Uint8Array> {
  return async (body) => {
    const request = parseRequest(body)
    const origin = originOf(request.note)
    const verifiers = deps.logs.verifiersOf(origin)
    if (verifiers === undefined) throw new Refusal('unknown_log', 'This log is not known here.')
    deps.admit(origin)
    const opened = openCheckpoint(origin, request.note, verifiers)
    for (let tries = 0; tries < TRIES; tries++) {
      const seen = await deps.heads.read(origin)
      checkRequest(deps, request, opened, seen)
      const { next, cosignatures } = await cosign(deps, opened, seen)
      if (await deps.heads.replace(origin, seen, next))
        return cosignatures.length === 0 ? new Uint8Array() : formatSignatures(cosignatures)
    }
    throw new Refusal('not_available', 'Too many requests for this log at once: try again.')
  }
}

function parseRequest(body: Uint8Array): AddCheckpoint {
  try {
    return parseAddCheckpoint(body)
  } catch (cause) {
    if (cause instanceof WitnessError) throw new Refusal('malformed', cause.message, {}, { cause })
    throw cause
  }
}

function checkRequest(
  { contradiction }: AddCheckpointDeps,
  request: AddCheckpoint,
  { checkpoint, verified, text }: OpenedCheckpoint,
  seen: CosignedHead | undefined,
): void {
  try {
    checkAdvance(seen ?? NOTHING_SEEN, checkpoint, request)
  } catch (error) {
    // Of what was sent, only what the log signed: anybody may have added the rest. The head that was seen last is no
    // contradiction to itself, whatever comes with it.
    const same = seen?.size === checkpoint.size && equalBytes(seen.root, checkpoint.root)
    if (error instanceof Refusal && error.code === 'inconsistent' && !same)
      contradiction(checkpoint.origin, error.message, formatNote(text, verified), seen?.note)
    throw error
  }
}

/**
 * Cosigns what was understood, written anew, not what was sent; and keeps only signatures that verified and our own, so that
 * nobody can have a line stored that would spoil the note for whoever opens it (sunlight does the same).
 */
async function cosign(
  { signers, now }: AddCheckpointDeps,
  { checkpoint: { origin, size, root }, verified }: OpenedCheckpoint,
  seen: CosignedHead | undefined,
): Promise<{ next: CosignedHead; cosignatures: readonly NoteSignature[] }> {
  const text = formatCheckpoint({ origin, size, root, extensions: [] })
  // A clock that was turned back must not turn back what we said: the time of a log stands still until it has caught up.
  const cosignedAt = Math.max(1, Math.floor(now() / 1000), seen?.cosignedAt ?? 0)
  const cosignatures: NoteSignature[] = []
  for (const signer of signers) cosignatures.push(await signer.sign(text, cosignedAt))
  const note = formatNote(text, [...verified, ...cosignatures])
  return { next: { size, root, cosignedAt, note }, cosignatures }
}

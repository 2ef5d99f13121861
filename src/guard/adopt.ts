// An operator's decision to trust a checkpoint as the last one signed: the way out when the guard was lost, or when the
// database that it knows is gone for good.
import { equalBytes, toHex } from '../core/bytes.ts'
import { parseCheckpoint } from '../core/checkpoint.ts'
import { openNote } from '../core/note.ts'
import { verifierOf } from '../core/signer.ts'
import { LogError } from '../log/errors.ts'
import type { Guarded } from '../log/ports.ts'
import type { Head } from '../log/types.ts'
import { type GuardState, type OperatedGuard, showPlace } from './guard.ts'

export interface Adopted extends Head {
  readonly origin: string
  /** Places that hold it now and did not before. */
  readonly changed: readonly string[]
}

/**
 * Makes a checkpoint the guard of its log, wherever the guard is missing or cannot be understood. If other places still know
 * a head that is not older, that one is what the others are given.
 * @param note the signed checkpoint
 * @param vkeys of the log; one of them must have signed
 * @param options.force also where the guard holds another checkpoint: a second history may be signed from here on
 * @throws LogError `guard_moved` when the guard holds another checkpoint and `force` is not set
 * @throws FormatError, SignatureError when the note is none of the log's
 */
export async function adoptCheckpoint(
  guard: OperatedGuard,
  note: Uint8Array,
  vkeys: readonly string[],
  { force = false }: { force?: boolean } = {},
): Promise<Adopted> {
  const { origin, ...offered } = signedHead(note, vkeys)
  const states = await Promise.all(guard.places.map((place) => showPlace(place, origin)))
  const chosen = force ? offered : chooseHead(origin, offered, states)
  const changed: string[] = []
  for (const [i, place] of guard.places.entries()) {
    const known = states[i]?.note
    if (known !== undefined && equalBytes(known, chosen.note)) continue
    if (states[i]?.head !== undefined && !force) continue // an interrupted move: the next one mends it
    await place.put(origin, chosen.note)
    changed.push(place.name)
  }
  return { origin, size: chosen.size, root: chosen.root, changed }
}

/** @throws LogError `guard_moved`; FormatError, SignatureError */
export function signedHead(note: Uint8Array, vkeys: readonly string[]): Guarded & { origin: string } {
  const { note: opened } = openNote(note, vkeys.map(verifierOf))
  const { origin, size, root } = parseCheckpoint(opened.text)
  if (!vkeys.some((vkey) => verifierOf(vkey).name === origin)) {
    throw new LogError('guard_moved', `the checkpoint is of ${origin}, and none of the keys is that log's`, {
      origin,
    })
  }
  return { origin, size, root, note }
}

/** What the places that lost theirs are given: what the others hold, or else what was offered. */
function chooseHead(origin: string, offered: Guarded, states: readonly GuardState[]): Guarded {
  const known = states.flatMap(({ head }) => head ?? [])
  const newest = known.reduce<Guarded | undefined>((a, b) => (a && a.size >= b.size ? a : b), undefined)
  if (newest === undefined || known.every(({ note }) => equalBytes(note, offered.note))) return offered
  const someLost = known.length < states.length
  const notOlder =
    newest.size > offered.size || (newest.size === offered.size && equalBytes(newest.root, offered.root))
  if (someLost && notOlder) return newest
  throw new LogError(
    'guard_moved',
    `the guard of ${origin} holds another checkpoint, of size ${newest.size}; the one offered has size ${offered.size}: if the history that it knows is lost for good, adopt this one by force`,
    { origin, guarded: newest.size, offered: offered.size, root: toHex(offered.root) },
  )
}

// The guard, wherever it is kept: what is stored is understood or refused, and moves only from where it is.
import { parseCheckpoint } from '../core/checkpoint.ts'
import { parseNote } from '../core/note.ts'
import { LogError } from '../log/errors.ts'
import type { Guard, Guarded } from '../log/ports.ts'
import type { GuardPlace, Kept } from './place.ts'

/** What an operator sees of a guard at one place. */
export interface GuardState extends Kept {
  /** Where, without secrets. */
  readonly place: string
  /** The head, if the note can be understood. */
  readonly head: Guarded | undefined
}

/** A guard, and what only an operator may do with it. */
export interface OperatedGuard extends Guard {
  /** The places it is kept at: one, or several (several.ts). */
  readonly places: readonly GuardPlace[]
  /** Takes the halt back. */
  clear(origin: string): Promise<void>
  close(): Promise<void>
}

export function createGuard(place: GuardPlace): OperatedGuard {
  async function read(origin: string): Promise<Guarded | undefined> {
    const { note, halted } = await place.load(origin)
    if (halted !== undefined) throw haltedBy(origin, place.name, halted)
    return note === undefined ? undefined : understood(origin, note, place.name)
  }

  return {
    places: [place],
    read,
    async move(origin, from, to) {
      await read(origin)
      if (await place.swap(origin, from?.note, to.note)) return
      throw new LogError(
        'guard_moved',
        `another process moved the guard of ${origin} in ${place.name}: two services sign this log; stop one`,
      )
    },
    halt: (origin, reason) => place.halt(origin, reason),
    clear: (origin) => place.clear(origin),
    close: () => place.close(),
  }
}

/** What a place holds, halted or damaged: for operators. */
export async function showPlace(place: GuardPlace, origin: string): Promise<GuardState> {
  const kept = await place.load(origin)
  const state = { ...kept, place: place.name, head: undefined }
  if (kept.note === undefined) return state
  try {
    return { ...state, head: understood(origin, kept.note, place.name) }
  } catch (error) {
    if (error instanceof LogError && error.code === 'log_halted') return state
    throw error
  }
}

/** @throws LogError `log_halted` */
function understood(origin: string, note: Uint8Array, place: string): Guarded {
  try {
    const checkpoint = parseCheckpoint(parseNote(note).text)
    if (checkpoint.origin !== origin) throw new RangeError(`it is of ${checkpoint.origin}`)
    return { size: checkpoint.size, root: checkpoint.root, note }
  } catch (cause) {
    throw new LogError(
      'log_halted',
      `the guard of ${origin} in ${place} cannot be understood: restore it, or adopt the newest checkpoint with "prooflog guard adopt"`,
      { place },
      { cause },
    )
  }
}

function haltedBy(origin: string, place: string, reason: string): LogError {
  return new LogError(
    'log_halted',
    `${origin} is not signed since an alarm: ${reason}. When the cause is known and gone, "prooflog guard clear" lets it go on`,
    { place, reason },
  )
}

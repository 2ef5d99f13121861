// What a monitor remembers between two rounds, and its one file.
import { type Fields, parseFields } from '../client/json.ts'
import { type Edge, edgeFrom } from '../core/append.ts'
import { decodeUtf8, encodeUtf8, fromBase64, toBase64 } from '../core/bytes.ts'
import { ProoflogError } from '../core/errors.ts'

/** A head that a witness or mirror had before the log served it. */
export interface Ahead {
  /** Address of who had it. */
  readonly heldBy: string
  readonly note: Uint8Array
  /** When it was first seen, POSIX milliseconds. */
  readonly since: number
}

export interface MonitorState {
  /** The last checkpoint against which nothing was found. */
  readonly note: Uint8Array
  /** When its size was first seen, POSIX milliseconds. */
  readonly grownAt: number
  /** When it was last served, POSIX milliseconds. */
  readonly servedAt: number
  readonly ahead: readonly Ahead[]
  /** The tree of the entries that were hashed so far; undefined when none were. */
  readonly entries: Edge | undefined
}

/**
 * Where a monitor remembers. `save` MUST have stored the state durably when it resolves; one store belongs to one log and at
 * any time to one monitor.
 */
export interface StateStore {
  load(): Promise<MonitorState | undefined>
  save(state: MonitorState): Promise<void>
}

/** Remembers for as long as the program runs. */
export function memoryStateStore(): StateStore {
  let remembered: MonitorState | undefined
  return {
    load: () => Promise.resolve(remembered),
    save: (state) => {
      remembered = state
      return Promise.resolve()
    },
  }
}

export function formatState({ note, grownAt, servedAt, ahead, entries }: MonitorState): Uint8Array {
  const state = {
    checkpoint: decodeUtf8(note),
    grown_at: grownAt,
    served_at: servedAt,
    ahead: ahead.map((head) => ({
      held_by: head.heldBy,
      checkpoint: decodeUtf8(head.note),
      since: head.since,
    })),
    entries: entries ? { size: entries.size, tiles: entries.tiles.map(toBase64) } : null,
  }
  return encodeUtf8(`${JSON.stringify(state, undefined, 1)}\n`)
}

/** @throws StateError */
export function parseState(bytes: Uint8Array, where: string): MonitorState {
  try {
    return stateOf(parseFields(bytes, where))
  } catch (cause) {
    if (!(cause instanceof ProoflogError)) throw cause
    throw new StateError(`${where} is not the state of a monitor: ${cause.message}`, {}, { cause })
  }
}

function stateOf(fields: Fields): MonitorState {
  return {
    note: encodeUtf8(fields.text('checkpoint')),
    grownAt: fields.size('grown_at'),
    servedAt: fields.size('served_at'),
    ahead: fields.objects('ahead').map((head) => ({
      heldBy: head.text('held_by'),
      note: encodeUtf8(head.text('checkpoint')),
      since: head.size('since'),
    })),
    entries: fields.has('entries') ? edgeOf(fields.object('entries')) : undefined,
  }
}

function edgeOf(fields: Fields): Edge {
  return edgeFrom(fields.size('size'), fields.texts('tiles').map(fromBase64))
}

/** What is remembered cannot be used: it is of another log, of keys that are not believed any more, or damaged. */
export class StateError extends ProoflogError {
  readonly code = 'state_unusable'
}

// Every new entry: hashed, grown into the tree of those before, and held against every tile and the signed root.
import { walkLog } from '../client/audit-walk.ts'
import { wholeBundles } from '../client/edge.ts'
import { ClientError } from '../client/errors.ts'
import type { Head } from '../client/head.ts'
import type { Tiles } from '../client/tiles.ts'
import { edgeRoot, EMPTY_EDGE } from '../core/append.ts'
import { equalBytes } from '../core/bytes.ts'
import { findWith } from './judge.ts'
import type { MonitorState, StateStore } from './state.ts'
import type { Violation } from './violation.ts'

export interface Hashed {
  /** Entries that were hashed, of all rounds. */
  readonly size?: number
  readonly violations?: readonly Violation[]
  readonly failure?: ClientError
}

/** After so many entries the place is remembered. */
const SAVE_EVERY = 65_536

/** Goes on where the state says, and saves how far it came. */
export async function hashEntries(
  { onProgress = () => {} }: { readonly onProgress?: (done: number, total: number) => void },
  tiles: Tiles,
  head: Head,
  state: MonitorState,
  store: StateStore,
): Promise<Hashed> {
  const { size, root } = head.checkpoint
  if (state.entries?.size === size && equalBytes(edgeRoot(state.entries), root)) return { size }
  let edge = state.entries ? wholeBundles(state.entries) : EMPTY_EDGE
  const violations: Violation[] = []
  try {
    await findWith(violations, { offered: head.note }, async () => {
      await walkLog(tiles, head, headAlone(head), {
        entries: true,
        from: edge,
        async onProgress(grown) {
          edge = grown
          onProgress(edge.size, size)
          if (edge.size % SAVE_EVERY === 0) await store.save({ ...state, entries: edge })
        },
      })
    })
  } catch (failure) {
    if (!(failure instanceof ClientError)) throw failure
    await store.save({ ...state, entries: edge })
    return { size: edge.size, failure }
  }
  // When the entries do not give the signed root, any of those before may be the wrong one: begin again.
  const wrong = violations.some(({ code }) => code === 'root_differs')
  if (wrong) edge = EMPTY_EDGE
  await store.save({ ...state, entries: edge })
  return { size: edge.size, violations }
}

async function* headAlone({ checkpoint: { size, root }, note }: Head) {
  yield await Promise.resolve({ name: 'the checkpoint', size, root, note })
}

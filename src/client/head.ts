// The remembered head: the last checkpoint that a client verified. It only moves to a tree that continues it, so a log that
// shows two histories to one client is caught with both signed notes in hand.

import { decodeUtf8, equalBytes } from '../core/bytes.ts'
import { type CheckedCheckpoint, checkPolicy } from '../core/check-policy.ts'
import { FormatError, ProofError } from '../core/errors.ts'
import type { Policy } from '../core/policy.ts'
import { planConsistency } from '../core/tree.ts'
import { checkConsistency } from '../core/verify.ts'
import { EvidenceError } from './errors.ts'
import { hashesOfPlan, type Tiles } from './tiles.ts'

/**
 * Where the remembered head is kept. `save` MUST have stored the note durably when it resolves, and `load` MUST then return
 * exactly these bytes; one store belongs to one log.
 */
export interface HeadStore {
  load(): Promise<Uint8Array | undefined>
  save(note: Uint8Array): Promise<void>
}

/** A checkpoint that satisfies the policy and continues the remembered one; `note` is the signed note. */
export type Head = CheckedCheckpoint & { readonly note: Uint8Array }

/** Remembers for as long as the program runs. */
export function memoryHeadStore(): HeadStore {
  let remembered: Uint8Array | undefined
  return {
    load: () => Promise.resolve(remembered),
    save: (note) => {
      remembered = note
      return Promise.resolve()
    },
  }
}

/**
 * Verifies an offered checkpoint, checks that it continues the remembered one, and remembers it if it is larger.
 * @throws EvidenceError `heads_inconsistent`, `head_rewound`, and as Tiles.tile; errors of checkPolicy for either note
 */
export async function advanceHead(
  offered: Uint8Array,
  { policy, store, tiles }: { policy: Policy; store: HeadStore; tiles: Tiles },
): Promise<Head> {
  const head = { ...checkPolicy(offered, policy), note: offered }
  const known = await store.load()
  if (known) {
    const remembered = { ...checkPolicy(known, policy), note: known }
    await checkContinues(remembered, head, tiles)
    if (head.checkpoint.size === remembered.checkpoint.size) return head
  }
  await store.save(offered)
  return head
}

/** The error that carries both notes. */
export function headsError(
  code: 'heads_inconsistent' | 'head_rewound',
  message: string,
  notes: { remembered: Uint8Array; offered: Uint8Array },
  options?: ErrorOptions,
): EvidenceError {
  const evidence = { remembered: decodeUtf8(notes.remembered), offered: decodeUtf8(notes.offered) }
  return new EvidenceError(code, message, evidence, options)
}

async function checkContinues(remembered: Head, head: Head, tiles: Tiles): Promise<void> {
  const from = remembered.checkpoint
  const to = head.checkpoint
  const notes = { remembered: remembered.note, offered: head.note }
  if (from.origin !== to.origin) {
    const message = `the remembered head is of log ${JSON.stringify(from.origin)}, the offered one of ${JSON.stringify(to.origin)}`
    throw headsError('heads_inconsistent', message, notes)
  }
  if (to.size < from.size) {
    const message = `the log offers size ${to.size}, but size ${from.size} was seen before: entries were taken back, or an old copy is served`
    throw headsError('head_rewound', message, notes)
  }
  if (to.size === from.size) {
    if (equalBytes(from.root, to.root)) return
    throw headsError('heads_inconsistent', `the log signed two different trees of size ${to.size}`, notes)
  }
  if (from.size === 0) return // every tree continues the empty one
  const message = `the tree of size ${to.size} does not continue the remembered one of size ${from.size}`
  try {
    const proof = await hashesOfPlan(tiles, planConsistency(from.size, to.size), to.size)
    checkConsistency(from.size, to.size, from.root, to.root, proof)
  } catch (cause) {
    if (cause instanceof ProofError || cause instanceof FormatError) {
      throw headsError('heads_inconsistent', message, notes, { cause })
    }
    throw cause
  }
}

// The port for the log of who looked at the log: src/audit/meta keeps it in log `_meta`.
import type { Context } from 'hono'
import type { Principal } from '../access/principal.ts'

/** What was done, or tried. `denied`: refused with 401, 403 or 429. */
export type JournalAction = 'read' | 'search' | 'reveal' | 'export' | 'admin' | 'append' | 'denied'

/** `note`: soon, counted. `record`: durably before the answer is sent, or there is no answer. */
export type Journalling = 'none' | 'note' | 'record'

export interface JournalRule {
  readonly how: Journalling
  readonly action?: JournalAction
}

/** One access, or attempt at one. */
export interface Access {
  readonly action: JournalAction
  /** `GET /logs/:log/events`: the route as the access table names it. */
  readonly route: string
  readonly log: string | undefined
  /** Undefined for who showed no valid key. */
  readonly principal: Principal | undefined
  /** Undefined of what is about to be changed: what came of it follows. */
  readonly status: number | undefined
  /** Code of the refusal. */
  readonly code: string | undefined
  /** Address of the peer. */
  readonly ip: string | undefined
  /** What was asked for: query parameters, ids; never a secret. Personal, as what was searched for may be. */
  readonly detail: Readonly<Record<string, unknown>>
}

export interface Journal {
  /** Soon in the log; repeated ones are counted into one. Never throws, never waits. */
  note(access: Access): void
  /** In the log, durably, before it resolves: for what must not happen unrecorded. @throws when that cannot be */
  record(access: Access): Promise<void>
}

const details = new WeakMap<Context, Readonly<Record<string, unknown>>>()

/** What a handler knows about its request beyond path and query, for the journal: never a secret. */
export function tellJournal(c: Context, detail: Readonly<Record<string, unknown>>): void {
  details.set(c, { ...details.get(c), ...detail })
}

const intents = new WeakMap<Context, () => Promise<void>>()

/** For the shell: how the intent of this request is recorded. */
export function recordIntentBy(c: Context, record: () => Promise<void>): void {
  intents.set(c, record)
}

/**
 * To be called by a handler before it changes anything, once it knows what: a change that the journal does not know of could not be
 * undone when its entry fails afterwards. Without a journal it does nothing.
 * @throws when it cannot be recorded: then nothing may be changed
 */
export async function recordIntent(
  c: Context,
  detail: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  tellJournal(c, detail)
  await intents.get(c)?.()
}

export function toldJournal(c: Context): Readonly<Record<string, unknown>> {
  return details.get(c) ?? {}
}

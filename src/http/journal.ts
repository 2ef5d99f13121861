// The port for the log of who looked at the log: src/audit/meta keeps it in log `_meta`.
import type { Principal } from '../access/principal.ts'

/** One access, or attempt at one. */
export interface Access {
  /** `GET /logs/:log/events`: the route as the access table names it. */
  readonly route: string
  readonly log: string | undefined
  /** Undefined for who showed no valid key. */
  readonly principal: Principal | undefined
  readonly status: number
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

// What followers tell whoever measures them. Called once a batch, never per entry.

/** `name` is the follower's, `log` the log's; implementations MUST NOT throw and MUST NOT wait. */
export interface FollowObserver {
  /** How far behind the published log it is: entries, and the age in seconds of the oldest one of them. */
  lag(name: string, log: string, entries: number, seconds: number): void
  /** `entries` went through within `seconds`, reading not counted. */
  followed(name: string, log: string, entries: number, seconds: number): void
  /** It failed and goes on later. */
  failed(name: string, log: string, error: unknown): void
}

export const NO_FOLLOW_OBSERVER: FollowObserver = {
  lag: () => {},
  followed: () => {},
  failed: () => {},
}

// How much a request appends is known to its handler only: it says so here, before it stores anything.
import type { Context } from 'hono'

const charges = new WeakMap<Context, (events: number) => void>()

/** For the shell: whom the events of this request are charged to. */
export function chargeTo(c: Context, charge: (events: number) => void): void {
  charges.set(c, charge)
}

/**
 * Charges `events` to the caller's rate of appending; to be called once the body was read and before anything is stored.
 * Without limits it does nothing.
 * @throws AccessError `rate_limited`
 */
export function chargeEvents(c: Context, events: number): void {
  charges.get(c)?.(events)
}

// What every adapter is: bytes of a sender's protocol in, records out. Pure; transports and receipts are elsewhere.
import type { Incoming, Records } from '../event/types.ts'

export interface ParsedBody<All extends Records = readonly Incoming[]> {
  /** In the order of the body. */
  readonly incoming: All
  /** The body held one record, not a list of one: a bad one may be refused instead of being kept. */
  readonly single: boolean
}

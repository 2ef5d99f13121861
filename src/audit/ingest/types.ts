// What every adapter is: bytes of a sender's protocol in, records out. Pure; transports and receipts are elsewhere.
import type { Incoming } from '../event/types.ts'

export interface ParsedBody {
  /** In the order of the body. */
  readonly incoming: readonly Incoming[]
  /** The body held one record, not a list of one: a bad one may be refused instead of being kept. */
  readonly single: boolean
}

// The sending half of the SDK, for Node: events are on disk before `audit()` resolves, and reach the log from there.
export { ProoflogError } from '../core/errors.ts'
export { createSender } from './create-sender.ts'
export { SenderError, type SenderErrorCode } from './errors.ts'
export { type Actor, type JsonValue, type Party, type SenderEvent } from './event.ts'
export {
  type EventReceipt,
  type Problem,
  type ProblemCode,
  type Reservation,
  type Sender,
  type SenderOptions,
  type SenderStatus,
  type WhenFull,
} from './types.ts'

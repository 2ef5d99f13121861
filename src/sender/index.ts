// The sending half of the SDK, for Node: events are on disk before `audit()` resolves, and reach the log from there.
export { ProoflogError } from '../core/errors.ts'
export { createSender } from './create-sender.ts'
export { SenderError, type SenderErrorCode } from './errors.ts'
export { type Actor, type JsonValue, type Party, type SenderEvent } from './event.ts'
export { auditExpress } from './express.ts'
export { auditFastify, type FastifyLike, type FastifyReplyLike, type FastifyRequestLike } from './fastify.ts'
export { auditHono, type HonoAuditOptions, type HonoContext } from './hono.ts'
export { type Who } from './http-event.ts'
export { type RequestAuditOptions } from './request-audit.ts'
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

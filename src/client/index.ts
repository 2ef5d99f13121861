// The client: append to a log, and believe nothing of it that was not verified. For browsers and Node; what only verifies
// stays small, because the rest of this list is left out of a bundle that does not use it.
export { type Checkpoint } from '../core/checkpoint.ts'
export { type Cosigner, type LogSignature } from '../core/check-policy.ts'
export { FormatError, PolicyError, ProofError, ProoflogError, SignatureError } from '../core/errors.ts'
export {
  type EventBundle,
  parseEventBundle,
  type VerifiedEvent,
  verifyEventBundle,
} from '../core/event-bundle.ts'
export { hashLeaf } from '../core/hash.ts'
export { parsePolicy, type Policy, policyFromVkeys } from '../core/policy.ts'
export { type Claim, type VerifiedProof, verifyProof } from '../core/verify-proof.ts'
export { type AppendManyOptions, type BatchReceipt, type Receipt } from './append.ts'
export { auditLog, type AuditOptions, type AuditReport } from './audit.ts'
export { type Client, type ClientOptions, createClient, type ProvedEntry, type Trust } from './connect.ts'
export { type LogEntry } from './entries.ts'
export { ClientError, type ClientErrorCode, EvidenceError, type EvidenceErrorCode } from './errors.ts'
export { type Head, type HeadStore, memoryHeadStore } from './head.ts'
export { type Fetch, type TransportOptions } from './transport.ts'

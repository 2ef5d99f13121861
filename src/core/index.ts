// The public names of core. ML-DSA-44 is apart, in ml-dsa.ts.
export { type CheckedCheckpoint, checkPolicy, type Cosigner, type LogSignature } from './check-policy.ts'
export { type Checkpoint, formatCheckpoint, MAX_ORIGIN_SIZE, parseCheckpoint } from './checkpoint.ts'
export {
  cosignatureMessage,
  formatTimestamped,
  parseTimestamped,
  subtreeMessage,
  type SubtreeStatement,
  type TimestampedSignature,
} from './cosignature.ts'
export {
  disclosureDigest,
  disclosureJson,
  formatDisclosure,
  fromBase64url,
  type ParsedDisclosure,
  parseDisclosure,
  toBase64url,
} from './disclosure.ts'
export {
  type EventBundle,
  formatEventBundle,
  MAX_EVENT_BUNDLE_SIZE,
  parseEventBundle,
  type VerifiedEvent,
  verifyEventBundle,
} from './event-bundle.ts'
export { canonicalJson } from './canonical-json.ts'
export { installPrimitives, type MlDsa44, type Primitives } from './crypto.ts'
export {
  type Evidence,
  FormatError,
  type FormatErrorCode,
  PolicyError,
  type PolicyErrorCode,
  ProofError,
  type ProofErrorCode,
  ProoflogError,
  SignatureError,
  type SignatureErrorCode,
} from './errors.ts'
export { EMPTY_ROOT, type Hash, HASH_SIZE, hashLeaf, hashNode } from './hash.ts'
export {
  formatSkey,
  formatVkey,
  generateSkey,
  keyId,
  type KeyType,
  parseSkey,
  parseVkey,
  type SecretKey,
  validKeyName,
  type VerificationKey,
  vkeyOf,
} from './keys.ts'
export {
  formatNote,
  MAX_NOTE_SIGNATURES,
  MAX_NOTE_SIZE,
  type Note,
  type NoteSignature,
  type OpenedNote,
  openNote,
  parseNote,
  type VerifiedSignature,
  type Verifier,
} from './note.ts'
export {
  formatPolicy,
  parsePolicy,
  type Policy,
  policyFromVkeys,
  type PolicyGroup,
  type PolicyLog,
  type PolicyWitness,
  quorumIsMet,
} from './policy.ts'
export {
  formatProofFile,
  MAX_EXTRA_SIZE,
  MAX_PROOF_FILE_SIZE,
  parseProofFile,
  type ProofFile,
} from './proof-file.ts'
export { localSigner, type Signer, verifierOf } from './signer.ts'
export { type Claim, type VerifiedProof, verifyProof } from './verify-proof.ts'
export { appendLeaves, type Edge, edgeFrom, edgeRoot, EMPTY_EDGE, type FullTile } from './append.ts'
export { encodeBundle, MAX_ENTRY_SIZE, parseBundle } from './bundle.ts'
export { foldPlan, foldRange, nodesOfPlan } from './proof.ts'
export {
  bundlePath,
  hashInTile,
  parseTilePath,
  partialWidth,
  TILE_HEIGHT,
  TILE_WIDTH,
  type TileId,
  tileOfNode,
  type TilePath,
  tilePath,
  tileWithin,
} from './tile.ts'
export {
  isSubtree,
  type NodeId,
  planConsistency,
  planInclusion,
  planSubtree,
  type Range,
  rangeNodes,
} from './tree.ts'
export { checkConsistency, checkInclusion, checkSubtree, rootFromInclusion } from './verify.ts'

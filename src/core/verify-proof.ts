// Verifies a proof file, https://c2sp.org/tlog-proof, "Verifying a tlog proof".
import { type CheckedCheckpoint, checkPolicy } from './check-policy.ts'
import { asHash, type Hash, hashLeaf } from './hash.ts'
import type { Policy } from './policy.ts'
import { parseProofFile, type ProofFile } from './proof-file.ts'
import { checkInclusion } from './verify.ts'

/** What is claimed to be in the log: the bytes of the entry, or its leaf hash. */
export type Claim = { readonly entry: Uint8Array } | { readonly leafHash: Hash }
/** What a verified proof says: the claim is the leaf `index` of every tree that continues this checkpoint. */
export type VerifiedProof = CheckedCheckpoint & { readonly index: number; readonly leafHash: Hash }

/**
 * Verifies that the claimed entry is in a log that the policy accepts. The extra data of the file plays no part.
 * @throws FormatError invalid_proof_file, invalid_note, invalid_utf8, invalid_checkpoint; SignatureError and PolicyError as
 * checkPolicy; ProofError as checkInclusion.
 */
export function verifyProof(claim: Claim, proof: ProofFile | Uint8Array, policy: Policy): VerifiedProof {
  const { index, path, checkpoint: noteBytes } = proof instanceof Uint8Array ? parseProofFile(proof) : proof
  const checked = checkPolicy(noteBytes, policy)
  const leafHash = 'entry' in claim ? hashLeaf(claim.entry) : asHash(claim.leafHash)
  const { size, root } = checked.checkpoint
  checkInclusion(index, size, leafHash, path, root)
  return { ...checked, index, leafHash }
}

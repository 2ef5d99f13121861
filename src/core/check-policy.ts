// Applies a policy to a signed checkpoint: one way to decide whether a checkpoint can be trusted.
import { type Checkpoint, parseCheckpoint } from './checkpoint.ts'
import { PolicyError } from './errors.ts'
import { quote, type VerificationKey } from './keys.ts'
import { openNote, parseNote, type VerifiedSignature, type Verifier } from './note.ts'
import { type Policy, quorumIsMet } from './policy.ts'
import { verifierOf } from './signer.ts'

/** A witness that cosigned: its name in the policy, its key, and the time it vouches for, in seconds since the epoch. */
export type Cosigner = { readonly name: string; readonly vkey: string; readonly timestamp: number }
/** A log key that signed; `timestamp` is undefined for type 0x01 and may be 0 (no statement) for 0x06. */
export type LogSignature = { readonly vkey: string; readonly timestamp: number | undefined }
/** A checkpoint that satisfies a policy, and why. */
export type CheckedCheckpoint = {
  readonly checkpoint: Checkpoint
  readonly logKeys: readonly LogSignature[]
  readonly cosigners: readonly Cosigner[]
}

/**
 * Checks a signed checkpoint against a policy: a listed log whose key name is the origin signed it, and the witnesses whose
 * cosignatures verified satisfy the quorum. A signature of any listed key that does not verify refuses the checkpoint, and a
 * policy without logs accepts none. Timestamps are returned, not judged.
 * @throws FormatError invalid_note, invalid_utf8, invalid_checkpoint; SignatureError signature_missing, signature_invalid,
 * algorithm_unavailable; PolicyError policy_unknown_log, policy_quorum_not_met
 */
export function checkPolicy(noteBytes: Uint8Array, policy: Policy): CheckedCheckpoint {
  const { note, verified } = openNote(parseNote(noteBytes), verifiersOf(policy))
  const checkpoint = parseCheckpoint(note.text)
  const logKeys = signaturesOfLog(policy, checkpoint.origin, verified)
  const cosigners = policy.witnesses.flatMap(({ name, key }) => cosignerOf(name, key, verified))
  if (!quorumIsMet(policy, new Set(cosigners.map((c) => c.name)))) {
    throw new PolicyError(
      'policy_quorum_not_met',
      `${cosigners.length} of ${policy.witnesses.length} witnesses cosigned, which does not satisfy the quorum ${quote(policy.quorum)}.`,
      {
        origin: checkpoint.origin,
        size: checkpoint.size,
        quorum: policy.quorum,
        cosigners: cosigners.map((c) => c.name),
      },
    )
  }
  return { checkpoint, logKeys, cosigners }
}

function signaturesOfLog(
  policy: Policy,
  origin: string,
  verified: readonly VerifiedSignature[],
): LogSignature[] {
  const keys = new Set(policy.logs.filter(({ key }) => key.name === origin).map(({ key }) => key.vkey))
  const found = verified.filter(({ vkey }) => keys.has(vkey))
  if (found.length > 0) return found.map(({ vkey, timestamp }) => ({ vkey, timestamp }))
  throw new PolicyError(
    'policy_unknown_log',
    `No log of the policy named ${quote(origin)} signed the checkpoint; add its vkey to the policy if it can be trusted.`,
    { origin, logs: policy.logs.map(({ key }) => key.name) },
  )
}

function cosignerOf(name: string, key: VerificationKey, verified: readonly VerifiedSignature[]): Cosigner[] {
  const signature = verified.find(({ vkey }) => vkey === key.vkey)
  return signature?.timestamp === undefined ? [] : [{ name, vkey: key.vkey, timestamp: signature.timestamp }]
}

// A key of type 0x06 may stand in the policy as log and as witness: one verifier for both.
function verifiersOf({ logs, witnesses }: Policy): Verifier[] {
  const keys = new Map([...logs, ...witnesses].map(({ key }) => [key.vkey, key]))
  return [...keys.values()].map(verifierOf)
}

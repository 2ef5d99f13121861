// The evidence of a violation as a file that explains itself, beside the signed notes as they were served; and what of it can be
// verified by anybody who has the keys of the log, without the log.
import { parseFields } from '../client/json.ts'
import { encodeUtf8, toBase64 } from '../core/bytes.ts'
import type { Checkpoint } from '../core/checkpoint.ts'
import { formatPolicy, type Policy } from '../core/policy.ts'
import { checkDivergence } from './compare.ts'
import { openHead } from './served-head.ts'
import type { Divergence, Violation } from './violation.ts'

/** Names of the files beside it that hold the notes. */
export interface NoteFiles {
  readonly remembered: string | undefined
  readonly offered: string | undefined
}

export interface Evidence {
  readonly code: string
  readonly files: NoteFiles
  readonly divergence: Divergence | undefined
}

/** What the evidence proves about the log. */
export interface Proven {
  /** `fork`: two trees were signed of which neither continues the other. `signed`: only that the log signed what is there. */
  readonly verdict: 'fork' | 'signed'
  readonly remembered: Checkpoint | undefined
  readonly offered: Checkpoint | undefined
}

export interface Circumstances {
  /** Of the log. */
  readonly url: string
  readonly policy: Policy
  /** POSIX milliseconds. */
  readonly at: number
  readonly files: NoteFiles
}

export function formatEvidence(
  { code, message, heldBy, divergence }: Violation,
  { url, policy, at, files }: Circumstances,
): Uint8Array {
  const evidence = {
    about: 'Evidence of a violation by a transparency log, found by prooflog monitor.',
    code,
    message,
    log: url,
    found_at: new Date(at).toISOString(),
    held_by: heldBy ?? null,
    remembered: files.remembered ?? null,
    offered: files.offered ?? null,
    divergence: divergence
      ? { root: toBase64(divergence.root), proof: divergence.proof.map(toBase64) }
      : null,
    policy: formatPolicy(policy),
    explanation:
      'remembered is the signed note that was seen before, or that held_by has seen; offered is the one that the log served. ' +
      'With a divergence, they prove a fork: at the size of the smaller tree the larger one has the root of the divergence, as ' +
      'its consistency proof shows, and not the one that was signed.',
    check:
      'prooflog verify-evidence FOLDER --policy FILE, with the folder of this file and a policy that holds the keys of the log as you know them',
  }
  return encodeUtf8(`${JSON.stringify(evidence, undefined, 2)}\n`)
}

/** @throws ClientError `bad_answer` when it is none of ours */
export function parseEvidence(bytes: Uint8Array, where: string): Evidence {
  const fields = parseFields(bytes, where)
  const text = (name: string): string | undefined => (fields.has(name) ? fields.text(name) : undefined)
  const proof = fields.has('divergence') ? fields.object('divergence') : undefined
  return {
    code: fields.text('code'),
    files: { remembered: text('remembered'), offered: text('offered') },
    divergence: proof && { root: proof.hash('root'), proof: proof.hashes('proof') },
  }
}

/**
 * Believes nothing of the evidence but what the keys of the log in the policy signed.
 * @throws as checkPolicy for either note; ProofError when the divergence proves nothing
 */
export function verifyEvidence(
  { divergence }: Pick<Evidence, 'divergence'>,
  notes: { remembered: Uint8Array | undefined; offered: Uint8Array | undefined },
  policy: Policy,
): Proven {
  const remembered = notes.remembered && openHead(notes.remembered, policy, undefined).checkpoint
  const offered = notes.offered && openHead(notes.offered, policy, remembered?.origin).checkpoint
  if (!remembered || !offered || !divergence) return { verdict: 'signed', remembered, offered }
  const [smaller, larger] = remembered.size > offered.size ? [offered, remembered] : [remembered, offered]
  checkDivergence(smaller, larger, divergence)
  return { verdict: 'fork', remembered, offered }
}

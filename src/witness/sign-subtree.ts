// sign-subtree of https://c2sp.org/tlog-witness: part of a tree that we cosigned is signed too. Nothing is looked up or stored:
// our own signature on the checkpoint says that we saw it.
import { decodeUtf8, fromBase64, parseDecimal } from '../core/bytes.ts'
import { ProofError } from '../core/errors.ts'
import { asHash, type Hash } from '../core/hash.ts'
import { formatSignatures } from '../core/note.ts'
import { verifierOf } from '../core/signer.ts'
import type { SubtreeSigner } from '../core/subtree-signature.ts'
import { isSubtree } from '../core/tree.ts'
import { checkSubtree } from '../core/verify.ts'
import { type LogVerifiers, openCheckpoint, originOf, refusing } from './open-request.ts'
import { Refusal } from './refusal.ts'
import { MAX_PROOF_LINES } from './wire.ts'

export interface SignSubtreeDeps {
  readonly logs: LogVerifiers
  /** The key of type 0x06 that cosigns: the checkpoint must bear its signature, and it signs the subtree. */
  readonly signer: SubtreeSigner
  /** See AddCheckpointDeps. */
  readonly admit: (origin: string) => void
}

interface SignSubtree {
  readonly start: number
  readonly end: number
  readonly root: Hash
  readonly proof: readonly Hash[]
  readonly note: Uint8Array
}

const SUBTREE = 'subtree '
const LF = 0x0a

/** The handler of a request body; resolves to one signature line. @throws Refusal, RateLimited */
export function createSignSubtree({
  logs,
  signer,
  admit,
}: SignSubtreeDeps): (body: Uint8Array) => Uint8Array {
  const own = [verifierOf(signer.vkey)]
  return (body) => {
    const { start, end, root, proof, note } = parseSignSubtree(body)
    const origin = originOf(note)
    if (logs.verifiersOf(origin) === undefined)
      throw new Refusal('unknown_log', 'This log is not known here.')
    admit(origin)
    const { checkpoint } = openCheckpoint(origin, note, own)
    if (end > checkpoint.size)
      throw new Refusal('malformed', `The subtree ends beyond the checkpoint's size ${checkpoint.size}.`)
    try {
      checkSubtree(start, end, checkpoint.size, root, proof, checkpoint.root)
    } catch (cause) {
      if (!(cause instanceof ProofError)) throw cause
      throw new Refusal('inconsistent', `The subtree proof does not hold: ${cause.message}`, {}, { cause })
    }
    return formatSignatures([signer.sign({ origin, start, end, root })])
  }
}

/** Empty subtrees are refused: the draft that the protocol names has none. @throws Refusal `malformed` */
function parseSignSubtree(body: Uint8Array): SignSubtree {
  const blank = body.findIndex((byte, at) => byte === LF && body[at + 1] === LF)
  if (blank < 0) throw new Refusal('malformed', 'There is no empty line before the checkpoint.')
  const [range = '', root = '', ...proof] = refusing('malformed', () =>
    decodeUtf8(body.subarray(0, blank)),
  ).split('\n')
  const [from, to, ...rest] = range.slice(SUBTREE.length).split(' ')
  if (!range.startsWith(SUBTREE) || from === undefined || to === undefined || rest.length > 0)
    throw new Refusal('malformed', 'The first line is not "subtree <start> <end>".')
  if (proof.length > MAX_PROOF_LINES)
    throw new Refusal('malformed', `There are ${proof.length} hashes; at most ${MAX_PROOF_LINES} are read.`)
  const [start, end] = refusing('malformed', () => [parseDecimal(from), parseDecimal(to)] as const)
  if (start >= end || !isSubtree({ start, end }))
    throw new Refusal('malformed', `Leaves ${start} to ${end} are no subtree.`)
  return { start, end, root: parseHash(root), proof: proof.map(parseHash), note: body.slice(blank + 2) }
}

function parseHash(line: string): Hash {
  const bytes = refusing('malformed', () => fromBase64(line))
  try {
    return asHash(bytes)
  } catch (cause) {
    if (!(cause instanceof ProofError)) throw cause
    throw new Refusal('malformed', cause.message, {}, { cause })
  }
}

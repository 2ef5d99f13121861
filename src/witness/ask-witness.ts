// Asks one witness to cosign one checkpoint (https://c2sp.org/tlog-witness, add-checkpoint) and judges its answer.
import { decodeUtf8 } from '../core/bytes.ts'
import { ProoflogError } from '../core/errors.ts'
import { parseVkey } from '../core/keys.ts'
import { formatNote, openNote, parseNote, type VerifiedSignature } from '../core/note.ts'
import type { CosigningRequest } from '../log/cosigners.ts'
import type { WitnessFailure } from '../log/types.ts'
import type { Endpoint } from './policies.ts'
import { post, type WitnessAnswer } from './post.ts'
import { formatAddCheckpoint, parseSignatures, parseSize, SIZE_CONTENT_TYPE } from './wire.ts'

export type Outcome =
  | { readonly kind: 'cosigned'; readonly signatures: readonly VerifiedSignature[] }
  | {
      readonly kind: 'failed'
      readonly reason: WitnessFailure
      readonly message: string
      readonly retryAfter?: number | undefined
    }
  /** It holds another history than the one that was signed here. */
  | { readonly kind: 'alarm'; readonly message: string; readonly evidence: Readonly<Record<string, unknown>> }

/** What the witness cosigned last, as far as it told; `sure` once it did. */
export interface LastCosigned {
  size: number
  sure: boolean
}

/** Of its answers to one checkpoint: the first may only tell its size, another may fall into somebody else's update. */
const TRIES = 3
/** The smallest limit on a request that is in use. */
const MAX_BODY = 10_240
const ED25519 = 0x01
/** Seconds that the clock of a witness, or mirror, may be ahead. Verifiers may refuse a checkpoint for one line that is of the future. */
export const MOST_AHEAD = 3_600

/** @param last learns from the answers. @throws what `request` throws; else every failure is an outcome */
export async function askWitness(
  { url, verifiers }: Endpoint,
  last: LastCosigned,
  request: CosigningRequest,
  signal: AbortSignal,
): Promise<Outcome> {
  for (let attempt = 1; attempt <= TRIES; attempt++) {
    const old = Math.min(last.size, request.size)
    const proof = await request.consistency(old)
    let answer: WitnessAnswer
    try {
      answer = await post(url, bodyOf(request, old, proof), signal)
    } catch (error) {
      return noAnswer(error)
    }
    if (answer.status === 200) {
      Object.assign(last, { size: request.size, sure: true })
      return cosignatures(answer, verifiers, request)
    }
    if (answer.status !== 409) return judge(answer, last, old, request)
    const size = sizeOf(answer)
    if (size === undefined) {
      return alarm(answer, old, request, 'contradicts the checkpoint (409 without the size that it cosigned)')
    }
    // What v1.0.0 of the protocol answers when the roots differ.
    if (size === old && size === request.size) {
      return alarm(answer, old, request, `cosigned another tree of size ${size} (409)`)
    }
    if (size > request.size) return aheadOfUs(answer, size, old, request)
    Object.assign(last, { size, sure: true })
  }
  return failed('conflict', `told another size ${TRIES} times in a row (409)`)
}

function bodyOf(request: CosigningRequest, oldSize: number, proof: readonly Uint8Array[]): Uint8Array {
  const body = formatAddCheckpoint({ oldSize, proof, note: request.note })
  if (body.length <= MAX_BODY) return body
  // While a key is being rotated there may be more signatures than fit; every witness knows the log by an Ed25519 key.
  const { text, signatures } = parseNote(request.note)
  const keys = request.log.vkeys.map(parseVkey).filter(({ type }) => type === ED25519)
  const short = signatures.filter((s) => keys.some((key) => key.name === s.name && key.keyId === s.keyId))
  return formatAddCheckpoint({ oldSize, proof, note: formatNote(text, short) })
}

function cosignatures(
  { body }: WitnessAnswer,
  verifiers: Endpoint['verifiers'],
  { note }: CosigningRequest,
): Outcome {
  try {
    const { verified } = openNote({ ...parseNote(note), signatures: parseSignatures(body) }, verifiers)
    if (verified.some(({ timestamp }) => timestamp === 0)) {
      return failed('bad_signature', 'cosigned without a time')
    }
    const latest = Date.now() / 1000 + MOST_AHEAD
    if (verified.some(({ timestamp }) => timestamp !== undefined && timestamp > latest)) {
      return failed(
        'bad_signature',
        'cosigned at a time to come: its clock, or that of this machine, is wrong',
      )
    }
    return { kind: 'cosigned', signatures: verified }
  } catch (error) {
    if (!(error instanceof ProoflogError)) throw error
    const reason = error.code === 'invalid_answer' ? 'bad_answer' : 'bad_signature'
    return failed(reason, `answered with no good cosignature: ${error.message}`)
  }
}

function judge(answer: WitnessAnswer, last: LastCosigned, old: number, request: CosigningRequest): Outcome {
  const { status, retryAfter } = answer
  const said = quoted(answer)
  if (status === 422 && last.sure && last.size === old) {
    return alarm(answer, old, request, 'holds a tree that this checkpoint does not extend (422)')
  }
  if (status === 404 || status === 403) {
    return failed('not_registered', `does not know this log or its key (${status}${said}): register it there`)
  }
  if (status === 429) return failed('rate_limited', `was asked too often (429${said})`, retryAfter)
  if (status >= 500) return failed('unavailable', `is out of order (${status}${said})`, retryAfter)
  if (status >= 300 && status < 400) {
    return failed(
      'bad_answer',
      `redirects (${status}), which is not followed: correct its address in the policy`,
    )
  }
  return failed(status < 300 ? 'bad_answer' : 'refused', `refused the checkpoint (${status}${said})`)
}

/** Larger than ours is an alarm unless it is a head of our own that is newer than this one. */
async function aheadOfUs(
  answer: WitnessAnswer,
  size: number,
  old: number,
  request: CosigningRequest,
): Promise<Outcome> {
  const signed = await request.signedSize()
  if (size <= signed)
    return failed('conflict', `has cosigned a newer checkpoint of this log, of size ${size}`)
  return alarm(
    answer,
    old,
    request,
    `says that it cosigned size ${size} of this log, but the largest that was signed here is ${signed}`,
  )
}

function sizeOf({ contentType, body }: WitnessAnswer): number | undefined {
  if (contentType !== SIZE_CONTENT_TYPE) return undefined
  try {
    return parseSize(body)
  } catch (error) {
    if (error instanceof ProoflogError) return undefined
    throw error
  }
}

function noAnswer(error: unknown): Outcome {
  if (error instanceof RangeError) return failed('bad_answer', error.message)
  if (error instanceof Error && error.name === 'AbortError')
    return failed('timeout', 'did not answer in time')
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'no connection'
  return failed('unreachable', `cannot be reached (${code})`)
}

function failed(reason: WitnessFailure, message: string, retryAfter?: number): Outcome {
  return { kind: 'failed', reason, message, retryAfter }
}

function alarm(
  answer: WitnessAnswer,
  old: number,
  { note, size }: CosigningRequest,
  message: string,
): Outcome {
  const { status, contentType } = answer
  const evidence = { status, contentType, answer: quoted(answer), old, size, note: decodeUtf8(note) }
  return { kind: 'alarm', message: `${message}${quoted(answer)}`, evidence }
}

/** What it said, as it may stand in a message. */
function quoted({ body }: WitnessAnswer): string {
  const text = Buffer.from(body.subarray(0, 200)).toString().trim()
  return text === '' ? '' : `, ${JSON.stringify(text)}`
}

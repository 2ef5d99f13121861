// The way of a log to a mirror, https://c2sp.org/tlog-mirror "Updating a Mirror": the newest checkpoint first, then the entries
// that the mirror lacks, and at the end the mirror's signature. Whatever was interrupted goes on where the mirror says.
import { pipeline, Readable } from 'node:stream'
import { promisify } from 'node:util'
import { createGzip, gzip } from 'node:zlib'
import { concat } from '../core/bytes.ts'
import { FormatError, SignatureError } from '../core/errors.ts'
import { type NoteSignature, openNote, parseNote } from '../core/note.ts'
import { verifierOf } from '../core/signer.ts'
import { MOST_AHEAD } from '../witness/ask-witness.ts'
import { formatAddCheckpoint, parseSize, SIZE_CONTENT_TYPE } from '../witness/wire.ts'
import { encodeUpload, uploadParts } from './encode-packages.ts'
import { MirrorError } from './errors.ts'
import type { LogSource, SourceCheckpoint } from './log-source.ts'
import { type MirrorAnswer, post, type PostOptions, toldBy } from './post.ts'
import { INFO_CONTENT_TYPE, type MirrorInfo, parseMirrorInfo, type UploadHeader } from './wire.ts'

export interface MirrorTarget extends PostOptions {
  /** The mirror's keys, of types 0x04 and 0x06: the signature of one of them is needed, and of no others believed. */
  readonly vkeys: readonly string[]
}

/** What is remembered of a mirror between two pushes: hints, which the mirror corrects. */
export interface MirrorMemory {
  /** Size of the checkpoint that it was brought last. */
  pending: number
  /** First entry that it lacks; undefined when it has not said so yet. */
  next: number | undefined
  /** It fails where an upload is sent in parts, which the protocol allows: Tessera's does. */
  wholeOnly?: boolean
}

export interface Pushed extends SourceCheckpoint {
  /** The mirror's signatures on the checkpoint. */
  readonly signatures: readonly NoteSignature[]
}

export interface PushProgress {
  /** The mirror has all entries below. */
  readonly next: number
  readonly size: number
}

const pack = promisify(gzip)
/** Answers in a row that bring the upload no further. */
const MAX_STANDSTILL = 5
/** Entries that the time for one request is meant for. */
const ENTRIES_IN_TIME = 8_192
const UPLOAD_HEADERS = { 'content-type': 'application/octet-stream', 'content-encoding': 'gzip' }

/**
 * Brings a mirror up to the newest checkpoint of a log.
 * @param memory is kept up to date
 * @throws MirrorError `mirror_unavailable` (try again later), `mirror_refused`, `mirror_contradicts`, `invalid_answer`; what the source throws
 */
export async function pushLog(
  source: LogSource,
  target: MirrorTarget,
  memory: MirrorMemory,
  onProgress: (progress: PushProgress) => void = () => {},
): Promise<Pushed> {
  const checkpoint = await source.checkpoint()
  await pushCheckpoint(source, target, memory, checkpoint)
  const lines = await pushEntries(source, target, memory, checkpoint, onProgress)
  return { ...checkpoint, signatures: verifiedLines(target, checkpoint, lines) }
}

async function pushCheckpoint(
  source: LogSource,
  target: MirrorTarget,
  memory: MirrorMemory,
  { size, note }: SourceCheckpoint,
): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    const oldSize = memory.pending
    // Others bring its checkpoints too. It may know a newer one than we were told of: entries can be brought all the same.
    if (oldSize > size) return
    const proof = await source.consistency(oldSize, size)
    const answer = await post(target, 'add-checkpoint', formatAddCheckpoint({ oldSize, proof, note }), {
      'content-type': 'text/plain; charset=utf-8',
    })
    if (answer.status === 200) {
      memory.pending = size
      return
    }
    if (answer.status !== 409 || answer.contentType !== SIZE_CONTENT_TYPE)
      throw refusedBy(target, answer, note)
    if (attempt === MAX_STANDSTILL)
      throw new MirrorError(
        'mirror_unavailable',
        `${target.url} is brought checkpoints by others all the time`,
      )
    memory.pending = parseSize(answer.body)
  }
}

/** Uploads until the mirror has signed the checkpoint; resolves to its signature lines, as sent. */
async function pushEntries(
  source: LogSource,
  target: MirrorTarget,
  memory: MirrorMemory,
  { size, note }: SourceCheckpoint,
  onProgress: (progress: PushProgress) => void,
): Promise<Uint8Array> {
  let upload: MirrorInfo = { size, next: memory.next ?? size, ticket: new Uint8Array() }
  let reached = -1
  for (let standstill = 0; standstill < MAX_STANDSTILL;) {
    const { size: end, next, ticket } = upload
    const header = { origin: source.origin, start: Math.min(next, end), end, ticket }
    const { answer, complete } = await sendUpload(source, target, memory, header)
    if (answer.status === 500 && !complete) {
      memory.wholeOnly = true
      continue
    }
    if (answer.status === 200 && end === size) {
      memory.next = size
      onProgress({ next: size, size })
      return answer.body
    }
    const more = answer.status === 200 ? { size, next: end, ticket } : infoOf(target, answer, note)
    standstill = more.next > reached ? 0 : standstill + 1
    reached = Math.max(reached, more.next)
    memory.next = more.next
    // A checkpoint beyond ours was brought by somebody else: we keep to our own.
    upload = more.size > size ? { ...more, size, ticket: new Uint8Array() } : more
    onProgress({ next: Math.min(more.next, size), size })
  }
  throw new MirrorError(
    'mirror_unavailable',
    `${target.url} does not get on with the upload: try again later`,
  )
}

/** One request: as much as one should hold, or all of it to a mirror that takes nothing less. */
async function sendUpload(
  source: LogSource,
  target: MirrorTarget,
  { wholeOnly }: MirrorMemory,
  header: UploadHeader,
): Promise<{ answer: MirrorAnswer; complete: boolean }> {
  if (wholeOnly) {
    const packed = pipeline(Readable.from(uploadParts(source, header)), createGzip(), () => {}) // what fails, fails the request
    const body = Readable.toWeb(packed)
    const timeout = target.timeout * Math.ceil((header.end - header.start + 1) / ENTRIES_IN_TIME)
    return { answer: await post({ ...target, timeout }, 'add-entries', body, UPLOAD_HEADERS), complete: true }
  }
  const { bytes, complete } = await encodeUpload(source, header)
  return { answer: await post(target, 'add-entries', await pack(bytes), UPLOAD_HEADERS), complete }
}

function infoOf(target: MirrorTarget, answer: MirrorAnswer, note: Uint8Array): MirrorInfo {
  const partial = answer.status === 202 || answer.status === 409
  if (!partial || answer.contentType !== INFO_CONTENT_TYPE) throw refusedBy(target, answer, note)
  return parseMirrorInfo(answer.body)
}

function refusedBy({ url }: MirrorTarget, answer: MirrorAnswer, note: Uint8Array): MirrorError {
  const said = `${url} answered ${toldBy(answer)}`
  if (answer.status === 422 || answer.status === 409)
    return new MirrorError(
      'mirror_contradicts',
      `${said}: it does not find this checkpoint consistent with what it knows; compare the two`,
      { note },
    )
  const later = answer.status === 429 || answer.status >= 500
  return new MirrorError(later ? 'mirror_unavailable' : 'mirror_refused', said)
}

/** @throws MirrorError `invalid_answer` unless a key of the mirror signed this checkpoint */
function verifiedLines(
  { url, vkeys }: MirrorTarget,
  { note }: SourceCheckpoint,
  lines: Uint8Array,
): readonly NoteSignature[] {
  try {
    const { textBytes } = parseNote(note)
    const { verified } = openNote(concat(textBytes, Uint8Array.of(0x0a), lines), vkeys.map(verifierOf))
    const latest = Date.now() / 1000 + MOST_AHEAD
    if (verified.some(({ timestamp }) => timestamp !== undefined && timestamp > latest))
      throw new MirrorError(
        'invalid_answer',
        `${url} signed at a time to come: its clock, or that of this machine, is wrong`,
      )
    return verified
  } catch (cause) {
    if (!(cause instanceof FormatError || cause instanceof SignatureError)) throw cause
    throw new MirrorError(
      'invalid_answer',
      `${url} did not sign what it was sent: ${cause.message}`,
      {},
      { cause },
    )
  }
}

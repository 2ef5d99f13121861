// log.checkpoints, row by row: numbered without gaps, growing, each saying what its signed note says.
import { concat, encodeUtf8, toHex } from '../core/bytes.ts'
import { parseCheckpoint } from '../core/checkpoint.ts'
import { primitives } from '../core/crypto.ts'
import { ProoflogError } from '../core/errors.ts'
import { type KeyType, parseVkey } from '../core/keys.ts'
import { openNote, parseNote, type VerifiedSignature, type Verifier } from '../core/note.ts'
import { verifierOf } from '../core/signer.ts'
import type { LogInfo, Published } from '../log/types.ts'
import { type Collector, shown } from './finding.ts'
import { same } from './fold-tile.ts'
import type { Breathe, Scan } from './ports.ts'

/** Rows whose signatures were verified are known again by one hash: verifying ML-DSA-44 takes 3 ms, a hundred times that. */
export const NOTE_BLOCK = 256

export interface NoteChecker {
  /**
   * Checks the rows `start` to `end` (exclusive) of a log.
   * @param start a multiple of 256 @param end of the block at most
   * @returns the rows that are right
   */
  check(info: LogInfo, start: number, end: number, found: Collector): Promise<Published[]>
  /** The same for the rows of a look at the newest: of all but the last one the signatures are left to a full pass. */
  glance(info: LogInfo, start: number, end: number, found: Collector): Promise<Published[]>
}

/** Entries that are hashed in the time in which the signatures of a checkpoint are verified, and in which one is read. */
const NOTE_COST = 500
const GLANCE_COST = 10

/** The first `count` rows of a block, as one hash, and the keys that signed the last of them. */
interface Known {
  readonly count: number
  readonly digest: string
  readonly signers: readonly string[]
}

/** Remembers what it verified for as long as it lives, in 100 bytes for 256 checkpoints. */
export function createNoteChecker(scan: Scan, breathe: Breathe): NoteChecker {
  const known = new Map<string, Known>()

  /** The rows, from the first on, that were verified before. */
  function verifiedBefore(key: string, rows: readonly Published[]): Known | undefined {
    const before = known.get(key)
    if (before === undefined || before.count > rows.length) return undefined
    return digestOf(rows.slice(0, before.count)) === before.digest ? before : undefined
  }

  return {
    async check(info, start, end, found) {
      const [previous] = start === 0 ? [] : await scan.checkpoints(info.id, start - 1, start)
      const rows = await scan.checkpoints(info.id, start, end)
      const key = `${info.id}/${start}/${info.origin}/${info.vkeys.join()}`
      const verified = verifiedBefore(key, rows)
      const count = verified?.count ?? 0
      const opened = verified === undefined && previous !== undefined && rows.length > 0
      const judge = noteJudge(info, verified?.signers ?? (opened ? signersOf(info, previous) : []))
      const right: Published[] = []
      let before = previous
      let seq = start
      for (const [i, row] of rows.entries()) {
        if (row.seq > seq) reportGap(seq, row.seq, found)
        seq = row.seq + 1
        const again = i < count
        if (checkOrder(info, before, row, found) && (again || judge.check(row, found))) right.push(row)
        if (!again) await breathe(NOTE_COST)
        before = row
      }
      if (seq < end) reportGap(seq, end, found)
      if (right.length < rows.length) known.delete(key)
      else known.set(key, { count: rows.length, digest: digestOf(rows), signers: judge.signers })
      return right
    },
    async glance(info, start, end, found) {
      const rows = await scan.checkpoints(info.id, start, end)
      const right: Published[] = []
      let before: Published | undefined
      for (const [i, row] of rows.entries()) {
        if (row.seq !== start + i) break // a full pass says which are missing
        const newest = row.seq === end - 1
        if (
          checkOrder(info, before, row, found) &&
          (newest ? noteJudge(info, []).check(row, found) : isConsistent(row))
        )
          right.push(row)
        before = row
        await breathe(GLANCE_COST)
      }
      return right
    },
  }
}

function reportGap(from: number, to: number, found: Collector): void {
  found.add({
    table: 'checkpoints',
    seq: from,
    count: to - from,
    column: 'row',
    expected: 'a row: seq counts without gaps',
    found: 'none',
  })
}

function digestOf(rows: readonly Published[]): string {
  let digest: Uint8Array = new Uint8Array()
  for (const { seq, size, root, signedAt, note } of rows) {
    const columns = encodeUtf8(`${seq} ${size} ${toHex(root)} ${signedAt} ${note.length} `)
    digest = primitives.sha256(concat(digest, columns, note))
  }
  return toHex(digest)
}

/** Against the row before it. */
function checkOrder(info: LogInfo, before: Published | undefined, row: Published, found: Collector): boolean {
  if (before === undefined) return true
  if (row.size < before.size) {
    const expected = `at least ${before.size}, the size of the one before`
    found.add({ table: 'checkpoints', seq: row.seq, column: 'size', expected, found: String(row.size) })
    return false
  }
  // A copy is stamped with the times of another service.
  if (info.mirrored ? row.signedAt < before.signedAt : row.signedAt <= before.signedAt) {
    const expected = `later than ${before.signedAt}, when the one before was signed`
    found.add({
      table: 'checkpoints',
      seq: row.seq,
      column: 'signed_at',
      expected,
      found: String(row.signedAt),
    })
    return false
  }
  return true
}

interface NoteJudge {
  /** Whether the row says what its note says, and the keys of the log signed that. */
  check(row: Published, found: Collector): boolean
  /** Keys that signed the last row. */
  readonly signers: readonly string[]
}

/** @param before keys that signed the row before */
function noteJudge(info: LogInfo, before: readonly string[]): NoteJudge {
  const verifiers = info.vkeys.map(verifierOf)
  const required = typesOf(info)
  let signers = before
  return {
    get signers() {
      return signers
    },
    check(row, found) {
      const fault = faultOf(info, verifiers, row)
      if (Array.isArray(fault)) {
        const [column, expected, value] = fault
        found.add({ table: 'checkpoints', seq: row.seq, column, expected, found: value })
        return false
      }
      const { signed } = fault
      // A line that was changed until it is of no known key would go unnoticed by whoever verifies one signature.
      const types = signed.map((vkey) => parseVkey(vkey).type)
      const missing =
        required.find((type) => !types.includes(type)) ??
        signers.find((vkey) => !info.mirrored && info.signing.includes(vkey) && !signed.includes(vkey))
      signers = signed
      if (missing === undefined) return true
      const what = typeof missing === 'number' ? `a key of type ${missing}` : missing.slice(0, 60)
      const expected = `a signature of ${what}`
      found.add({ table: 'checkpoints', seq: row.seq, column: 'note', expected, found: 'none' })
      return false
    },
  }
}

/** Whether the columns say what the note says, signed or not. */
function isConsistent(row: Published): boolean {
  try {
    const { size, root } = parseCheckpoint(parseNote(row.note).text)
    return size === row.size && same(root, row.root)
  } catch (error) {
    if (error instanceof ProoflogError) return false
    throw error
  }
}

type Fault = [column: string, expected: string, found: string]

function faultOf(
  info: LogInfo,
  verifiers: readonly Verifier[],
  row: Published,
): Fault | { signed: string[] } {
  try {
    const { note, verified } = openNote(row.note, verifiers)
    const { origin, size, root } = parseCheckpoint(note.text)
    if (origin !== info.origin) return ['note', `origin ${info.origin}`, `origin ${origin}`]
    if (size !== row.size) return ['size', `${size}, as signed`, String(row.size)]
    if (!same(root, row.root)) return ['root', `${shown(root)}, as signed`, shown(row.root)]
    const at = info.mirrored ? undefined : timeOf(verified)
    // A restored checkpoint may have to be put right behind the one before it.
    if (at !== undefined && ![at, at + 1].includes(Math.floor(row.signedAt / 1000))) {
      return ['signed_at', `second ${at}, as signed`, String(row.signedAt)]
    }
    return { signed: verified.map(({ vkey }) => vkey) }
  } catch (error) {
    if (!(error instanceof ProoflogError)) throw error
    return ['note', 'a checkpoint signed by the keys of the log', error.message]
  }
}

/**
 * Types of which every checkpoint has a signature: those of the keys that the log was created with. Once a key was retired
 * there may have been a time without ML-DSA-44, and only Ed25519 is sure. A copy has what it has.
 */
function typesOf({ mirrored, vkeys, signing }: LogInfo): readonly KeyType[] {
  if (mirrored) return []
  if (signing.length < vkeys.length) return [0x01]
  return vkeys.slice(0, 2).map((vkey) => parseVkey(vkey).type)
}

function signersOf(info: LogInfo, row: Published): readonly string[] {
  const opened = faultOf(info, info.vkeys.map(verifierOf), row)
  return Array.isArray(opened) ? [] : opened.signed
}

/** POSIX seconds that a signature vouches for; Ed25519 alone says nothing of the time. */
function timeOf(verified: readonly VerifiedSignature[]): number | undefined {
  return verified.find(({ timestamp }) => timestamp !== undefined)?.timestamp
}

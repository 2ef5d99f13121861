// The files of a spool: `<number>.seg`, in order of their numbers, and `aside/` for what could not be read or delivered.
import { mkdir, open, readdir, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { createFile } from '../files/durable.ts'
import type { Position } from './cursor.ts'
import { readFrames } from './frames.ts'

export interface Segment {
  readonly number: number
  /** Bytes that are known to be on disk; what lies behind them is not read. */
  size: number
  /** Good records in it that were not acknowledged. */
  waiting: number
}

/** What a start found in the folder. */
export interface Scan {
  readonly segments: Segment[]
  /** When the oldest waiting record was accepted; milliseconds since 1970. */
  readonly oldest: number | undefined
}

/** A damaged place: it is kept aside before anything else happens to it. */
export type OnDamage = (place: Position, bytes: Uint8Array, tail: boolean) => Promise<void>

const NAME = /^([0-9]{15})\.seg$/

export function segmentPath(folder: string, number: number): string {
  return join(folder, `${String(number).padStart(15, '0')}.seg`)
}

/** Numbers of the segments that are there, ascending. */
export async function segmentNumbers(folder: string): Promise<number[]> {
  const names = await readdir(folder)
  return names
    .flatMap((name) => NAME.exec(name)?.[1] ?? [])
    .map(Number)
    .toSorted((a, b) => a - b)
}

/**
 * Reads every segment from `cursor` on, counts what waits, removes what was acknowledged, and cuts off the incomplete end that a
 * crash left in the last one.
 */
export async function scanSegments(folder: string, cursor: Position, onDamage: OnDamage): Promise<Scan> {
  const segments: Segment[] = []
  let oldest: number | undefined
  const numbers = await segmentNumbers(folder)
  for (const number of numbers) {
    const from = number === cursor.segment ? cursor.offset : 0
    const found =
      number < cursor.segment
        ? undefined
        : await scanOne(folder, number, from, onDamage, number === numbers.at(-1))
    if (found === undefined) {
      await rm(segmentPath(folder, number), { force: true })
      continue
    }
    oldest ??= found.oldest
    segments.push({ number, size: found.size, waiting: found.waiting })
  }
  return { segments, oldest }
}

/** Undefined for a segment in which nothing waits. */
async function scanOne(
  folder: string,
  number: number,
  from: number,
  onDamage: OnDamage,
  last: boolean,
): Promise<{ size: number; waiting: number; oldest: number | undefined } | undefined> {
  const path = segmentPath(folder, number)
  const bytes = (await readFile(path)).subarray(from)
  let waiting = 0
  let oldest: number | undefined
  let size = from + bytes.length
  for (const item of readFrames(bytes, true)) {
    if (item.payload) {
      waiting++
      oldest ??= item.time
      continue
    }
    const tail = last && item.end === bytes.length
    await onDamage({ segment: number, offset: from + item.at }, bytes.subarray(item.at, item.end), tail)
    if (tail) size = from + item.at
  }
  if (waiting === 0) return undefined
  if (size < from + bytes.length) await cutFile(path, size)
  return { size, waiting, oldest }
}

async function cutFile(path: string, size: number): Promise<void> {
  const file = await open(path, 'r+')
  try {
    await file.truncate(size)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** `length` bytes of a segment from `offset` on; fewer where the file ends. */
export async function readPiece(folder: string, at: Position, length: number): Promise<Buffer> {
  const file = await open(segmentPath(folder, at.segment), 'r')
  try {
    const piece = Buffer.allocUnsafe(length)
    let filled = 0
    while (filled < length) {
      const { bytesRead } = await file.read(piece, filled, length - filled, at.offset + filled)
      if (bytesRead === 0) break
      filled += bytesRead
    }
    return piece.subarray(0, filled)
  } finally {
    await file.close()
  }
}

/** Keeps bytes in `aside/`, named after where they were. Returns the path; what is there already stays. */
export async function keepAside(
  folder: string,
  { segment, offset }: Position,
  bytes: Uint8Array,
  ending: 'damaged' | 'json',
): Promise<string> {
  await mkdir(join(folder, 'aside'), { recursive: true, mode: 0o700 })
  const path = join(folder, 'aside', `${segment}-${offset}.${ending}`)
  await createFile(path, bytes, 0o600).catch((error: unknown) => {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  })
  return path
}

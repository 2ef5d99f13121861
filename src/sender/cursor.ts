// How far the log has acknowledged what is in the spool: a file that is replaced in one step. Lost, it costs repetitions, which
// the ids of the events make harmless; so it is never a reason to lose one.
import { join } from 'node:path'
import { readIfThere, replaceFile } from '../files/durable.ts'

/** A byte in a segment. */
export interface Position {
  readonly segment: number
  readonly offset: number
}

const PATTERN = /^prooflog spool 1\nsegment ([0-9]{1,15})\noffset ([0-9]{1,15})\n$/

/** Undefined when there is none; `unreadable` when it is none of ours. */
export async function readCursor(folder: string): Promise<Position | 'unreadable' | undefined> {
  const bytes = await readIfThere(join(folder, 'cursor'))
  if (bytes === undefined) return undefined
  const match = PATTERN.exec(Buffer.from(bytes).toString('latin1'))
  return match ? { segment: Number(match[1]), offset: Number(match[2]) } : 'unreadable'
}

export async function writeCursor(folder: string, { segment, offset }: Position): Promise<void> {
  const text = `prooflog spool 1\nsegment ${segment}\noffset ${offset}\n`
  await replaceFile(join(folder, 'cursor'), Buffer.from(text), 0o600)
}

export function isBefore(a: Position, b: Position): boolean {
  return a.segment < b.segment || (a.segment === b.segment && a.offset < b.offset)
}

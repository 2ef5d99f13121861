// How far a follower is.
import type { Sql, Transaction } from '../../db/connect.ts'

export interface Cursor {
  /** Entries below this index are done. */
  readonly next: number
  /** Moves when what was read before must not be written any more. */
  readonly epoch: number
}

/** The cursor is not where it was read: another process went on, or an erasure or a rebuild came between. Read it again. */
export class CursorMoved extends Error {
  readonly code = 'cursor_moved'
}

/** Where the follower is; a new one is at 0. */
export async function readCursor(sql: Sql, name: string, logId: number): Promise<Cursor> {
  const find = (): PromiseLike<Cursor[]> =>
    sql<
      Cursor[]
    >`SELECT next_index AS next, epoch FROM follow.cursors WHERE name = ${name} AND log_id = ${logId}`
  const [found] = await find()
  if (found !== undefined) return found
  await sql`INSERT INTO follow.cursors (name, log_id) VALUES (${name}, ${logId}) ON CONFLICT DO NOTHING`
  const [made] = await find()
  return made ?? { next: 0, epoch: 0 }
}

/** First statement of the transaction with the effect: its row lock orders followers, erasures and rebuilds. @throws CursorMoved */
export async function moveCursor(
  tx: Transaction,
  name: string,
  logId: number,
  from: Cursor,
  next: number,
): Promise<void> {
  const { count } = await tx`
    UPDATE follow.cursors SET next_index = ${next}
    WHERE name = ${name} AND log_id = ${logId} AND next_index = ${from.next} AND epoch = ${from.epoch}`
  if (count !== 1)
    throw new CursorMoved(
      `follower ${name} of log ${logId} is not at ${from.next} any more: read the cursor again`,
    )
}

/**
 * From here to the end of the transaction nobody moves the cursor; what was read before and is not written yet never will be.
 * @param back send the follower back to index 0
 * @returns where it was
 */
export async function nextEpoch(
  tx: Transaction,
  name: string,
  logId: number,
  { back = false }: { back?: boolean } = {},
): Promise<Cursor> {
  await tx`INSERT INTO follow.cursors (name, log_id) VALUES (${name}, ${logId}) ON CONFLICT DO NOTHING`
  const [row] = await tx<Cursor[]>`
    SELECT next_index AS next, epoch FROM follow.cursors WHERE name = ${name} AND log_id = ${logId} FOR UPDATE`
  const was = row ?? { next: 0, epoch: 0 }
  await tx`
    UPDATE follow.cursors SET epoch = epoch + 1, next_index = ${back ? 0 : was.next}
    WHERE name = ${name} AND log_id = ${logId}`
  return was
}

/** Holds the epoch for the rest of the transaction. @throws CursorMoved when it is another one by now */
export async function holdEpoch(tx: Transaction, name: string, logId: number, epoch: number): Promise<void> {
  const rows = await tx`
    SELECT FROM follow.cursors WHERE name = ${name} AND log_id = ${logId} AND epoch = ${epoch} FOR UPDATE`
  if (rows.length !== 1)
    throw new CursorMoved(`follower ${name} of log ${logId}: the epoch is not ${epoch} any more`)
}

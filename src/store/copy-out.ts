// COPY … TO STDOUT (FORMAT binary) through the driver: rows at four times the rate of SELECT, whose bytes travel as text
// (PostgreSQL documentation, COPY, "Binary Format").
import type { Readable } from 'node:stream'
import type { Sql, Transaction } from '../db/connect.ts'
import { withinDeadline } from './errors.ts'

/** Field i of the row is `bytes.subarray(starts[i], starts[i] + sizes[i])`; all of it is valid during the call only. */
export type RowVisitor = (bytes: Buffer, starts: readonly number[], sizes: readonly number[]) => void

const HEADER_SIZE = 19
const FLAGS_SIZE = 4

/**
 * Visits the rows of a query in its order. A NULL has size -1.
 * @param query without parameters
 * @throws what the server or the connection reports
 */
export async function copyOut(sql: Sql | Transaction, query: string, visit: RowVisitor): Promise<void> {
  const stream = await sql.unsafe(`COPY (${query}) TO STDOUT (FORMAT binary)`).readable()
  const rows = createRowReader(visit)
  await withinDeadline(drain(stream, rows))
}

/** In the stream's own rhythm: awaiting each row would cost more than reading it. */
function drain(stream: Readable, rows: (chunk: Buffer) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    stream.on('data', (chunk: Buffer) => {
      try {
        rows(chunk)
      } catch (error) {
        stream.destroy()
        reject(error instanceof Error ? error : new Error(String(error)))
      }
    })
    stream.once('end', () => {
      // The driver pauses the socket when the stream is full and resumes it when the stream asks for more, which one that has
      // all its rows never does: the connection would be deaf for ever. This is the driver's own resume.
      stream._read(0)
      resolve()
    })
    stream.once('error', reject)
    stream.once('close', () => reject(new Error('the connection was closed while rows were read')))
  })
}

/** Takes the stream in pieces of any size. */
function createRowReader(visit: RowVisitor): (chunk: Buffer) => void {
  let rest: Buffer = Buffer.alloc(0)
  let begun = false
  const starts: number[] = []
  const sizes: number[] = []

  /** Offset behind the row that starts at `at`, or -1 when it is not all there; `starts` and `sizes` are its fields. */
  function readRow(bytes: Buffer, at: number): number {
    if (at + 2 > bytes.length) return -1
    const fields = bytes.readInt16BE(at)
    if (fields < 0) return bytes.length // the trailer: nothing follows
    let next = at + 2
    for (let field = 0; field < fields; field++) {
      if (next + 4 > bytes.length) return -1
      const size = bytes.readInt32BE(next)
      starts[field] = next + 4
      sizes[field] = size
      next += 4 + Math.max(0, size)
    }
    if (next > bytes.length) return -1
    if (fields > 0) visit(bytes, starts, sizes)
    return next
  }

  return (chunk) => {
    const bytes = rest.length === 0 ? chunk : Buffer.concat([rest, chunk])
    let at = 0
    if (!begun) {
      if (bytes.length < HEADER_SIZE) return void (rest = bytes)
      begun = true
      at = HEADER_SIZE + bytes.readInt32BE(HEADER_SIZE - FLAGS_SIZE) // behind the header's extension
    }
    for (let next = readRow(bytes, at); next >= 0 && at < bytes.length; next = readRow(bytes, at)) at = next
    rest = bytes.subarray(at)
  }
}

// COPY … FROM STDIN through the driver.
import type { Writable } from 'node:stream'
import type { Transaction } from '../db/connect.ts'

/** What the driver's query object has beyond its types: it settles through these, not through the promise it is. */
interface Settleable {
  reject: (error: Error) => void
}

/**
 * Sends `rows` (chunks of the binary COPY format) and resolves when the server has taken them all.
 * @param onSent called once the rows are handed to the connection
 * @throws what the server or the connection reports
 */
export async function copyIn(
  tx: Transaction,
  statement: string,
  rows: Iterable<Buffer>,
  onSent: () => void = () => {},
): Promise<void> {
  const query = tx.unsafe(statement)
  const stream = await query.writable()
  const taken = new Promise<void>((resolve, reject) => {
    stream.once('finish', resolve)
    stream.once('error', reject)
    // The driver forgets the stream once the last byte is sent, so an error the server reports after that (a full disk)
    // reaches only the query's `reject`, whose promise is settled already: without this line nobody would ever hear of it.
    ;(query as unknown as Settleable).reject = reject
  })
  await Promise.all([taken, send(stream, rows).then(onSent)])
}

async function send(stream: Writable, rows: Iterable<Buffer>): Promise<void> {
  for (const chunk of rows) {
    stream.write(chunk)
    await new Promise(setImmediate)
  }
  stream.end()
}

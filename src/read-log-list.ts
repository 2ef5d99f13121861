// The bytes of a list of logs, from a file or from the network.
import { readFile } from 'node:fs/promises'
import { MAX_LOG_LIST_SIZE } from './core/log-list.ts'

/** Milliseconds. */
const FETCH_LIMIT = 30_000

/** @param source a path, or an address that begins with https:// or http:// @throws Error when it cannot be read */
export async function readLogList(source: string): Promise<Uint8Array> {
  if (!/^https?:\/\//.test(source)) return readFile(source)
  const answer = await fetch(source, { signal: AbortSignal.timeout(FETCH_LIMIT) })
  if (!answer.ok) throw new Error(`${source} answered ${answer.status}`)
  return readUpTo(answer, MAX_LOG_LIST_SIZE)
}

async function readUpTo({ body }: Response, limit: number): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.byteLength
    if (size > limit) throw new Error(`the list is larger than ${limit} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

// Disclosures are stored in the transaction that gives their entries an index, and only while the keys of their subjects live.
import type { Transaction } from '../../db/connect.ts'
import { copyIn } from '../../store/copy-in.ts'
import { COPY_SIGNATURE, COPY_TRAILER, writeBigint } from '../../store/copy-rows.ts'
import type { PutSidecars, Sidecar } from './types.ts'

/** A subject was erased between sealing and storing: seal again, under the key of a new one. Nothing was stored. */
export class StaleSubject extends Error {
  readonly code = 'stale_subject'
}

interface Row {
  readonly index: number
  readonly sidecar: Sidecar
}

/** Rows of a chunk: a millisecond of writing. */
const CHUNK_ROWS = 1024
/** Field count, and for each of log_id, index, subject_id, sealed its length prefix. */
const OVERHEAD = 2 + (4 + 4) + (4 + 8) + (4 + 8) + 4

/**
 * See PutSidecars. The keys stay locked until the transaction ends: an erasure waits for it, and then destroys these rows too.
 * @throws StaleSubject
 */
export const putSidecars: PutSidecars = async (tx, logId, rows) => {
  if (rows.length === 0) return
  const ours = rows.map(checkedRow)
  await lockKeys(
    tx,
    [...new Set(ours.map(({ sidecar }) => sidecar.subjectId))].toSorted((a, b) => a - b),
  )
  await copyIn(
    tx,
    'COPY vault.disclosures (log_id, index, subject_id, sealed) FROM STDIN (FORMAT binary)',
    disclosureRows(logId, ours),
  )
}

async function lockKeys(tx: Transaction, subjectIds: readonly number[]): Promise<void> {
  const { count } = await tx`
    SELECT FROM vault.subject_keys WHERE subject_id = ANY (${[...subjectIds]}::bigint[]) ORDER BY subject_id FOR KEY SHARE`
  if (count !== subjectIds.length) {
    throw new StaleSubject('a subject of these events was erased meanwhile; nothing was stored')
  }
}

/** The engine carries what it was given and knows nothing of it. */
function checkedRow({ index, sidecar }: { index: number; sidecar: { readonly size: number } }): Row {
  const { subjectId, sealed, size } = sidecar as Partial<Sidecar> & { readonly size: number }
  if (typeof subjectId !== 'number' || !(sealed instanceof Uint8Array)) {
    throw new TypeError('a sidecar that the vault did not make')
  }
  return { index, sidecar: { subjectId, sealed, size } }
}

function* disclosureRows(logId: number, rows: readonly Row[]): Generator<Buffer> {
  yield COPY_SIGNATURE
  for (let start = 0; start < rows.length; start += CHUNK_ROWS) {
    const chunk = rows.slice(start, start + CHUNK_ROWS)
    const out = Buffer.allocUnsafe(
      chunk.reduce((size, { sidecar }) => size + OVERHEAD + sidecar.sealed.length, 0),
    )
    let at = 0
    for (const { index, sidecar } of chunk) {
      at = out.writeInt16BE(4, at)
      at = out.writeInt32BE(4, at)
      at = out.writeInt32BE(logId, at)
      at = writeBigint(out, index, at)
      at = writeBigint(out, sidecar.subjectId, at)
      at = out.writeInt32BE(sidecar.sealed.length, at)
      out.set(sidecar.sealed, at)
      at += sidecar.sealed.length
    }
    yield out
  }
  yield COPY_TRAILER
}

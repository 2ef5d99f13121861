// The engine's store on Postgres: each method is one file of this room.
import { TILE_WIDTH } from '../core/tile.ts'
import type { Database } from '../db/connect.ts'
import { LogError } from '../log/errors.ts'
import type { LogStore } from '../log/ports.ts'
import { appendIfAt } from './append-if-at.ts'
import {
  insertCheckpoint,
  insertCosignatures,
  intendHead,
  PUBLISHED_CHANNEL,
  readDue,
  readHistory,
  readPublishedPositions,
} from './checkpoints.ts'
import { guarded } from './errors.ts'
import { findLeaf } from './find.ts'
import { giveUpLead, tryLead } from './lead.ts'
import { changeLog, countChanges, createLog, listLogs } from './log-rows.ts'
import { readEdgeTiles, readEntries, readEntriesAt, readTiles } from './read-tree.ts'
import { createSegmentFilters } from './segment-filter.ts'
import { NO_SIDECARS, type PutSidecars, sequence } from './sequence.ts'

export interface StoreConnections {
  /** For the transactions that append: kept apart so that reads never wait for them. */
  readonly write: Database
  readonly read: Database
  /** One connection (`max: 1`) that holds the publisher's locks. */
  readonly lead: Database
  /** Who writes what is stored beside entries; nobody unless given. */
  readonly putSidecars?: PutSidecars
}

/** Tiles read at once while a filter is built: 2 MiB. */
const FILTER_CHUNK = 256

export function createPostgresStore({
  write,
  read,
  lead,
  putSidecars = NO_SIDECARS,
}: StoreConnections): LogStore {
  const filters = createSegmentFilters(async function* (logId, start, end) {
    for (let index = start / TILE_WIDTH; index < end / TILE_WIDTH; index += FILTER_CHUNK) {
      const count = Math.min(FILTER_CHUNK, end / TILE_WIDTH - index)
      const tiles = Array.from({ length: count }, (_, i) => ({
        level: 0,
        index: index + i,
        width: TILE_WIDTH,
      }))
      yield* await readTiles(read.sql, logId, tiles)
    }
  })
  return {
    logs: () => listLogs(read),
    createLog: (log) => createLog(write, log),
    change: (log, changes) => changeLog(write, log, changes),
    changeCount: () => countChanges(read),
    sequence: (logId, work) => sequence(write.sql, filters, logId, work, putSidecars),
    appendIfAt: (logId, batch) => appendIfAt(write.sql, filters, logId, batch),
    async head(logId) {
      const [head] = await guarded(
        () =>
          read.sql<
            { size: number; root: Uint8Array }[]
          >`SELECT size, root FROM log.heads WHERE log_id = ${logId}`,
      )
      if (head === undefined)
        throw new LogError('log_damaged', `log ${logId} has no head row: somebody changed the database`)
      return head
    },
    tiles: (logId, tiles) => guarded(() => readTiles(read.sql, logId, tiles)),
    edgeTiles: (logId, size) => guarded(() => readEdgeTiles(read.sql, logId, size)),
    entries: (logId, start, end) => guarded(() => readEntries(read.sql, logId, start, end)),
    entriesAt: (logId, indexes) => guarded(() => readEntriesAt(read.sql, logId, indexes)),
    indexOf: (logId, leafHash, size) => guarded(() => findLeaf(read.sql, logId, leafHash, size)),
    async published(logId) {
      const [newest] = await readHistory(read, logId, 1, Number.MAX_SAFE_INTEGER)
      return newest
    },
    history: (logId, limit, beforeSeq) => readHistory(read, logId, limit, beforeSeq),
    due: (signedBefore) => readDue(read, signedBefore),
    publishedPositions: () => readPublishedPositions(read),
    lead: (logId) => tryLead(lead.sql, logId),
    unlead: (logId) => giveUpLead(lead.sql, logId),
    intend: (logId, head) => intendHead(write, logId, head),
    publish: (logId, next) => insertCheckpoint(write, logId, next),
    addCosignatures: (logId, seq, signatures) => insertCosignatures(write, logId, seq, signatures),
    async onPublished(callback) {
      const listening = await guarded(() =>
        read.sql.listen(PUBLISHED_CHANNEL, (logId) => callback(Number(logId))),
      )
      return () => listening.unlisten()
    },
  }
}

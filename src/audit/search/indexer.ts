// The follower that keeps search.events.
import type { Database, Transaction } from '../../db/connect.ts'
import type { Log } from '../../log/types.ts'
import { copyIn } from '../../store/copy-in.ts'
import { createFollower, type Follower } from '../follow/follower.ts'
import { createLogClock } from '../follow/log-clock.ts'
import type { FollowObserver } from '../follow/observer.ts'
import { readFields } from '../follow/read-fields.ts'
import type { OnDamage, Vault } from '../vault/types.ts'
import { addToGranules } from './granules.ts'
import { dropStaleParts, ensurePart, invertFullParts, PART_SIZE, partOf, tableOf } from './parts.ts'
import { type Projection, project, SEARCH } from './projection.ts'
import { refreshErased, rewriteErased } from './refresh.ts'
import { copyRows, type Row } from './rows.ts'
import { createTerms } from './terms.ts'

export interface IndexerOptions {
  readonly log: Log
  readonly vault: Vault
  /** Transactions; two are used at once. */
  readonly db: Database
  /** One connection (`max: 1`), for the locks of all followers. */
  readonly lead: Database
  readonly observer?: FollowObserver
  /** Told of personal fields that were altered in the database: they are not indexed, the rest of their events is. */
  readonly onDamage: OnDamage
}

/** Indexes a log for searches, as one process at a time; every process that may do it calls this. */
export function createIndexer({ log, vault, db, lead, observer, onDamage }: IndexerOptions): Follower {
  const clock = createLogClock(log)
  const projection: Projection = {
    log,
    vault,
    clock,
    terms: createTerms(vault.secretFor('search')),
    onDamage,
  }
  const logId = log.info.id
  return createFollower<readonly Row[]>({
    name: SEARCH,
    log,
    clock,
    db,
    lead,
    read: (start, end) => project(projection, readFields(log, vault, start, end - start, onDamage)),
    async prepare(start, end) {
      for (let part = partOf(start); part * PART_SIZE < end; part++) await ensurePart(db, logId, part)
    },
    handle: (tx, { start, end, data }) => addRows(tx, logId, start, end, data),
    async upkeep({ next, epoch }) {
      await dropStaleParts(db, logId)
      await invertFullParts(db, logId, next)
      await refreshErased(db, projection, epoch)
      await rewriteErased(db, logId)
      await db.sql`DELETE FROM search.rebuilds WHERE log_id = ${logId} AND until <= ${next}`
    },
    durable: false, // cursor and rows are lost together, and made again
    ...(observer === undefined ? {} : { observer }),
  })
}

async function addRows(
  tx: Transaction,
  logId: number,
  start: number,
  end: number,
  rows: readonly Row[],
): Promise<void> {
  for (let part = partOf(start); part * PART_SIZE < end; part++) {
    const here = rows.filter(({ index }) => partOf(index) === part)
    if (here.length === 0) continue
    const statement = `COPY ${tableOf(logId, part)} (log_id, index, time, terms) FROM STDIN BINARY`
    await copyIn(tx, statement, copyRows(logId, here))
  }
  await addToGranules(tx, logId, start, end, rows)
}

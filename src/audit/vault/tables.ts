// What the query builder needs to know of drizzle/0008_vault.sql: what people decide. The rest is written in SQL.
import { sql } from 'drizzle-orm'
import { bigint, integer, pgSchema, text, timestamp } from 'drizzle-orm/pg-core'
import type { Subject } from '../event/types.ts'

/** What was asked for, decided, destroyed, and said in the log, in this order. */
export type ErasureState = 'pending' | 'rejected' | 'approved' | 'shredded' | 'done'

const vault = pgSchema('vault')
const time = (name: string) => timestamp(name, { withTimezone: true })
const count = (name: string) => bigint(name, { mode: 'number' })

export const erasures = vault.table('erasures', {
  id: text('erasure_id').primaryKey(),
  logId: integer('log_id').notNull(),
  subjectId: count('subject_id').notNull(),
  ref: text('ref').notNull(),
  kind: text('kind').$type<Subject['kind']>().notNull(),
  state: text('state').$type<ErasureState>().notNull().default('pending'),
  basis: text('basis').notNull(),
  ticket: text('ticket'),
  requestedBy: text('requested_by').notNull(),
  requesterMadeBy: text('requester_made_by'),
  requestedAt: time('requested_at')
    .notNull()
    .default(sql`now()`),
  decidedBy: text('decided_by'),
  decidedAt: time('decided_at'),
  reason: text('reason'),
  entries: count('entries'),
  /** First and last index of each range, one after the other. */
  ranges: count('ranges').array(),
  fields: text('fields').array(),
  index: count('index'),
  doneAt: time('done_at'),
})

export const holds = vault.table('holds', {
  id: text('hold_id').primaryKey(),
  logId: integer('log_id').notNull(),
  subjectId: count('subject_id'),
  ref: text('ref'),
  reason: text('reason').notNull(),
  placedBy: text('placed_by').notNull(),
  placedAt: time('placed_at')
    .notNull()
    .default(sql`now()`),
  releasedBy: text('released_by'),
  releasedAt: time('released_at'),
})

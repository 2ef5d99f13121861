// What the query builder needs to know of drizzle/0000_log.sql; the hot paths (sequence.ts, find.ts, read-tree.ts) write SQL.
import { sql } from 'drizzle-orm'
import {
  bigint,
  boolean,
  customType,
  integer,
  pgSchema,
  primaryKey,
  text,
  timestamp,
} from 'drizzle-orm/pg-core'
import type { LogChange, Quorum } from '../log/types.ts'

const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' })

const log = pgSchema('log')

export const logs = log.table('logs', {
  logId: integer('log_id').primaryKey().generatedAlwaysAsIdentity(),
  name: text('name').notNull(),
  origin: text('origin').notNull(),
  public: boolean('public').notNull(),
  dedup: boolean('dedup').notNull(),
  vkeys: text('vkeys').array().notNull(),
  mirrored: boolean('mirrored').notNull().default(false),
  createdAt: timestamp('created_at', { withTimezone: true })
    .notNull()
    .default(sql`now()`),
})

export const changes = log.table(
  'changes',
  {
    logId: integer('log_id').notNull(),
    seq: integer('seq').notNull(),
    what: text('what').$type<LogChange['what']>().notNull(),
    value: text('value').notNull(),
  },
  (table) => [primaryKey({ columns: [table.logId, table.seq] })],
)

export const heads = log.table('heads', {
  logId: integer('log_id').primaryKey(),
  size: bigint('size', { mode: 'number' }).notNull(),
  root: bytea('root').notNull(),
})

export const treeHeads = log.table(
  'tree_heads',
  {
    logId: integer('log_id').notNull(),
    size: bigint('size', { mode: 'number' }).notNull(),
    root: bytea('root').notNull(),
  },
  (table) => [primaryKey({ columns: [table.logId, table.size] })],
)

export const checkpoints = log.table(
  'checkpoints',
  {
    logId: integer('log_id').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    size: bigint('size', { mode: 'number' }).notNull(),
    root: bytea('root').notNull(),
    signedAt: bigint('signed_at', { mode: 'number' }).notNull(),
    note: bytea('note').notNull(),
    quorum: text('quorum').$type<Quorum>().notNull(),
  },
  (table) => [primaryKey({ columns: [table.logId, table.seq] })],
)

export const cosignatures = log.table(
  'cosignatures',
  {
    logId: integer('log_id').notNull(),
    seq: bigint('seq', { mode: 'number' }).notNull(),
    signer: text('signer').notNull(),
    line: bytea('line').notNull(),
  },
  (table) => [primaryKey({ columns: [table.logId, table.seq, table.signer] })],
)

// The room's one table; drizzle/0001_access.sql creates it, 0007_roles.sql widens it.
import { customType, integer, pgSchema, text, timestamp } from 'drizzle-orm/pg-core'
import type { Scope } from './scopes.ts'

const bytea = customType<{ data: Uint8Array; driverData: Uint8Array }>({ dataType: () => 'bytea' })

export const keys = pgSchema('access').table('keys', {
  /** The public part of the key. */
  id: text('id').primaryKey(),
  /** What people call it. */
  name: text('name').notNull(),
  /** SHA-256 of the secret; the secret itself is stored nowhere. */
  digest: bytea('digest').notNull(),
  scopes: text('scopes').array().$type<Scope[]>().notNull(),
  /** Names of the logs the key is bound to; null for all, also those to come. */
  logs: text('logs').array(),
  createdAt: timestamp('created_at', { withTimezone: true }).notNull().defaultNow(),
  expiresAt: timestamp('expires_at', { withTimezone: true }),
  /** What its events are filed under; null for its name. */
  source: text('source'),
  /** Id of the principal that made it over HTTP. */
  createdBy: text('created_by'),
  /** Events a second; 0 for no limit, null for the limit of everybody. */
  rateAppend: integer('rate_append'),
  /** Requests a second that append nothing; likewise. */
  rateRead: integer('rate_read'),
  revokedAt: timestamp('revoked_at', { withTimezone: true }),
})

// The room's one table; drizzle/0001_access.sql creates it.
import { customType, pgSchema, text, timestamp } from 'drizzle-orm/pg-core'
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
  revokedAt: timestamp('revoked_at', { withTimezone: true }),
})

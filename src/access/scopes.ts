/** What a key may do. A scope implies no other: a key that administers logs reads no entries unless it says so. */
export const SCOPES = [
  'entries:append',
  'entries:read',
  'logs:admin',
  'keys:write',
  'events:append',
  'search:read',
  'pii:reveal',
  'export:create',
  'erasure:request',
  'erasure:approve',
  'retention:write',
  'meta:read',
] as const

export type Scope = (typeof SCOPES)[number]

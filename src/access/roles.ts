// Scopes that belong together, by the name of the job. A key or a grant may name a role instead: it gets these scopes, then.
import type { Scope } from './scopes.ts'

/** An administrator sees no personal data and erases nobody alone; an auditor sees who looked, but not whom it was about. */
export const ROLES = {
  producer: ['events:append'],
  analyst: ['search:read', 'entries:read', 'pii:reveal', 'export:create'],
  auditor: ['search:read', 'entries:read', 'export:create', 'meta:read'],
  admin: ['logs:admin', 'keys:write', 'retention:write', 'erasure:request'],
  dpo: ['erasure:request', 'erasure:approve', 'search:read', 'pii:reveal', 'retention:write'],
} as const satisfies Readonly<Record<string, readonly Scope[]>>

export type Role = keyof typeof ROLES

export const ROLE_NAMES = [
  'producer',
  'analyst',
  'auditor',
  'admin',
  'dpo',
] as const satisfies readonly Role[]

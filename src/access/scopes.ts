/** What a key may do. A scope implies no other: a key that administers logs reads no entries unless it says so. */
export const SCOPES = ['entries:append', 'entries:read', 'logs:admin'] as const

export type Scope = (typeof SCOPES)[number]

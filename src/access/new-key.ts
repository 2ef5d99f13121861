// What may be asked of a new key.
import { AccessError } from './errors.ts'
import { checkGrant } from './grant.ts'
import type { Principal, Rates } from './principal.ts'
import { type Role, ROLE_NAMES, ROLES } from './roles.ts'
import { type Scope, SCOPES } from './scopes.ts'

/** `role` or `scopes`, not both. */
export interface NewKey {
  readonly name: string
  readonly role?: Role
  readonly scopes?: readonly Scope[]
  readonly logs?: readonly string[] | null
  readonly expiresAt?: Date | null
  /** What its events are filed under; its name unless given. */
  readonly source?: string | null
  readonly rates?: Partial<Rates>
  /** Who asks for it over HTTP: grants what he has himself only. Absent for whoever holds the database. */
  readonly by?: Principal
}

/** As it is stored. */
export interface CheckedKey {
  readonly name: string
  readonly scopes: Scope[]
  readonly logs: string[] | null
  readonly expiresAt: Date | null
  readonly source: string | null
  readonly createdBy: string | null
  readonly rateAppend: number | null
  readonly rateRead: number | null
}

/** Beyond it a time is written in another form, which Postgres does not read; POSIX milliseconds. */
const LATEST = Date.UTC(9999, 11, 31, 23, 59, 59, 999)
const MOST_A_SECOND = 10_000_000
/** What the service's own events are filed under. */
export const OWN_SOURCE = 'prooflog'

/** @param now POSIX milliseconds @throws AccessError `invalid_key_request`, `grant_not_held` */
export function checkNewKey(request: NewKey, now: number): CheckedKey {
  const { name, logs = null, expiresAt = null, source = null, rates = {}, by } = request
  if (!isText(name)) refuse('the name of a key is 1 to 200 characters without NUL')
  const scopes = scopesOf(request)
  if (logs?.length === 0) refuse('a key bound to no log can do nothing: name logs, or leave logs out for all')
  checkExpiry(expiresAt?.getTime(), now)
  if (source !== null && !isText(source)) refuse('the source of a key is 1 to 200 characters without NUL')
  if ((source ?? name) === OWN_SOURCE)
    refuse(`the source ${OWN_SOURCE} is the service's own: give the key another source`)
  const { append = null, read = null } = rates
  for (const rate of [append, read])
    if (rate !== null && !(Number.isInteger(rate) && rate >= 0 && rate <= MOST_A_SECOND))
      refuse(`a rate is a whole number a second, to ${MOST_A_SECOND}; 0 for no limit`)
  const checked = { scopes, logs: logs ? [...new Set(logs)] : null }
  if (by !== undefined) checkGrant(by, checked)
  return {
    ...checked,
    name,
    expiresAt,
    source,
    createdBy: by?.id ?? null,
    rateAppend: append,
    rateRead: read,
  }
}

function scopesOf({ role, scopes }: NewKey): Scope[] {
  if (role !== undefined && scopes !== undefined) refuse('give a role or scopes, not both')
  if (role !== undefined && !ROLE_NAMES.includes(role)) refuse(`a role is one of: ${ROLE_NAMES.join(', ')}`)
  const all: readonly Scope[] = role === undefined ? (scopes ?? []) : ROLES[role]
  if (all.length === 0 || !all.every((scope) => SCOPES.includes(scope)))
    refuse(`a key needs a role, or at least one scope of: ${SCOPES.join(', ')}`)
  return [...new Set(all)]
}

function checkExpiry(expires: number | undefined, now: number): void {
  if (expires !== undefined && expires <= now) refuse('expires_at lies in the past')
  if (expires !== undefined && !(expires <= LATEST)) refuse('expires_at must lie before the year 10000 (UTC)')
}

/** Half a surrogate pair would be stored as another text than the one that was asked for. */
function isText(text: string): boolean {
  return text.length >= 1 && text.length <= 200 && !/\0|\p{Surrogate}/u.test(text)
}

function refuse(message: string): never {
  throw new AccessError('invalid_key_request', message)
}

// Who asks, however it was shown: by an API key, or by a token of an identity provider.
import type { Scope } from './scopes.ts'

export interface Principal {
  readonly kind: 'key' | 'oidc'
  /** Id of the key, or `<issuer>#<subject>`. */
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Log names; null for every log. */
  readonly logs: readonly string[] | null
  /** What its events are filed under: it cannot say otherwise. */
  readonly source: string
  /** Id of the principal that made this key; null when nobody did over HTTP, absent for tokens. */
  readonly createdBy?: string | null
  /** Limits of its own; absent for those of everybody. */
  readonly rates?: Rates
  /** When several grants cover different logs: `scopes` and `logs` are then what they say together, and no right by themselves. */
  readonly grants?: readonly Grant[]
}

/** Per second; 0 for no limit, null for the limit of everybody. */
export interface Rates {
  readonly append: number | null
  readonly read: number | null
}

export interface Grant {
  readonly scopes: readonly Scope[]
  readonly logs: readonly string[] | null
  /** What events sent by this grant are filed under; the principal's id unless given. */
  readonly source?: string | undefined
}

/**
 * The same principal with the rights it has where they are asked for: for one log, or, when `log` is undefined, for what
 * concerns all logs. Rights for one log must not add up with rights for another.
 */
export function narrowed(principal: Principal, log: string | undefined): Principal {
  const { grants, ...rest } = principal
  if (grants === undefined) return principal
  const here = grants.filter(({ logs }) => covers(logs, log))
  const scopes = [...new Set(here.flatMap((grant) => grant.scopes))]
  // The source of a grant for another log would be a way to pose as that one's sender here.
  const sending = here.filter((grant) => grant.scopes.includes('events:append'))
  const source = sending.find((grant) => grant.source !== undefined)?.source ?? principal.id
  return { ...rest, scopes, logs: logsOf(here), source }
}

/** @param logs as in a principal @param log undefined for what concerns all logs */
export function covers(logs: readonly string[] | null, log: string | undefined): boolean {
  return logs === null || (log !== undefined && logs.includes(log))
}

/** Together. */
export function logsOf(grants: readonly Grant[]): readonly string[] | null {
  const all = grants.map(({ logs }) => logs)
  return all.includes(null) ? null : [...new Set(all.flatMap((logs) => logs ?? []))]
}

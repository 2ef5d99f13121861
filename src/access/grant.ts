// Nobody gives what he does not have: a key that makes keys makes none that may do more than itself.
import { AccessError } from './errors.ts'
import type { Grant, Principal } from './principal.ts'

/** @throws AccessError `grant_not_held` naming what `by` lacks */
export function checkGrant(by: Principal, { scopes, logs }: Grant): void {
  const lacking = scopes.filter((scope) => !by.scopes.includes(scope))
  if (lacking.length > 0)
    throw new AccessError(
      'grant_not_held',
      `${by.id} cannot grant ${lacking.join(', ')}: it does not have that itself; ask somebody who does, or use prooflog key create --local`,
    )
  if (by.logs !== null && !logs?.every((log) => by.logs?.includes(log)))
    throw new AccessError(
      'grant_not_held',
      `${by.id} is bound to some logs and can grant rights to these only`,
    )
}

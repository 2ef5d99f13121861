import type { Principal } from '../../access/principal.ts'
import { HttpError } from '../../http/errors.ts'

/** Under which name events are filed: the one bound to the credential, never one that the sender gives itself. */
export function sourceOf(who: Principal | undefined): string {
  return known(who).source
}

/** The caller of a route that is not public. @throws HttpError `key_missing` */
export function known(who: Principal | undefined): Principal {
  if (who === undefined) throw new HttpError('key_missing', 'a key is needed here')
  return who
}

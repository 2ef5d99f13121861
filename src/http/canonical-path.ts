// One resource, one spelling: what a proxy or a cache in front holds apart must not be the same here, nor the other way round.
import type { Context } from 'hono'
import { HttpError } from './errors.ts'
import { incomingOf } from './incoming.ts'

/** All that URL parsing or percent-decoding would turn into another path. No route needs any of it. */
const REWRITTEN = /[^!-~]|[%\\#]|\/\/|\/\.{1,2}(?:\/|$)/

/**
 * Looks at the target as it was sent, since a parsed URL has lost its dot segments.
 * @throws HttpError `not_found`
 */
export function checkCanonicalPath(c: Context): void {
  if (REWRITTEN.test(pathOf(incomingOf(c)?.url ?? c.req.raw.url)))
    throw new HttpError(
      'not_found',
      'paths have one spelling here: without percent signs, dot segments and empty segments',
    )
}

/** Of a target in origin form, or in absolute form (RFC 9112 §3.2.2). */
function pathOf(target: string): string {
  const query = target.indexOf('?')
  const whole = query === -1 ? target : target.slice(0, query)
  if (whole.startsWith('/')) return whole
  const path = whole.indexOf('/', whole.indexOf('://') + 3)
  return path === -1 ? '' : whole.slice(path)
}

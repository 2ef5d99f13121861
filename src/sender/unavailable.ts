// The answer in place of one that could not be recorded.

export const UNAVAILABLE = 503
export const UNAVAILABLE_HEADERS = {
  'content-type': 'application/problem+json',
  'cache-control': 'no-store',
  'retry-after': '5',
} as const
/** It says nothing of what the handler did: it may have run. */
export const UNAVAILABLE_BODY = `${JSON.stringify({
  type: 'about:blank',
  title: 'The request cannot be recorded now.',
  status: UNAVAILABLE,
  code: 'audit_unavailable',
})}\n`

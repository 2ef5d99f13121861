// Waits that end: of the service and of what is shipped, so apart from the rooms of both.

/**
 * Gives `work` a signal that aborts after `limit` milliseconds, or with any of `ends` and for its reason, and leaves nothing
 * behind. Not AbortSignal.any: Node 20 forgets a timeout that it was made of as soon as it collects garbage, so that who never
 * answers would be waited for without end; and what it makes stays with the signals that live longer, for as long as they do.
 * @throws what `work` throws
 */
export async function withinTime<T>(
  limit: number,
  ends: readonly AbortSignal[],
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const ending = new AbortController()
  const timer = setTimeout(() => ending.abort(new Error(`no answer within ${limit} ms`)), limit)
  const stops = ends.map((end) => {
    const stop = (): void => ending.abort(end.reason)
    end.addEventListener('abort', stop)
    if (end.aborted) stop()
    return () => end.removeEventListener('abort', stop)
  })
  try {
    return await work(ending.signal)
  } finally {
    clearTimeout(timer)
    for (const stop of stops) stop()
  }
}

/**
 * Runs `work` on each item with at most `window` under way, and yields the results in the order of the items. When the
 * caller stops early or one fails, nothing more is started; what is under way is left to end unheard.
 */
export async function* inOrder<In, Out>(
  items: Iterable<In> | AsyncIterable<In>,
  window: number,
  work: (item: In) => Promise<Out>,
): AsyncGenerator<Out, void, undefined> {
  const running: Promise<Out>[] = []
  for await (const item of items) {
    const result = work(item)
    // Its failure is thrown when its turn comes; until then it must not count as unhandled.
    result.catch(() => undefined)
    running.push(result)
    const next = running.length >= window ? running.shift() : undefined
    if (next) yield await next
  }
  for (let next = running.shift(); next; next = running.shift()) yield await next
}

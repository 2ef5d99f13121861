// Made-up keys cost a look-up each, before anything is known that a rate could be held against. So look-ups share: one query is
// under way, and what is asked for meanwhile goes together into the next. A flood takes one connection and a hundred queries a
// second, whoever sends it, and nobody is turned away: a known key whose copy is due waits for one turn, as ever.

/** Ids in one query. */
const MOST = 1_000
/** Between a query that looked for what there is not, and the next; milliseconds. */
const BREATH = 10
/** An answer that does not come holds up the others no longer than this; milliseconds. */
const PATIENCE = 1_000

/**
 * @param read called with ids, each once or more; one call at a time
 * @returns looks up one id; rejects as `read` does
 */
export function readTogether<T>(
  read: (ids: readonly string[]) => Promise<ReadonlyMap<string, T>>,
): (id: string) => Promise<T | undefined> {
  let next: { readonly ids: string[]; readonly found: Promise<ReadonlyMap<string, T>> } | undefined
  let turn: Promise<unknown> = Promise.resolve()

  function begin(): NonNullable<typeof next> {
    const ids: string[] = []
    const found = turn.then(() => {
      if (next?.ids === ids) next = undefined
      return read(ids)
    })
    const missing = found.then(
      ({ size }) => size < ids.length,
      () => true,
    )
    turn = Promise.race([missing, sleep(PATIENCE)]).then((some) =>
      some === true ? sleep(BREATH) : undefined,
    )
    return { ids, found }
  }
  return async (id) => {
    if (next === undefined || next.ids.length >= MOST) next = begin()
    next.ids.push(id)
    return (await next.found).get(id)
  }
}

function sleep(milliseconds: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, milliseconds).unref()
  })
}

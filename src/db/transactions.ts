// Transactions, each on a connection of its own that is thrown away once it was lost. The driver (postgres 3.4.9) goes on using
// one that has closed: a ROLLBACK on it throws where nobody can catch it; if it has come back for somebody else meanwhile, the
// rest of the transaction runs there, outside any transaction; what is sent between a socket's error and its end is never
// answered; and what was about to be written keeps the next connection from being made.
import type { Sql } from './connect.ts'

export interface Transactions {
  /**
   * Runs `work` in a transaction: commits when it resolves, rolls back when it rejects.
   * @throws what `work` throws; Error `CONNECTION_CLOSED` when the connection was lost; what the server or the connection
   * reports; Error `TRANSACTION_ABORTED` when a failed statement was ignored by `work`
   */
  readonly begin: <T>(work: (tx: Sql) => Promise<T>) => Promise<T>
  readonly close: () => Promise<void>
}

/** One connection, from before it is made until it is lost. */
interface Line {
  readonly sql: Sql
  /** Aborted when the connection is lost. */
  readonly lost: AbortSignal
}

/**
 * @param open a pool of one connection, which is made on first use; it calls `onLost` in the very event that closes it
 * @param max transactions at once; others wait for their turn
 */
export function createTransactions(open: (onLost: () => void) => Sql, max: number): Transactions {
  const lines = new Set<Line>()
  const free: Line[] = []
  const waiting: (() => void)[] = []
  let taken = 0

  function newLine(): Line {
    const loss = new AbortController()
    const line = { sql: open(() => loss.abort(connectionLost())), lost: loss.signal }
    loss.signal.addEventListener('abort', () => discard(line), { once: true })
    lines.add(line)
    return line
  }

  function discard(line: Line): void {
    lines.delete(line)
    const at = free.indexOf(line)
    if (at >= 0) free.splice(at, 1)
    void line.sql.end({ timeout: 0 }).catch(() => {})
  }

  async function begin<T>(work: (tx: Sql) => Promise<T>): Promise<T> {
    while (taken >= max) await new Promise<void>((resolve) => waiting.push(resolve))
    taken++
    const line = free.pop() ?? newLine()
    try {
      return await transact(line, work)
    } finally {
      if (!line.lost.aborted) free.push(line)
      taken--
      waiting.shift()?.()
    }
  }

  return {
    begin,
    async close() {
      await Promise.all([...lines].map(({ sql }) => sql.end({ timeout: 5 })))
    },
  }
}

async function transact<T>({ sql, lost }: Line, work: (tx: Sql) => Promise<T>): Promise<T> {
  const loss = lossOf(lost)
  try {
    await Promise.race([sql.unsafe('BEGIN'), loss.rejection])
    let done: T
    try {
      done = await Promise.race([work(bound(sql, lost)), loss.rejection])
    } catch (error) {
      // A connection that is lost rolls back by itself; one that is lost just now says nothing that matters.
      if (!lost.aborted) await Promise.race([sql.unsafe('ROLLBACK'), loss.rejection]).catch(() => {})
      throw error
    }
    lost.throwIfAborted()
    const { command } = await Promise.race([sql.unsafe('COMMIT'), loss.rejection])
    if (command === 'COMMIT') return done
    throw Object.assign(new Error('a statement of the transaction failed, so nothing was stored'), {
      code: 'TRANSACTION_ABORTED',
    })
  } finally {
    loss.forget()
  }
}

/** Rejects when the connection is lost; one promise a transaction, because what a promise is raced with stays in its memory. */
function lossOf(lost: AbortSignal): { rejection: Promise<never>; forget: () => void } {
  let forget = (): void => {}
  const rejection = new Promise<never>((_, reject) => {
    const onLost = (): void => reject(connectionLost())
    lost.addEventListener('abort', onLost, { once: true })
    forget = () => lost.removeEventListener('abort', onLost)
  })
  rejection.catch(() => {}) // it may be lost while nobody waits for anything
  return { rejection, forget }
}

/** Whatever is used of it, statement or helper: not one byte goes to another connection than the one that began. */
function bound(sql: Sql, lost: AbortSignal): Sql {
  return new Proxy(sql, {
    apply(target, self, args) {
      lost.throwIfAborted()
      return Reflect.apply(target, self, args)
    },
    get(target, name) {
      lost.throwIfAborted()
      return Reflect.get(target, name)
    },
  })
}

function connectionLost(): Error {
  return Object.assign(new Error('the connection was lost within a transaction'), {
    code: 'CONNECTION_CLOSED',
  })
}

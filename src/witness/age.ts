// Whether the database is the newest copy there is. A witness that went on from an older one would cosign a second history of
// every log that grew in between. So the database counts up while something is cosigned, and the count is remembered outside.
import type { Database } from '../db/connect.ts'
import { Refusal } from './refusal.ts'

/** Where the count is remembered, away from the database and its backups. */
export interface RememberedAge {
  /** Undefined when nothing is remembered. @throws Error when what is there cannot be read */
  read(): Promise<number | undefined>
  /** Resolves when it is durable. */
  write(age: number): Promise<void>
}

export interface Age {
  /** Notes that something is being cosigned. @throws Refusal `not_available` when the database was found to be old */
  readonly touch: () => void
  /** Why nothing is cosigned; undefined when all is well. */
  readonly problem: () => string | undefined
  /** Counts once more, if something was cosigned since, and stops. */
  close(): Promise<void>
}

/** While something is cosigned, the count moves this often; milliseconds. It is how much an old copy may lack unseen. */
const INTERVAL = 1_000

/**
 * Compares now and then once a second; counts while the witness is used. The count is moved in the database first, so what is
 * remembered is never ahead of a database that lost nothing.
 * @param report told of failures to count
 */
export async function openAge(
  { sql }: Database,
  remembered: RememberedAge,
  report: (error: unknown) => void,
  interval = INTERVAL,
): Promise<Age> {
  let last = await remembered.read()
  let used = false
  let old: string | undefined
  let failed = false

  async function count(): Promise<void> {
    // An older copy is not counted up: after as many starts it would have caught up.
    const [row] = await sql<{ age: number }[]>`
      UPDATE witness.age SET age = age + 1 WHERE age >= ${last ?? 0} RETURNING age`
    await learn(row?.age)
  }

  /** A process that is not used follows the others on its database: it too must know an older copy. */
  async function follow(): Promise<void> {
    const [row] = await sql<{ age: number }[]>`SELECT age FROM witness.age`
    if (row?.age !== last) await learn(row !== undefined && row.age >= (last ?? 0) ? row.age : undefined)
  }

  /** @param age undefined when it is less than what is remembered */
  async function learn(age: number | undefined): Promise<void> {
    if (age === undefined) {
      old = `the database is an older copy of the one that this witness cosigned with (its age was ${last}): bring the newest back, or begin anew with other keys under another name`
      return
    }
    await remembered.write(age)
    last = age
    failed = false
  }

  function tell(error: unknown): void {
    failed = true
    report(error)
  }

  await count()
  let counting = Promise.resolve()
  let underWay = false
  const timer = setInterval(() => {
    if (old !== undefined || underWay) return
    const step = used || failed ? count() : follow()
    used = false
    underWay = true
    counting = step.catch(tell).finally(() => (underWay = false))
  }, interval)
  timer.unref()
  return {
    touch() {
      used = true
      if (old !== undefined || failed) throw new Refusal('not_available', 'This witness cosigns nothing now.')
    },
    problem: () => old ?? (failed ? 'what is cosigned cannot be counted' : undefined),
    async close() {
      clearInterval(timer)
      await counting
      if (used && old === undefined) await count().catch(report)
    },
  }
}

// Several guards as one: all must agree, and what is signed extends what each of them holds. They move one after the other,
// always in the order given, and none moves before all hold the same note; so a crash leaves the first few with a newer note
// and the rest with the one before it. Anything else means that a guard was changed or rolled back.
import { equalBytes } from '../core/bytes.ts'
import { LogError } from '../log/errors.ts'
import type { Guarded } from '../log/ports.ts'
import type { OperatedGuard } from './guard.ts'

/** @param guards in the order in which they move; all processes that sign must have the same */
export function severalGuards(guards: readonly OperatedGuard[]): OperatedGuard {
  const [first] = guards
  if (first !== undefined && guards.length === 1) return first
  const names = guards.map(({ places }) => places.map(({ name }) => name).join(', '))

  const readAll = (origin: string): Promise<(Guarded | undefined)[]> =>
    Promise.all(guards.map((guard) => guard.read(origin)))

  return {
    places: guards.flatMap(({ places }) => places),
    async read(origin) {
      const heads = await readAll(origin)
      checkOrder(origin, heads, names)
      const [newest] = heads
      if (newest === undefined) return undefined
      const behind = heads.filter((head) => !sameNote(head, newest))
      return behind.length === 0 ? newest : { ...newest, behind }
    },
    async move(origin, from, to) {
      const heads = await readAll(origin)
      checkOrder(origin, heads, names)
      // Whoever calls has checked that what it signs extends these, and no others.
      const checked = [from, ...(from?.behind ?? [])]
      if (!sameNote(heads[0], from) || !heads.every((head) => checked.some((each) => sameNote(head, each)))) {
        throw new LogError(
          'guard_moved',
          `another process moved the guard of ${origin} in ${names.join(' or ')}: two services sign this log; stop one`,
        )
      }
      for (const [i, guard] of guards.entries()) {
        if (from !== undefined && !sameNote(heads[i], from)) await guard.move(origin, heads[i], from)
      }
      for (const guard of guards) await guard.move(origin, from, to)
    },
    async halt(origin, reason) {
      // One that halts stops all: try each, and only then complain of those that could not be told.
      rejectedOf(await Promise.allSettled(guards.map((guard) => guard.halt(origin, reason))))
    },
    async clear(origin) {
      for (const guard of guards) await guard.clear(origin)
    },
    async close() {
      for (const guard of guards) await guard.close()
    },
  }
}

/** @throws LogError `log_halted` unless the heads are those of whole moves and at most one interrupted one */
function checkOrder(origin: string, heads: readonly (Guarded | undefined)[], names: readonly string[]): void {
  let changes = 0
  for (const [i, head] of heads.entries()) {
    const before = heads[i - 1]
    if (i === 0 || sameNote(head, before)) continue
    changes++
    if (changes === 1 && sizeOf(head) <= sizeOf(before)) continue
    throw new LogError(
      'log_halted',
      `the guards of ${origin} do not agree: ${heads.map((each, k) => `${names[k]} holds ${describe(each)}`).join('; ')}. One of them was changed or rolled back: look at both with "prooflog guard show", and see docs/guards.md`,
    )
  }
}

function sizeOf(head: Guarded | undefined): number {
  return head?.size ?? -1
}

function describe(head: Guarded | undefined): string {
  return head === undefined ? 'nothing' : `size ${head.size}`
}

function sameNote(a: Guarded | undefined, b: Guarded | undefined): boolean {
  return a === undefined || b === undefined ? a === b : equalBytes(a.note, b.note)
}

function rejectedOf(outcomes: readonly PromiseSettledResult<unknown>[]): void {
  for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason
}

// What every guard promises the publisher, wherever it keeps its notes.
import { beforeEach, describe, expect, test } from 'vitest'
import { createGuard } from '../../src/guard/guard.ts'
import type { GuardPlace } from '../../src/guard/place.ts'
import type { Guard } from '../../src/log/ports.ts'
import { headOf, ORIGIN, OTHER_ORIGIN } from './heads.ts'

/** @param open another process's way to the same place, which holds nothing when `fresh` */
export function guardContract(name: string, open: (fresh: boolean) => Promise<GuardPlace>): void {
  describe(`the guard in ${name}`, () => {
    let place: GuardPlace
    let guard: Guard
    const another = async (): Promise<Guard> => createGuard(await open(false))

    beforeEach(async () => {
      place = await open(true)
      guard = createGuard(place)
    })

    test('knows nothing at first, and then what it was moved to, in another process too', async () => {
      expect(await guard.read(ORIGIN)).toBeUndefined()
      const head = await headOf(5)
      await guard.move(ORIGIN, undefined, head)
      const stored = await (await another()).read(ORIGIN)
      expect(stored).toMatchObject({ size: 5 })
      expect(Buffer.from(stored!.note)).toEqual(Buffer.from(head.note))
      expect(await guard.read(OTHER_ORIGIN)).toBeUndefined()
    })

    test('moves once, of many processes that move it from one place', async () => {
      for (const from of [undefined, await headOf(0)]) {
        const guards = await Promise.all(Array.from({ length: 10 }, another))
        const moves = await Promise.allSettled(
          guards.map(async (each, i) =>
            each.move(ORIGIN, from, await headOf(from === undefined ? 0 : i + 1)),
          ),
        )
        expect(moves.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
        const reasons = moves.flatMap((move) => (move.status === 'rejected' ? [move.reason] : []))
        for (const reason of reasons) expect(reason).toMatchObject({ code: 'guard_moved' })
      }
    })

    test('moves only from where it is', async () => {
      const [five, six] = [await headOf(5), await headOf(6)]
      await expect(guard.move(ORIGIN, five, six)).rejects.toMatchObject({ code: 'guard_moved' })
      await guard.move(ORIGIN, undefined, five)
      await expect(guard.move(ORIGIN, undefined, six)).rejects.toMatchObject({ code: 'guard_moved' })
      await expect(guard.move(ORIGIN, six, six)).rejects.toMatchObject({ code: 'guard_moved' })
      await guard.move(ORIGIN, five, six)
      expect(await guard.read(ORIGIN)).toMatchObject({ size: 6 })
    })

    test('never takes damage for nothing', async () => {
      const good = (await headOf(5)).note
      const other = (await headOf(5, OTHER_ORIGIN)).note
      for (const bad of [new Uint8Array(), good.subarray(0, 30), Buffer.from('x'), other]) {
        await place.put(ORIGIN, bad)
        await expect(guard.read(ORIGIN)).rejects.toMatchObject({ code: 'log_halted' })
        await expect(guard.move(ORIGIN, undefined, await headOf(6))).rejects.toMatchObject({
          code: 'log_halted',
        })
      }
      await place.put(ORIGIN, good)
      expect(await guard.read(ORIGIN)).toMatchObject({ size: 5 })
    })

    test('halts every process for the first reason given, until an operator clears it', async () => {
      for (const from of [undefined, await headOf(1)]) {
        await guard.halt(ORIGIN, 'witness w saw another history')
        await guard.halt(ORIGIN, 'and another')
        const elsewhere = await another()
        const refusal = {
          code: 'log_halted',
          message: expect.stringContaining(': witness w saw another history.'),
        }
        await expect(elsewhere.read(ORIGIN)).rejects.toMatchObject(refusal)
        await expect(elsewhere.move(ORIGIN, from, await headOf(2))).rejects.toMatchObject(refusal)
        expect(await elsewhere.read(OTHER_ORIGIN)).toBeUndefined()
        expect(await place.load(ORIGIN)).toMatchObject({ halted: 'witness w saw another history' })
        await place.clear(ORIGIN)
        await elsewhere.move(ORIGIN, from, await headOf(1))
      }
      expect(await guard.read(ORIGIN)).toMatchObject({ size: 1 })
      await place.clear(ORIGIN) // nothing to clear is no fault
    })
  })
}

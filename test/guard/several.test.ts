import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { adoptCheckpoint } from '../../src/guard/adopt.ts'
import { guardFolder } from '../../src/guard/file.ts'
import { createGuard, type OperatedGuard } from '../../src/guard/guard.ts'
import type { GuardPlace } from '../../src/guard/place.ts'
import { severalGuards } from '../../src/guard/several.ts'
import type { Guarded } from '../../src/log/ports.ts'
import { testFolder } from '../support/engine.ts'
import { headOf, ORIGIN, signer } from './heads.ts'

let home: ReturnType<typeof testFolder>
beforeEach(() => {
  home = testFolder()
})
afterEach(() => home.remove())

/** A place that dies at its next write, before or after it happened. */
function mortal(place: GuardPlace): GuardPlace & { dieAt: 'lost' | 'kept' | undefined } {
  return {
    ...place,
    dieAt: undefined,
    async swap(...args) {
      if (this.dieAt === 'lost') throw new Error('test: died before')
      const swapped = await place.swap(...args)
      if (this.dieAt === 'kept') throw new Error('test: died after')
      return swapped
    },
  }
}

function three(): { places: ReturnType<typeof mortal>[]; guard: OperatedGuard } {
  const places = ['1', '2', '3'].map((name) => mortal(guardFolder(join(home.folder, name))))
  return { places, guard: severalGuards(places.map(createGuard)) }
}

async function held(places: readonly GuardPlace[]): Promise<(number | undefined)[]> {
  return Promise.all(places.map(async (place) => (await createGuard(place).read(ORIGIN))?.size))
}

describe('several guards', () => {
  test('all hold what was moved to, and all must be asked', async () => {
    const { places, guard } = three()
    await guard.move(ORIGIN, undefined, await headOf(1))
    await guard.move(ORIGIN, await headOf(1), await headOf(2))
    expect(await held(places)).toEqual([2, 2, 2])
    expect(await guard.read(ORIGIN)).not.toHaveProperty('behind')
    places[2]!.load = () => Promise.reject(new Error('down'))
    await expect(guard.read(ORIGIN)).rejects.toThrow('down')
    await expect(guard.move(ORIGIN, await headOf(2), await headOf(3))).rejects.toThrow('down')
    expect(await held(places.slice(0, 2))).toEqual([2, 2])
  })

  test('whatever move is interrupted, and however often, the next one goes on from there', async () => {
    const crash = fc.record({
      place: fc.nat({ max: 2 }),
      kind: fc.constantFrom('lost' as const, 'kept' as const),
      grows: fc.nat({ max: 2 }),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(crash, { maxLength: 8 }), async (crashes) => {
        home.remove()
        const { places, guard } = three()
        let size = 0
        const attempt = async (): Promise<void> => {
          const from = await guard.read(ORIGIN)
          // What the publisher does: everything that any place holds must be a prefix of what it signs.
          for (const older of [from, ...(from?.behind ?? [])])
            expect(older?.size ?? 0).toBeLessThanOrEqual(size)
          await guard.move(ORIGIN, from, await headOf(size))
        }
        for (const { place, kind, grows } of crashes) {
          size += grows
          const dying = places[place]!
          dying.dieAt = kind
          const outcome = await attempt().catch((error: Error) => error.message)
          expect(outcome ?? 'test: died not at all').toMatch(/^test: died/)
          dying.dieAt = undefined
          const sizes = await held(places)
          expect(new Set(sizes).size).toBeLessThanOrEqual(2)
          expect(sizes.map((each) => each ?? -1)).toEqual(
            sizes.map((each) => each ?? -1).toSorted((a, b) => b - a),
          )
        }
        await attempt()
        expect(await held(places)).toEqual([size, size, size])
      }),
      { numRuns: 60 },
    )
  })

  test('that were changed one by one stop the log', async () => {
    const { places, guard } = three()
    await guard.move(ORIGIN, undefined, await headOf(5))
    const set = async (sizes: readonly (number | undefined)[]): Promise<void> => {
      home.remove()
      const fresh = ['1', '2', '3'].map((name) => guardFolder(join(home.folder, name)))
      for (const [i, size] of sizes.entries()) {
        if (size !== undefined) await fresh[i]!.put(ORIGIN, (await headOf(size)).note)
      }
    }
    for (const sizes of [
      [4, 5, 5],
      [5, 4, 5],
      [5, 4, 3],
      [undefined, 5, 5],
      [5, 4, undefined],
    ]) {
      await set(sizes)
      await expect(guard.read(ORIGIN), String(sizes)).rejects.toMatchObject({ code: 'log_halted' })
    }
    for (const sizes of [
      [5, 5, 4],
      [5, 4, 4],
      [5, undefined, undefined],
      [5, 5, undefined],
    ]) {
      await set(sizes)
      const head = await guard.read(ORIGIN)
      const rest = sizes.filter((size) => size !== 5)
      expect(
        head?.behind?.map((older) => older?.size),
        String(sizes),
      ).toEqual(rest)
    }
    expect(await held(places)).toEqual([5, 5, undefined])
  })

  test('move over nothing but what the caller was told of', async () => {
    const { places, guard } = three()
    await guard.move(ORIGIN, undefined, await headOf(5))
    const from = await guard.read(ORIGIN)
    await places[2]!.put(ORIGIN, (await headOf(3)).note)
    await expect(guard.move(ORIGIN, from, await headOf(6))).rejects.toMatchObject({ code: 'guard_moved' })
    expect(await held(places)).toEqual([5, 5, 3])
    await guard.move(ORIGIN, await guard.read(ORIGIN), await headOf(6))
    expect(await held(places)).toEqual([6, 6, 6])
  })

  test('of two publishers, one moves them', async () => {
    const { places, guard } = three()
    const other = three().guard
    await guard.move(ORIGIN, undefined, await headOf(1))
    let wins = 0
    for (let size = 2; size < 12; size++) {
      const from = (await guard.read(ORIGIN)) as Guarded
      const moves = await Promise.allSettled([
        guard.move(ORIGIN, from, await headOf(size)),
        other.move(ORIGIN, from, await headOf(size + 100)),
      ])
      wins += moves.filter(({ status }) => status === 'fulfilled').length
      expect(moves.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1)
      expect(new Set(await held(places)).size).toBeLessThanOrEqual(2)
      await places[0]!.put(ORIGIN, (await headOf(size)).note)
      await places[1]!.put(ORIGIN, (await headOf(size)).note)
      await places[2]!.put(ORIGIN, (await headOf(size)).note)
    }
    expect(wins).toBeGreaterThan(0)
  })

  test('halt when one is told, and go on when all are cleared', async () => {
    const { places, guard } = three()
    places[0]!.halt = () => Promise.reject(new Error('down'))
    await expect(guard.halt(ORIGIN, 'split view')).rejects.toThrow('down')
    await expect(guard.read(ORIGIN)).rejects.toMatchObject({ code: 'log_halted' })
    await guard.clear(ORIGIN)
    expect(await guard.read(ORIGIN)).toBeUndefined()
  })

  test('one that was lost is given what the others hold, without force', async () => {
    const { places, guard } = three()
    await guard.move(ORIGIN, undefined, await headOf(5))
    await places[1]!.put(ORIGIN, Buffer.from('damaged'))
    const adopted = await adoptCheckpoint(guard, (await headOf(4)).note, [signer.vkey])
    expect(adopted).toMatchObject({ size: 5, changed: [places[1]!.name] })
    expect(await held(places)).toEqual([5, 5, 5])
    await places[1]!.put(ORIGIN, Buffer.from('damaged'))
    await expect(adoptCheckpoint(guard, (await headOf(6)).note, [signer.vkey])).rejects.toMatchObject({
      code: 'guard_moved',
    })
    await adoptCheckpoint(guard, (await headOf(6)).note, [signer.vkey], { force: true })
    expect(await held(places)).toEqual([6, 6, 6])
  })
})

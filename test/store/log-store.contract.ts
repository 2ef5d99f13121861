// What every LogStore must do (src/log/ports.ts): one suite for every implementation. Sizes are far below a segment of the
// look-up; the filters of src/store have tests of their own.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { appendLeaves, type Edge, edgeFrom, EMPTY_EDGE } from '../../src/core/append.ts'
import { concat, toHex } from '../../src/core/bytes.ts'
import { EMPTY_ROOT, hashLeaf } from '../../src/core/hash.ts'
import type { LogStore } from '../../src/log/ports.ts'
import type { LogInfo, Published } from '../../src/log/types.ts'
import { batchOf, hashes, headOf, put, texts } from './batches.ts'

export interface StoreUnderTest {
  readonly store: LogStore
  /** Ends the connection that holds the publisher's locks, as a broken network would. */
  loseLead(): Promise<void>
  /** Ends every connection while the store goes on. */
  loseAll(): Promise<void>
  close(): Promise<void>
}

/** @param open a store on the same database at each call, as another process would open it */
export function testLogStore(
  prepare: () => Promise<void>,
  open: () => Promise<StoreUnderTest>,
  end: () => Promise<void>,
): void {
  let one: StoreUnderTest
  let two: StoreUnderTest
  let log: LogInfo
  let created = 0

  beforeAll(prepare)
  afterAll(end)
  beforeEach(async () => {
    one = await open()
    two = await open()
    log = await one.store.createLog(newLog())
  })
  afterEach(async () => {
    await one.close()
    await two.close()
  })

  function newLog(): Parameters<LogStore['createLog']>[0] {
    const name = `log-${created++}`
    return { name, origin: `example/${name}`, public: false, dedup: true, vkeys: ['vkey'] }
  }

  /** Appends in one transaction, and answers the edge after it. */
  async function append(
    entries: readonly string[],
    edge: Edge = EMPTY_EDGE,
    store = one.store,
  ): Promise<Edge> {
    const batch = batchOf(edge, entries)
    await store.sequence(log.id, async (tx) => {
      expect(tx.head.size).toBe(edge.size)
      await put(tx, batch)
    })
    return batch.next
  }

  describe('logs', () => {
    test('a created log is listed, by every process, and begins empty', async () => {
      const listed = (await two.store.logs()).find(({ id }) => id === log.id)
      expect(listed).toEqual(log)
      expect(listed).toMatchObject({ public: false, dedup: true, vkeys: ['vkey'] })
      expect(await two.store.head(log.id)).toEqual({ size: 0, root: Buffer.from(EMPTY_ROOT) })
      expect(await two.store.published(log.id)).toBeUndefined()
    })

    test('neither name nor origin is given twice, whoever asks at the same time', async () => {
      for (const again of [
        { ...newLog(), name: log.name },
        { ...newLog(), origin: log.origin },
      ]) {
        await expect(two.store.createLog(again)).rejects.toMatchObject({ code: 'log_exists' })
      }
      const wanted = newLog()
      const both = await Promise.allSettled([one.store.createLog(wanted), two.store.createLog(wanted)])
      expect(both.map(({ status }) => status).toSorted()).toEqual(['fulfilled', 'rejected'])
    })
  })

  describe('sequence', () => {
    test('stores entries, tiles and head together', async () => {
      const edge = await append(texts(600))
      expect(await two.store.head(log.id)).toMatchObject({ size: 600 })
      const head = await two.store.head(log.id)
      expect(toHex(head.root)).toBe(toHex(appendLeaves(EMPTY_EDGE, hashes(texts(600))).root))
      expect((await two.store.entries(log.id, 0, 600)).map(String)).toEqual(texts(600))
      expect((await two.store.edgeTiles(log.id, 600)).map(toHex)).toEqual(edge.tiles.map(toHex))
    })

    test('runs one at a time for a log, across processes', async () => {
      let inside = 0
      let most = 0
      const sizes: number[] = []
      await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          [one, two][i % 2]!.store.sequence(log.id, async (tx) => {
            most = Math.max(most, ++inside)
            sizes.push(tx.head.size)
            const edge = edgeFrom(tx.head.size, await tx.edgeTiles())
            await put(tx, batchOf(edge, texts(30, `call ${i}`)))
            inside--
          }),
        ),
      )
      expect(most).toBe(1)
      expect(sizes).toEqual(Array.from({ length: 12 }, (_, i) => i * 30))
      expect((await one.store.entries(log.id, 0, 360)).length).toBe(360)
    })

    test('does not hold up other logs', async () => {
      const other = await one.store.createLog(newLog())
      await one.store.sequence(log.id, async () => {
        await two.store.sequence(other.id, (tx) => put(tx, batchOf(EMPTY_EDGE, ['entry'])))
      })
      expect(await one.store.head(other.id)).toMatchObject({ size: 1 })
    })

    test('shows nothing before it ends, and leaves nothing when it fails at any step', async () => {
      const batch = batchOf(EMPTY_EDGE, texts(300))
      for (const steps of [1, 2, 3]) {
        const failed = one.store.sequence(log.id, async (tx) => {
          await tx.putEntries(batch.fresh)
          if (steps > 1) await tx.putTiles(batch.tiles)
          if (steps > 2) await tx.moveHead(batch.to)
          expect(await two.store.head(log.id)).toMatchObject({ size: 0 })
          await expect(two.store.entries(log.id, 0, 1)).rejects.toMatchObject({ code: 'log_damaged' })
          throw new RangeError('enough')
        })
        await expect(failed).rejects.toMatchObject({ cause: { message: 'enough' } })
        expect(await two.store.head(log.id)).toMatchObject({ size: 0 })
        await expect(two.store.tiles(log.id, [{ level: 0, index: 0, width: 256 }])).rejects.toMatchObject({
          code: 'log_damaged',
        })
        expect(await two.store.indexOf(log.id, hashLeaf(Buffer.from('entry 0')), 300)).toBeUndefined()
      }
      await append(texts(300))
    })

    test('finds entries committed by anyone, first index first, and none that were rolled back', async () => {
      let edge = await append(['a', 'b', 'a'])
      edge = await append(['c', ...texts(300), 'b'], edge, two.store)
      await expect(
        one.store.sequence(log.id, async (tx) => {
          await put(tx, batchOf(edge, ['rolled back']))
          throw new RangeError('enough')
        }),
      ).rejects.toMatchObject({ cause: { message: 'enough' } })
      for (const { store } of [one, two]) {
        const found = await store.sequence(log.id, (tx) =>
          tx.find(hashes(['b', 'nobody', 'c', 'a', 'rolled back', 'entry 299'])),
        )
        expect(found).toEqual([1, undefined, 3, 0, undefined, 303])
      }
    })

    test('fails with store_unavailable when the connection is lost, and works again at once', async () => {
      const batch = batchOf(EMPTY_EDGE, texts(10))
      const lost = one.store.sequence(log.id, async (tx) => {
        await tx.putEntries(batch.fresh)
        await one.loseAll()
        await tx.moveHead(batch.to)
      })
      await expect(lost).rejects.toMatchObject({ code: 'store_unavailable' })
      expect(await one.store.head(log.id)).toMatchObject({ size: 0 })
      await append(texts(10))
    })

    test('a COPY cut off in the middle fails, and hangs nobody', async () => {
      const entries = Array.from({ length: 400 }, (_, i) => Buffer.alloc(65_000, i))
      const leafHashes = concat(...entries.map(hashLeaf))
      const lost = one.store.sequence(log.id, async (tx) => {
        await Promise.all([tx.putEntries({ entries, leafHashes }), one.loseAll()])
        await tx.moveHead({ size: 400, root: EMPTY_ROOT })
      })
      await expect(lost).rejects.toMatchObject({ code: 'store_unavailable' })
      expect(await two.store.head(log.id)).toMatchObject({ size: 0 })
      await append(['next'])
    })

    test('a log without a head is damage', async () => {
      await expect(one.store.sequence(999_999, async () => {})).rejects.toMatchObject({ code: 'log_damaged' })
      await expect(one.store.head(999_999)).rejects.toMatchObject({ code: 'log_damaged' })
    })
  })

  describe('appendIfAt', () => {
    test('appends where the head is, and then not again', async () => {
      const edge = await append(texts(250))
      const batch = batchOf(edge, ['x', 'y'])
      const small = { ...batch, dedup: true }
      expect(await one.store.appendIfAt(log.id, small)).toBe(true)
      expect(await one.store.appendIfAt(log.id, small)).toBe(false)
      expect(await two.store.appendIfAt(log.id, { ...small, dedup: false })).toBe(false)
      expect((await two.store.entries(log.id, 248, 252)).map(String)).toEqual([
        'entry 248',
        'entry 249',
        'x',
        'y',
      ])
      expect(await two.store.head(log.id)).toEqual({ size: 252, root: Buffer.from(batch.to.root) })
      expect(await one.store.indexOf(log.id, hashLeaf(Buffer.from('y')), 252)).toBe(251)
    })

    test('stores the tiles that it completes', async () => {
      const edge = await append(texts(250))
      const batch = batchOf(edge, texts(300, 'more'))
      expect(batch.tiles.length).toBe(2)
      expect(await one.store.appendIfAt(log.id, { ...batch, dedup: true })).toBe(true)
      const wanted = batch.tiles.map(({ level, index }) => ({ level, index, width: 256 }))
      expect((await two.store.tiles(log.id, wanted)).map(toHex)).toEqual(
        batch.tiles.map((tile) => toHex(tile.hashes)),
      )
      expect((await two.store.edgeTiles(log.id, 550)).map(toHex)).toEqual(batch.next.tiles.map(toHex))
    })

    test('keeps entries of any size and content', async () => {
      const entries = [
        Buffer.alloc(0),
        Buffer.alloc(65_535, 0xff),
        Buffer.from([0, 92, 34, 123, 125, 44]),
        Buffer.from('é\n'),
      ]
      const leafHashes = concat(...entries.map(hashLeaf))
      const { edge, root, tiles } = appendLeaves(EMPTY_EDGE, leafHashes)
      const from = { size: 0, root: EMPTY_ROOT }
      const small = {
        fresh: { entries, leafHashes },
        tiles,
        from,
        to: { size: edge.size, root },
        dedup: true,
      }
      expect(await one.store.appendIfAt(log.id, small)).toBe(true)
      expect(await two.store.entries(log.id, 0, 4)).toEqual(entries)
    })

    test('changes nothing when the head moved, its root differs, or an entry is there already', async () => {
      const edge = await append(texts(10))
      const refused = [
        { ...batchOf(batchOf(EMPTY_EDGE, texts(9)).next, ['x']), dedup: false },
        { ...batchOf(batchOf(EMPTY_EDGE, texts(10, 'other')).next, ['x']), dedup: false },
        { ...batchOf(edge, ['x', 'entry 3']), dedup: true },
      ]
      for (const batch of refused) expect(await one.store.appendIfAt(log.id, batch)).toBe(false)
      expect(await one.store.head(log.id)).toMatchObject({ size: 10 })
      expect(await one.store.indexOf(log.id, hashLeaf(Buffer.from('x')), 99)).toBeUndefined()
      expect(await one.store.appendIfAt(log.id, { ...batchOf(edge, ['x', 'entry 3']), dedup: false })).toBe(
        true,
      )
    })

    test('of many at the same place, one wins', async () => {
      const edge = await append(texts(5))
      const answers = await Promise.all(
        Array.from({ length: 10 }, (_, i) =>
          [one, two][i % 2]!.store.appendIfAt(log.id, { ...batchOf(edge, [`try ${i}`]), dedup: true }),
        ),
      )
      expect(answers.filter(Boolean)).toHaveLength(1)
      expect(await one.store.head(log.id)).toMatchObject({ size: 6 })
      expect(String((await one.store.entries(log.id, 5, 6))[0])).toBe(`try ${answers.indexOf(true)}`)
    })

    test('waits for a transaction that holds the head, and then sees that it moved', async () => {
      const edge = await append(texts(5))
      let answer: Promise<boolean> | undefined
      await one.store.sequence(log.id, async (tx) => {
        answer = two.store.appendIfAt(log.id, { ...batchOf(edge, ['late']), dedup: true })
        await put(tx, batchOf(edge, ['first']))
      })
      expect(await answer).toBe(false)
      expect(String((await one.store.entries(log.id, 5, 6))[0])).toBe('first')
    })
  })

  describe('reading', () => {
    test('partial tiles of every width, at level 0 and above, in the order asked', async () => {
      await append(texts(1030))
      const leaves = hashes(texts(1030))
      const { tiles } = appendLeaves(EMPTY_EDGE, leaves)
      const roots = concat(...tiles.map(({ root }) => root))
      const asked = [
        ...Array.from({ length: 255 }, (_, i) => ({ level: 0, index: 1, width: 255 - i })),
        { level: 0, index: 3, width: 256 },
        { level: 1, index: 0, width: 4 },
        { level: 0, index: 4, width: 6 },
        { level: 1, index: 0, width: 1 },
        { level: 0, index: 0, width: 256 },
      ]
      const read = await one.store.tiles(log.id, asked)
      for (const [i, { level, index, width }] of asked.entries()) {
        const row = level === 0 ? leaves : roots
        const expected = row.slice(index * 8192, index * 8192 + width * 32)
        expect(toHex(read[i]!), `tile ${level}/${index}.p/${width}`).toBe(toHex(expected))
      }
    })

    test('edges of every size that there was', async () => {
      await append(texts(520))
      for (const size of [0, 1, 255, 256, 257, 511, 512, 513, 520]) {
        const edge = edgeFrom(size, await one.store.edgeTiles(log.id, size))
        const { root } = appendLeaves(EMPTY_EDGE, hashes(texts(size)))
        expect(toHex(appendLeaves(edge, new Uint8Array()).root), `size ${size}`).toBe(toHex(root))
      }
    })

    test('what is not there is damage, never an empty answer', async () => {
      await append(texts(10))
      for (const tile of [
        { level: 0, index: 0, width: 11 },
        { level: 0, index: 0, width: 256 },
        { level: 1, index: 0, width: 1 },
      ]) {
        await expect(one.store.tiles(log.id, [tile])).rejects.toMatchObject({ code: 'log_damaged' })
      }
      await expect(one.store.entries(log.id, 5, 11)).rejects.toMatchObject({ code: 'log_damaged' })
      await expect(one.store.edgeTiles(log.id, 11)).rejects.toMatchObject({ code: 'log_damaged' })
      expect(await one.store.entries(log.id, 3, 3)).toEqual([])
      expect(await one.store.tiles(log.id, [])).toEqual([])
    })

    test('the first index of a leaf hash, below a size', async () => {
      await append(['a', 'b', 'a', 'b'])
      const of = (text: string, size: number): Promise<number | undefined> =>
        one.store.indexOf(log.id, hashLeaf(Buffer.from(text)), size)
      expect(await of('a', 4)).toBe(0)
      expect(await of('b', 4)).toBe(1)
      expect(await of('b', 2)).toBe(1)
      expect(await of('b', 1)).toBeUndefined()
      expect(await of('a', 0)).toBeUndefined()
      expect(await of('c', 4)).toBeUndefined()
    })
  })

  describe('publishing', () => {
    async function published(seq: number, size: number, signedAt = 1000 + seq): Promise<Published> {
      const root = await one.store.intend(log.id, headOf(size))
      return { seq, size, root, signedAt, note: Buffer.from(`note ${seq}`), quorum: 'none' }
    }

    test('the first root meant for a size is the only one, for ever, whoever asks', async () => {
      expect(toHex(await one.store.intend(log.id, headOf(3)))).toBe(toHex(headOf(3).root))
      const other = { size: 3, root: hashLeaf(Buffer.from('other')) }
      for (const { store } of [one, two]) {
        expect(toHex(await store.intend(log.id, other))).toBe(toHex(headOf(3).root))
      }
      const racing = await Promise.all(
        Array.from({ length: 8 }, (_, i) =>
          [one, two][i % 2]!.store.intend(log.id, { size: 4, root: hashLeaf(Buffer.from(`root ${i}`)) }),
        ),
      )
      expect(new Set(racing.map(toHex)).size).toBe(1)
    })

    test('no position is left out, and none is beyond the head', async () => {
      await append(['a', 'b', 'c'])
      for (const wrong of [await published(1, 0), await published(0, 4)]) {
        await expect(one.store.publish(log.id, wrong)).rejects.toMatchObject({ code: 'store_unavailable' })
      }
      expect(await one.store.published(log.id)).toBeUndefined()
    })

    test('a process that gives up its lead leaves it to another', async () => {
      expect(await one.store.lead(log.id)).toBe(true)
      expect(await two.store.lead(log.id)).toBe(false)
      await one.store.unlead(log.id)
      expect(await two.store.lead(log.id)).toBe(true)
      await two.store.unlead(log.id)
    })

    test('each position is taken once, by one process', async () => {
      await append(['a', 'b', 'c'])
      const [first, second] = [await published(0, 0), await published(1, 3)]
      expect(await one.store.publish(log.id, first)).toBe(true)
      expect(await two.store.publish(log.id, { ...first, signedAt: 2000 })).toBe(false)
      const both = await Promise.all([one, two].map(({ store }) => store.publish(log.id, second)))
      expect(both.filter(Boolean)).toHaveLength(1)
      expect(await two.store.published(log.id)).toEqual({ ...second, root: Buffer.from(second.root) })
      expect((await two.store.history(log.id, 10, 99)).map(({ seq }) => seq)).toEqual([1, 0])
      expect((await two.store.history(log.id, 10, 1)).map(({ seq }) => seq)).toEqual([0])
      expect((await two.store.history(log.id, 1, 99)).map(({ seq }) => seq)).toEqual([1])
      expect(await one.store.publishedPositions()).toContainEqual({ logId: log.id, seq: 1, late: 0 })
    })

    test('a head that nobody meant to sign is never published', async () => {
      const next: Published = { seq: 0, signedAt: 1, note: Buffer.from('note'), quorum: 'none', ...headOf(9) }
      await expect(one.store.publish(log.id, next)).rejects.toMatchObject({ code: 'store_unavailable' })
      expect(await one.store.published(log.id)).toBeUndefined()
    })

    test('what is due: never published, grown, or signed long ago', async () => {
      expect(await one.store.due(0)).toContain(log.id)
      await one.store.publish(log.id, await published(0, 0, 1000))
      expect(await one.store.due(1000)).not.toContain(log.id)
      expect(await one.store.due(1001)).toContain(log.id)
      await append(['entry'])
      expect(await one.store.due(0)).toContain(log.id)
    })

    test('others hear of it', async () => {
      const heard = new Promise<number>((resolve) => {
        void two.store.onPublished((logId) => logId === log.id && resolve(logId))
      })
      // Listening begins when the server says so; publishing again until it is heard does not depend on when.
      let told = false
      void heard.then(() => (told = true))
      for (let seq = 0; !told; seq++) {
        await one.store.publish(log.id, await published(seq, 0))
        await two.store.logs()
      }
      expect(await heard).toBe(log.id)
    })
  })

  describe('lead', () => {
    test('one process leads, however often it asks, and each log on its own', async () => {
      const other = await one.store.createLog(newLog())
      expect(await one.store.lead(log.id)).toBe(true)
      expect(await one.store.lead(log.id)).toBe(true)
      expect(await two.store.lead(log.id)).toBe(false)
      expect(await two.store.lead(other.id)).toBe(true)
      expect(await one.store.lead(other.id)).toBe(false)
    })

    test('whose connection breaks leads no more; another takes over, and it notices', async () => {
      expect(await one.store.lead(log.id)).toBe(true)
      await one.loseLead()
      expect(await two.store.lead(log.id)).toBe(true)
      expect(await one.store.lead(log.id)).toBe(false)
      await two.close()
      expect(await one.store.lead(log.id)).toBe(true)
      two = await open()
      expect(await two.store.lead(log.id)).toBe(false)
    })
  })
}

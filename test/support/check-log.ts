// Verifies again, from nothing but the entries, everything that a log shows in public. Called after every step of a test of
// the engine, so that each test proves the whole promise and not only the line it is about.
import { expect } from 'vitest'
import { appendLeaves, EMPTY_EDGE, type FullTile } from '../../src/core/append.ts'
import { parseBundle } from '../../src/core/bundle.ts'
import { concat, toHex } from '../../src/core/bytes.ts'
import { parseCheckpoint } from '../../src/core/checkpoint.ts'
import { type Hash, HASH_SIZE, hashLeaf } from '../../src/core/hash.ts'
import { openNote } from '../../src/core/note.ts'
import { policyFromVkeys } from '../../src/core/policy.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { partialWidth } from '../../src/core/tile.ts'
import { verifyProof } from '../../src/core/verify-proof.ts'
import { checkConsistency, checkInclusion } from '../../src/core/verify.ts'
import type { Log, Published } from '../../src/log/types.ts'

/** What a log had published when it was checked. */
export interface CheckedLog {
  readonly entries: Uint8Array[]
  /** Oldest first. */
  readonly history: Published[]
}

/** Indexes, sizes and pairs tried beyond those at the edges. */
const SAMPLE = 24

/** @throws when anything that the log publishes contradicts its entries, its keys or what it published before */
export async function checkLog(log: Log): Promise<CheckedLog> {
  const newest = log.published()
  const history = await readHistory(log, newest.seq)
  checkNotes(log, history)
  const entries = await readEntries(log, newest.size)
  const leafHashes = entries.map(hashLeaf)
  const tree = grow(leafHashes, history)
  await checkTiles(log, newest.size, leafHashes, tree.tiles)
  await checkBundles(log, entries)
  await checkProofs(log, leafHashes, history)
  await checkLookUp(log, leafHashes)
  await checkProofFiles(log, entries, newest)
  await checkNothingBeyond(log, newest.size)
  return { entries, history }
}

async function readHistory(log: Log, newestSeq: number): Promise<Published[]> {
  const history: Published[] = []
  for (let before = newestSeq + 1; before > 0;) {
    const page = await log.history(1000, before)
    expect(page.length, `a page of the history before ${before}`).toBeGreaterThan(0)
    history.push(...page)
    before = page.at(-1)?.seq ?? 0
  }
  return history.toReversed()
}

function checkNotes({ info }: Log, history: readonly Published[]): void {
  const verifiers = info.vkeys.map(verifierOf)
  for (const [i, published] of history.entries()) {
    const { note, verified } = openNote(published.note, verifiers)
    const { origin, size, root } = parseCheckpoint(note.text)
    expect({ seq: published.seq, origin, size, root: toHex(root) }).toEqual({
      seq: i,
      origin: info.origin,
      size: published.size,
      root: toHex(published.root),
    })
    // Which of several generations of keys has to sign is for test/log/lifecycle.test.ts to know.
    if (info.revision === 0) {
      expect(verified.map(({ vkey }) => vkey).toSorted(), 'every key of the log signed').toEqual(
        info.vkeys.toSorted(),
      )
    }
    const before = history[i - 1]
    if (before === undefined) continue
    expect(published.size, 'sizes never shrink').toBeGreaterThanOrEqual(before.size)
    expect(published.signedAt, 'time advances').toBeGreaterThan(before.signedAt)
  }
}

async function readEntries(log: Log, size: number): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = []
  while (entries.length < size) {
    const page = await log.entries(entries.length, 10_000)
    expect(page.length, `a page of the entries from ${entries.length}`).toBeGreaterThan(0)
    entries.push(...page)
  }
  expect(entries.length).toBe(size)
  const some = [...sample(size).toReversed(), ...sample(size).slice(0, 1)] // in any order, and repeated
  expect(await log.entriesAt(some)).toEqual(some.map((index) => entries[index]))
  return entries
}

/** Grows the tree through every size that was published and compares the roots. */
function grow(leafHashes: readonly Hash[], history: readonly Published[]): { tiles: FullTile[] } {
  let edge = EMPTY_EDGE
  const tiles: FullTile[] = []
  for (const { seq, size, root } of history) {
    const grown = appendLeaves(edge, concat(...leafHashes.slice(edge.size, size)))
    expect(toHex(root), `root of checkpoint ${seq}, of size ${size}`).toBe(toHex(grown.root))
    edge = grown.edge
    tiles.push(...grown.tiles)
  }
  return { tiles }
}

async function checkTiles(
  log: Log,
  size: number,
  leafHashes: readonly Hash[],
  tiles: readonly FullTile[],
): Promise<void> {
  for (const { level, index, hashes } of tiles) {
    expectBytes(await log.tile(level, index, 256), hashes, `tile ${level}/${index}`)
  }
  for (let level = 0, nodes = size; nodes > 0; level++, nodes = Math.floor(nodes / 256)) {
    const row =
      level === 0 ? leafHashes : tiles.filter((tile) => tile.level === level - 1).map((tile) => tile.root)
    expect(row.length, `hashes of level ${level}`).toBe(nodes)
    const index = Math.floor(nodes / 256)
    const widest = partialWidth(level, size)
    for (const width of new Set([1, Math.ceil(widest / 2), widest])) {
      if (width < 1 || width > widest) continue
      const expected = concat(...row.slice(index * 256, index * 256 + width))
      expectBytes(await log.tile(level, index, width), expected, `tile ${level}/${index}.p/${width}`)
    }
  }
}

async function checkBundles(log: Log, entries: readonly Uint8Array[]): Promise<void> {
  const last = Math.floor(entries.length / 256)
  for (const index of sample(last + 1)) {
    const expected = entries.slice(index * 256, (index + 1) * 256)
    if (expected.length === 0) continue
    const bundle = parseBundle(await log.bundle(index, expected.length))
    for (const [i, entry] of bundle.entries()) {
      expectBytes(entry, expected[i] ?? new Uint8Array(), `entry ${i} of bundle ${index}`)
    }
    expect(bundle.length).toBe(expected.length)
  }
}

async function checkProofs(
  log: Log,
  leafHashes: readonly Hash[],
  history: readonly Published[],
): Promise<void> {
  const heads = [...new Map(history.map((one) => [one.size, one])).values()]
  const sampled = sample(heads.length).flatMap((i) => heads[i] ?? [])
  const newest = heads.at(-1)
  for (const { size, root } of sampled) {
    for (const index of sample(size)) {
      const { path } = await log.inclusion(index, size)
      checkInclusion(index, size, leafHashes[index] ?? new Uint8Array(), path, root)
    }
  }
  for (const [i, from] of sampled.entries()) {
    for (const to of [sampled[i + 1], newest]) {
      if (to === undefined || from.size === 0) continue
      const proof = await log.consistency(from.size, to.size)
      checkConsistency(from.size, to.size, from.root, to.root, proof)
    }
  }
}

async function checkLookUp(log: Log, leafHashes: readonly Hash[]): Promise<void> {
  const first = new Map<string, number>()
  for (const [i, leafHash] of leafHashes.entries()) {
    const hash = toHex(leafHash)
    if (!first.has(hash)) first.set(hash, i)
  }
  if (log.info.dedup) expect(first.size, 'no entry is there twice').toBe(leafHashes.length)
  for (const index of sample(leafHashes.length)) {
    const leafHash = leafHashes[index] ?? new Uint8Array()
    expect(await log.indexOf(leafHash)).toBe(first.get(toHex(leafHash)))
  }
}

async function checkProofFiles(log: Log, entries: readonly Uint8Array[], newest: Published): Promise<void> {
  if (log.published().seq !== newest.seq) return // it grew meanwhile: the newest checkpoint is another one
  const policy = policyFromVkeys(log.info.vkeys)
  for (const index of new Set([0, entries.length - 1])) {
    const entry = entries[index]
    if (entry === undefined) continue
    const verified = verifyProof({ entry }, await log.proofFile(index), policy)
    expect(verified.index).toBe(index)
    expect(verified.checkpoint.size).toBeGreaterThanOrEqual(newest.size)
  }
}

/** Whoever publishes meanwhile may have moved on; what nobody published stays hidden. */
async function checkNothingBeyond(log: Log, size: number): Promise<void> {
  if (log.published().size !== size) return
  await expect(log.entry(size)).rejects.toMatchObject({ code: 'index_out_of_range' })
  await expect(log.entriesAt([0, size])).rejects.toMatchObject({ code: 'index_out_of_range' })
  await expect(log.inclusion(0, size + 1)).rejects.toMatchObject({ code: 'size_out_of_range' })
  await expect(log.bundle(Math.floor(size / 256), (size % 256) + 1)).rejects.toMatchObject({
    code: 'tile_not_found',
  })
  expect((await log.entries(size, 10)).length).toBe(0)
}

function expectBytes(actual: Uint8Array, expected: Uint8Array, what: string): void {
  // Not toEqual on the bytes: it takes seconds for a tile.
  if (Buffer.compare(actual, expected) !== 0)
    expect.fail(`${what}: ${toHex(actual)} is not ${toHex(expected)}`)
  if (what.startsWith('tile')) expect(actual.length % HASH_SIZE).toBe(0)
}

/** Numbers below `count`: both ends, the tile borders, and some in between. */
function sample(count: number): number[] {
  const wanted = [0, 1, 254, 255, 256, 257, 511, 512, 65_535, 65_536, count - 2, count - 1]
  for (let i = 0; i < SAMPLE; i++) wanted.push(Math.floor((i * count) / SAMPLE))
  return [...new Set(wanted)].filter((n) => n >= 0 && n < count).toSorted((a, b) => a - b)
}

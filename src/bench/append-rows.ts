// append.engine, append.growth: batches through pool and sequencer in this process, against COPY of the same rows into an
// identical table by a program that does nothing else.
import { randomBytes } from 'node:crypto'
import { HASH_SIZE } from '../core/hash.ts'
import { DEFAULT_LIMITS } from '../log/limits.ts'
import { copyIn } from '../store/copy-in.ts'
import { entryRows } from '../store/copy-rows.ts'
import { freshEntries } from './entries.ts'
import type { BenchLog, Ground } from './ground.ts'
import { median, quantile, type Row } from './stats.ts'

/** Producers of the engine rows, and entries each hands in at a time. */
const PRODUCERS = 64
const PER_CALL = 256

export interface AppendResult {
  /** Entries a second. */
  readonly rate: number
  /** Milliseconds of each call. */
  readonly latencies: readonly number[]
}

/** Appends `count` entries from 64 producers. */
export async function appendAll(log: BenchLog, count: number): Promise<AppendResult> {
  const latencies: number[] = []
  let left = Math.ceil(count / PER_CALL)
  const started = performance.now()
  await Promise.all(
    Array.from({ length: PRODUCERS }, async () => {
      while (left-- > 0) {
        const entries = freshEntries(PER_CALL)
        const sent = performance.now()
        const appended = log.pool.add(entries)
        log.sequencer.kick()
        await appended
        latencies.push(performance.now() - sent)
      }
    }),
  )
  return { rate: count / ((performance.now() - started) / 1000), latencies }
}

/**
 * Entries a second of COPY alone: the rows are made and sent in batches as large as the engine's, one commit each. The table
 * keeps the rows of earlier rounds, as the engine's does: an emptied one reuses warm memory and is faster than any real one.
 * @param logId another one in each round, as the engine has
 */
export async function copyAll({ owner: { sql } }: Ground, logId: number, count: number): Promise<number> {
  await sql.unsafe('CREATE TABLE IF NOT EXISTS public.ceiling (LIKE log.entries INCLUDING ALL)')
  const batch = DEFAULT_LIMITS.batchEntries
  const started = performance.now()
  for (let at = 0; at < count; at += batch) {
    // As random as hashes are, without hashing.
    const fresh = { entries: freshEntries(batch), leafHashes: randomBytes(batch * HASH_SIZE) }
    await sql.begin((tx) =>
      copyIn(
        tx,
        'COPY public.ceiling (log_id, index, leaf_key, leaf_hash, data) FROM STDIN (FORMAT binary)',
        entryRows(logId, at, fresh),
      ),
    )
  }
  return count / ((performance.now() - started) / 1000)
}

/** Engine and ceiling in turn, so that both see the same moods of the machine. */
export async function engineRows(ground: Ground, count: number, rounds: number): Promise<Row[]> {
  const ceilings: number[] = []
  const results = new Map<boolean, AppendResult[]>([
    [true, []],
    [false, []],
  ])
  for (let round = 0; round < rounds; round++) {
    for (const [dedup, found] of results) {
      ceilings.push(await copyAll(ground, ceilings.length + 1, count))
      found.push(await appendAll(await ground.newLog(dedup), count))
    }
  }
  const ceiling = median(ceilings)
  return [...results].map(([dedup, found]) => ({
    name: `append.engine.dedup_${dedup ? 'on' : 'off'}`,
    rate: median(found.map((result) => result.rate)),
    unit: 'entries/s',
    p50_ms: median(found.flatMap((result) => result.latencies)),
    p99_ms: quantile(
      found.flatMap((result) => result.latencies),
      0.99,
    ),
    ratio: median(found.map((result, i) => result.rate / (ceilings[2 * i + (dedup ? 0 : 1)] ?? ceiling))),
    of: `COPY ${Math.round(ceiling).toLocaleString('en-US')} entries/s`,
    target: dedup ? '>= 0.65' : '>= 0.80',
  }))
}

/** The rate of one log when it is small and when it has `large` entries, over windows of 300,000 entries. */
export async function growthRow(ground: Ground, large: number, tell: (text: string) => void): Promise<Row> {
  const window = 300_000
  const log = await ground.newLog(true)
  await appendAll(log, 100_000)
  const small = (await appendAll(log, window)).rate
  for (let size = 100_000 + window; size < large; size += window) {
    const { rate } = await appendAll(log, Math.min(window, large - size))
    tell(`${(size / 1e6).toFixed(1)} million: ${Math.round(rate).toLocaleString('en-US')} entries/s`)
  }
  const grown = await appendAll(log, window)
  return {
    name: 'append.growth',
    rate: grown.rate,
    unit: 'entries/s',
    p50_ms: median(grown.latencies),
    p99_ms: quantile(grown.latencies, 0.99),
    ratio: grown.rate / small,
    of: `rate at 100,000: ${Math.round(small).toLocaleString('en-US')} entries/s`,
    target: '>= 0.90',
  }
}

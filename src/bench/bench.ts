// `prooflog bench`: what this machine makes of the log, each figure beside the ceiling it is held against.
import { copyAll, engineRows, growthRow } from './append-rows.ts'
import { ingestRows, searchLagRow } from './event-rows.ts'
import { type Ground, prepareGround } from './ground.ts'
import { bulkRows, latencyRows, publishLagRow, readRows, singleRow } from './http-rows.ts'
import { searchRows } from './search-rows.ts'
import { selfCheckCostRow, selfCheckPassRow } from './self-check-rows.ts'
import type { Row } from './stats.ts'
import { witnessRow } from './witness-row.ts'

export interface BenchOptions {
  /** Rows whose name begins with one of these; all when empty. */
  readonly only: readonly string[]
  /** Seconds of each HTTP measurement. */
  readonly seconds: number
  /** Times each figure is measured, in turn with its ceiling. */
  readonly rounds: number
  /** Entries of the growth row; 0 leaves it out. */
  readonly growth: number
  /** Events of the log that is searched; 0 leaves the rows of searches out. */
  readonly searched: number
  /** Told what is being measured. */
  readonly tell: (text: string) => void
  /** Called with each row as soon as it is known. */
  readonly onRow: (row: Row) => void
}

/** Every row, by name. */
export const ROW_NAMES = [
  'append.engine.dedup_on',
  'append.engine.dedup_off',
  'append.growth',
  'append.latency',
  'append.latency.http',
  'append.http_single',
  'append.http_bulk',
  'memory.http_bulk',
  'proof.inclusion.by_index',
  'proof.inclusion.by_hash',
  'tile.read',
  'publish.lag',
  'self_check.pass',
  'self_check.cost',
  'ingest.otlp',
  'ingest.native',
  'ingest.full',
  'search.lag',
  'search.query',
  'witness.add_checkpoint',
  'witness.add_checkpoint.ml_dsa',
] as const
/** Rows that need no server of the log, or one of their own. */
const SERVERLESS = ['append.engine', 'append.growth', 'self_check', 'ingest', 'search', 'witness']

/** Log ids of the ceiling's rows beside the bulk rows, beyond those of the engine rows. */
const BULK_LOGS = 1_000_000

export const BENCH_DEFAULTS = { seconds: 5, rounds: 3, growth: 0, searched: 0 }

/** Measures and hands out rows. Takes its own Postgres and servers up and down; loads nothing but loopback. */
export async function runBench(options: BenchOptions): Promise<void> {
  options.tell('starting a Postgres with fsync on')
  const ground = await prepareGround()
  try {
    await measure(ground, options)
  } finally {
    await ground.stop()
  }
}

async function measure(
  ground: Ground,
  { only, seconds, rounds, growth, searched, tell, onRow }: BenchOptions,
): Promise<void> {
  const wanted = (name: string): boolean =>
    only.length === 0 || only.some((prefix) => name.startsWith(prefix))
  const asked = (group: string): boolean => ROW_NAMES.some((name) => name.startsWith(group) && wanted(name))
  const all = (rows: readonly Row[]): void => rows.filter((row) => wanted(row.name)).forEach(onRow)
  const entries = 100_000 * seconds
  if (asked('append.engine')) {
    tell(`append.engine: ${rounds} rounds of ${entries} entries, and COPY of as many`)
    all(await engineRows(ground, entries, rounds))
  }
  if (asked('self_check.pass')) {
    tell(`self_check.pass: ${rounds} passes over ${entries} entries`)
    all([await selfCheckPassRow(ground, entries, rounds)])
  }
  if (asked('self_check.cost')) {
    tell(`self_check.cost: ${2 * rounds} times ${entries} entries with and without`)
    all([await selfCheckCostRow(ground, entries, rounds)])
  }
  const overHttp = ROW_NAMES.filter((name) => !SERVERLESS.some((group) => name.startsWith(group)))
  if (overHttp.some(wanted)) await measureHttp(ground, { seconds, rounds, asked, tell, all })
  if (asked('ingest')) {
    tell('ingest: events by each door, and entries in bulk')
    all(await ingestRows(ground, seconds, rounds, tell))
  }
  if (asked('search.lag')) {
    tell('search.lag: 5,000 events a second')
    all([await searchLagRow(ground, Math.max(20, seconds))])
  }
  if (searched > 0 && asked('search.query')) all(await searchRows(ground, searched, tell))
  for (const mlDsa of [false, true]) {
    const name = `witness.add_checkpoint${mlDsa ? '.ml_dsa' : ''}`
    if (!wanted(name)) continue
    tell(`${name}: 1,000 logs`)
    all([await witnessRow(ground, name, mlDsa, seconds)])
  }
  if (growth > 0 && wanted('append.growth')) {
    tell(`append.growth: ${growth} entries`)
    all([await growthRow(ground, growth, tell)])
  }
}

interface HttpPlan {
  readonly seconds: number
  readonly rounds: number
  /** Whether any row of the group is wanted. */
  readonly asked: (group: string) => boolean
  readonly tell: (text: string) => void
  readonly all: (rows: readonly Row[]) => void
}

async function measureHttp(ground: Ground, { seconds, rounds, asked, tell, all }: HttpPlan): Promise<void> {
  const server = await ground.server()
  try {
    if (asked('append.latency')) {
      tell('append.latency')
      all(await latencyRows(ground, server, seconds))
    }
    if (asked('append.http_single')) {
      tell('append.http_single: 512 connections')
      all([await singleRow(server, seconds, rounds)])
    }
    if (asked('publish.lag')) {
      tell('publish.lag: 2,000 appends a second')
      all([await publishLagRow(server, Math.max(10, seconds))])
    }
    if (asked('append.http_bulk') || asked('memory.http_bulk')) {
      tell('append.http_bulk: 60 seconds at full speed')
      all(await bulkRows(server, 60, (round) => copyAll(ground, BULK_LOGS + round, 100_000 * seconds)))
    }
    if (asked('proof.') || asked('tile.read')) {
      tell('proofs and tiles')
      all(await readRows(server, seconds, rounds))
    }
  } finally {
    await server.stop()
  }
}

// Rows over HTTP: the real server in a process of its own, loaded from this one, against its own empty routes.
import { readFileSync } from 'node:fs'
import { hashLeaf } from '../core/hash.ts'
import { freshEntries } from './entries.ts'
import { freshBundles, freshSingles } from './fresh-posts.ts'
import type { BenchServer, Ground } from './ground.ts'
import { httpRequest, type Load, type LoadResult, runLoad } from './http-load.ts'
import { median, quantile, type Row } from './stats.ts'

const LOG = '/logs/http'

/** Bundles of this many entries in the bulk rows. */
const BUNDLE = 1024

/** One entry a request over 512 connections, against an empty JSON POST. */
export async function singleRow(server: BenchServer, seconds: number, rounds: number): Promise<Row> {
  const connections = 512
  const post = (path: string, awake: boolean): Promise<LoadResult> =>
    runLoad({
      port: server.port,
      connections,
      seconds,
      request: freshSingles(connections, path, auth(server)),
      awake,
    })
  return inTurn(rounds, {
    name: 'append.http_single',
    unit: 'entries/s',
    of: 'empty JSON POST',
    target: '>= 0.60, p99 < 60 ms',
    // Postgres needs what a generator that stays awake would take; and answers come by the batch, so it rarely sleeps.
    measure: () => post(`${LOG}/add`, false),
    // The same request, key and entry included.
    ceiling: () => post('/bench/empty', true),
  })
}

/** Bundles over 8 connections for some seconds. */
function loadBundles(server: BenchServer, seconds: number): Promise<LoadResult> {
  const headers = { ...auth(server), 'Content-Type': 'application/vnd.prooflog.bundle' }
  const connections = 8
  return runLoad({
    port: server.port,
    connections,
    seconds,
    request: freshBundles(connections, `${LOG}/entries`, headers, BUNDLE),
  })
}

/**
 * Bundles against the COPY ceiling, which is measured before and after; the memory of the server meanwhile is the second row.
 * @param copy entries a second of the ceiling; the round is 0 or 1
 */
export async function bulkRows(
  server: BenchServer,
  seconds: number,
  copy: (round: number) => Promise<number>,
): Promise<Row[]> {
  const memory: number[] = []
  const before = await copy(0)
  const sampling = setInterval(() => memory.push(residentMiB(server.pid)), 500)
  const result = await loadBundles(server, seconds)
  clearInterval(sampling)
  const ceiling = (before + (await copy(1))) / 2
  const rate = (result.requests * BUNDLE) / result.seconds
  const half = Math.floor(memory.length / 2)
  return [
    {
      name: 'append.http_bulk',
      rate,
      unit: 'entries/s',
      ...latencies(result),
      ratio: rate / ceiling,
      of: `COPY ${Math.round(ceiling).toLocaleString('en-US')} entries/s`,
      target: '>= 0.60',
    },
    {
      name: 'memory.http_bulk',
      rate: Math.max(...memory),
      unit: `MiB in ${Math.round(result.seconds)} s`,
      p50_ms: null,
      p99_ms: null,
      ratio: Math.max(...memory.slice(half)) / Math.max(...memory.slice(0, half)),
      of: 'highest of the first half',
      target: '< 512 MiB, flat',
    },
  ]
}

/**
 * One client, one entry at a time, against INSERT + COMMIT of one row into the same kind of table: first in this process, as
 * the INSERT is, then over HTTP.
 */
export async function latencyRows(ground: Ground, server: BenchServer, seconds: number): Promise<Row[]> {
  const { sql } = ground.owner
  await sql.unsafe(
    'DROP TABLE IF EXISTS public.bare; CREATE TABLE public.bare (LIKE log.entries INCLUDING ALL)',
  )
  let rows = 0
  const bare = await oneAfterTheOther(seconds, async (entry) => {
    const index = rows++
    await sql`INSERT INTO public.bare (log_id, index, leaf_key, leaf_hash, data) VALUES (1, ${index}, ${index}, ${hashLeaf(entry)}, ${entry})`
  })
  const log = await ground.newLog(true)
  const engine = await oneAfterTheOther(seconds, async (entry) => {
    const appended = log.pool.add([entry])
    log.sequencer.kick()
    await appended
  })
  const http = await runLoad({
    port: server.port,
    connections: 1,
    seconds,
    request: freshSingles(1, `${LOG}/add`, auth(server)),
  })
  const of = `p50 of INSERT + COMMIT, ${median(bare.latencies).toFixed(2)} ms`
  return [
    { name: 'append.latency', result: engine, target: '<= 2.5' },
    { name: 'append.latency.http', result: http, target: 'the same over HTTP' },
  ].map(({ name, result, target }) => ({
    name,
    rate: result.requests / result.seconds,
    unit: 'entries/s',
    ...latencies(result),
    ratio: median(result.latencies) / median(bare.latencies),
    of,
    target,
  }))
}

async function oneAfterTheOther(
  seconds: number,
  append: (entry: Uint8Array) => Promise<void>,
): Promise<LoadResult> {
  const found: number[] = []
  const started = performance.now()
  while (performance.now() < started + seconds * 1000) {
    const [entry = new Uint8Array()] = freshEntries(1)
    const sent = performance.now()
    await append(entry)
    found.push(performance.now() - sent)
  }
  return { requests: found.length, seconds: (performance.now() - started) / 1000, latencies: found }
}

/** Proofs and tiles, warm, against an empty JSON GET, on a log of some 300,000 entries or more. */
export async function readRows(server: BenchServer, seconds: number, rounds: number): Promise<Row[]> {
  await loadBundles(server, 4)
  await new Promise((resolve) => setTimeout(resolve, 1000)) // until it is published
  const size = await treeSize(server)
  const hashes = await leafHashes(server)
  const empty = httpRequest('GET', '/bench/empty')
  const tile = httpRequest('GET', `${LOG}/tile/0/000`)
  const byIndex = Array.from({ length: 1000 }, (_, i) =>
    httpRequest('GET', `${LOG}/proofs/inclusion?index=${Math.floor((i * size) / 1000)}`),
  )
  const byHash = hashes.map((hash) =>
    httpRequest('GET', `${LOG}/proofs/inclusion?hash=${encodeURIComponent(hash)}`),
  )
  const requests: [name: string, target: string, requests: readonly Buffer[]][] = [
    ['proof.inclusion.by_index', '>= 0.50', byIndex],
    ['proof.inclusion.by_hash', '>= 0.50', byHash],
    ['tile.read', '>= 0.70', [tile]],
  ]
  const rows: Row[] = []
  for (const [name, target, some] of requests) {
    const get = (request: Load['request']): Promise<LoadResult> =>
      runLoad({ port: server.port, connections: 64, seconds, request, awake: true })
    const measure = (): Promise<LoadResult> => get((n) => some[n % some.length] ?? empty)
    await measure() // warm
    rows.push(
      await inTurn(rounds, {
        name,
        unit: 'requests/s',
        of: 'empty JSON GET',
        target,
        measure,
        ceiling: () => get(() => empty),
      }),
    )
  }
  return rows
}

/** 2,000 appends a second; each waits until a checkpoint covers it. Commit included. */
export async function publishLagRow(server: BenchServer, seconds: number): Promise<Row> {
  const connections = 400
  const perSecond = 2000
  const headers = { ...auth(server), 'Content-Type': 'application/octet-stream' }
  const request = freshSingles(connections, `${LOG}/entries?wait=published`, headers)
  const started = performance.now()
  const result = await runLoad({
    port: server.port,
    connections,
    seconds,
    request: (n, connection) => {
      // An open loop would be exact; with 400 clients that each wait for a checkpoint, the pace is met by pausing.
      const due = started + (n / perSecond) * 1000
      while (performance.now() < due && due - performance.now() < 0.2) continue
      return request(n, connection)
    },
  })
  return {
    name: 'publish.lag',
    rate: result.requests / result.seconds,
    unit: 'entries/s',
    ...latencies(result),
    ratio: null,
    of: null,
    target: 'p99 < 300 ms',
  }
}

interface Contest {
  readonly name: string
  readonly unit: string
  readonly of: string
  readonly target: string
  readonly measure: () => Promise<LoadResult>
  readonly ceiling: () => Promise<LoadResult>
}

async function inTurn(rounds: number, contest: Contest): Promise<Row> {
  const ratios: number[] = []
  const rates: number[] = []
  const ceilings: number[] = []
  let all: readonly number[] = []
  for (let round = 0; round < rounds; round++) {
    const ceiling = await contest.ceiling()
    const result = await contest.measure()
    ceilings.push(ceiling.requests / ceiling.seconds)
    rates.push(result.requests / result.seconds)
    ratios.push((rates.at(-1) ?? 0) / (ceilings.at(-1) ?? 1))
    all = [...all, ...result.latencies]
  }
  return {
    name: contest.name,
    rate: median(rates),
    unit: contest.unit,
    p50_ms: quantile(all, 0.5),
    p99_ms: quantile(all, 0.99),
    ratio: median(ratios),
    of: `${contest.of} ${Math.round(median(ceilings)).toLocaleString('en-US')}/s`,
    target: contest.target,
  }
}

function latencies(result: LoadResult): { p50_ms: number; p99_ms: number } {
  return { p50_ms: quantile(result.latencies, 0.5), p99_ms: quantile(result.latencies, 0.99) }
}

function auth(server: BenchServer): Record<string, string> {
  return { Authorization: server.authorization }
}

async function treeSize(server: BenchServer): Promise<number> {
  const answer = await fetch(`http://127.0.0.1:${server.port}${LOG}/sth`)
  return ((await answer.json()) as { tree_size: number }).tree_size
}

async function leafHashes(server: BenchServer): Promise<string[]> {
  const answer = await fetch(`http://127.0.0.1:${server.port}${LOG}/tile/0/000`)
  const tile = Buffer.from(await answer.arrayBuffer())
  return Array.from({ length: 256 }, (_, i) => tile.subarray(i * 32, i * 32 + 32).toString('base64'))
}

/** Resident memory of a process, in MiB; 0 where there is no /proc. */
function residentMiB(pid: number): number {
  try {
    return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) / 1024
  } catch {
    return 0
  }
}

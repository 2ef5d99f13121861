// self_check.pass: a full pass over a log, against reading the same rows and hashing each entry. self_check.cost: appending
// while the service checks itself, against appending alone.
import { HASH_SIZE, hashLeaf } from '../core/hash.ts'
import type { Guard, KeyRing } from '../log/ports.ts'
import { checkWhole } from '../self-check/check-all.ts'
import { createLooker } from '../self-check/look.ts'
import { createFullSpeed } from '../self-check/pace.ts'
import { createSelfCheck } from '../self-check/self-check.ts'
import { createScan } from '../store/scan.ts'
import { appendAll } from './append-rows.ts'
import type { Ground } from './ground.ts'
import { median, type Row } from './stats.ts'

/** Nobody signs the logs of the benchmark. */
const GUARD: Guard = { read: async () => undefined, move: async () => {}, halt: async () => {} }
const KEYS: Pick<KeyRing, 'signers'> = { signers: async () => [] }
/** As serve has it by default; entries a second. */
const RATE = 10_000
/** Entries of one reading. */
const CHUNK = 65_536

/** @param count entries of the log */
export async function selfCheckPassRow(ground: Ground, count: number, rounds: number): Promise<Row> {
  const log = await ground.newLog(false)
  await appendAll(log, count)
  const scan = createScan(ground.owner)
  const looker = createLooker({ scan, guard: GUARD, keys: KEYS }, createFullSpeed())
  const info = (await scan.logs()).find((one) => one.id === log.id)
  if (info === undefined) throw new Error(`log ${log.id} is not there`)
  const passes: number[] = []
  const plain: number[] = []
  for (let round = 0; round < rounds; round++) {
    plain.push(
      await rateOf(count, async () => {
        for (let at = 0; at < count; at += CHUNK) await scan.entries(log.id, at, at + CHUNK, hashOnly)
      }),
    )
    passes.push(
      await rateOf(count, async () => {
        const { findings } = await checkWhole(looker, info, { remembered: new Map() })
        if (findings.length > 0) throw new Error('the log of the benchmark is damaged')
      }),
    )
  }
  const ceiling = median(plain)
  return {
    name: 'self_check.pass',
    rate: median(passes),
    unit: 'entries/s',
    p50_ms: null,
    p99_ms: null,
    ratio: median(passes.map((rate, i) => rate / (plain[i] ?? ceiling))),
    of: `reading + hashing ${Math.round(ceiling).toLocaleString('en-US')} entries/s`,
    target: '>= 100,000 entries/s',
  }
}

function hashOnly(_index: number, _leafHash: Uint8Array, data: Uint8Array): void {
  if (hashLeaf(data).length !== HASH_SIZE) throw new RangeError('a hash is 32 bytes')
}

async function rateOf(count: number, work: () => Promise<void>): Promise<number> {
  const started = performance.now()
  await work()
  return count / ((performance.now() - started) / 1000)
}

/** With and without in turn, the order changing, so that neither gets the better moods of the machine. */
export async function selfCheckCostRow(ground: Ground, count: number, rounds: number): Promise<Row> {
  const rates = { alone: [] as number[], checked: [] as number[] }
  for (let round = 0; round < 2 * rounds; round++) {
    const first = round % 2 === 0 ? 'alone' : 'checked'
    for (const kind of [first, first === 'alone' ? 'checked' : 'alone'] as const) {
      const log = await ground.newLog(true)
      const stop = kind === 'checked' ? startCheck(ground) : async () => {}
      rates[kind].push((await appendAll(log, count)).rate)
      await stop()
    }
  }
  const alone = median(rates.alone)
  return {
    name: 'self_check.cost',
    rate: median(rates.checked),
    unit: 'entries/s',
    p50_ms: null,
    p99_ms: null,
    ratio: median(rates.checked.map((rate, i) => rate / (rates.alone[i] ?? alone))),
    of: `append.engine alone ${Math.round(alone).toLocaleString('en-US')} entries/s`,
    target: '>= 0.95',
  }
}

function startCheck(ground: Ground): () => Promise<void> {
  const failures: unknown[] = []
  const check = createSelfCheck(
    {
      // Several connections, so none of them could keep a turn; nobody else wants it.
      scan: { ...createScan(ground.owner), takeTurn: async () => true },
      guard: GUARD,
      keys: KEYS,
      memory: { load: async () => new Map(), save: async () => {} },
      report: (error) => void failures.push(error),
    },
    { rate: RATE },
  )
  check.start()
  return async () => {
    await check.stop()
    if (failures.length > 0) throw failures[0]
  }
}

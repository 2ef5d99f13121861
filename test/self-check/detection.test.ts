// Random tampering by a superuser, one at a time, each rolled back after the check: every one is found, and its place named.
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { describeFinding } from '../../src/self-check/finding.ts'
import { type Ground, tamperGround } from './ground.ts'
import { TAMPERINGS, type Target, targetOf } from './tamperings.ts'

const TABLES = ['logs', 'heads', 'entries', 'tiles', 'tree_heads', 'checkpoints', 'changes']
const KINDS = Object.entries(TAMPERINGS)
/** PROOFLOG_DETECTION=1000 does so many on the large log, and nothing else changes. */
const LONG = Number(process.env['PROOFLOG_DETECTION'] ?? 0)

describe.each([
  { name: 'small', sizes: [1, 5, 255, 256, 257, 600, 1000, 1500], runs: 24 * KINDS.length },
  {
    name: 'large',
    sizes: [1, 300, 65_535, 65_536, 65_537, 80_000, 99_990, 100_000],
    runs: LONG || KINDS.length,
  },
])('a $name log', ({ name, sizes, runs }) => {
  let ground: Ground
  beforeAll(async () => {
    ground = await tamperGround(name, sizes)
  }, 120_000)
  afterAll(() => ground.stop())

  test(
    `${runs} random tamperings are found, each in its place; an untouched log is clean`,
    async () => {
      const { sql } = ground.owner
      const random = mulberry32(Number(process.env['PROOFLOG_SEED'] ?? 1))
      const pick = (n: number): number => Math.floor(random() * n)
      const target: Target = await targetOf(ground, pick)
      expect((await ground.check()).map(describeFinding), 'untouched').toEqual([])
      const missed: string[] = []
      for (let i = 0; i < runs; i++) {
        const [kind, tamper] = KINDS[i % KINDS.length]!
        await sql.unsafe('BEGIN')
        for (const table of TABLES) await sql.unsafe(`ALTER TABLE log.${table} DISABLE TRIGGER ALL`)
        const { did, named } = await tamper(target)
        const found = await ground.check()
        if (!found.some(named))
          missed.push(`${kind}: ${did}: ${found.map(describeFinding).join(' | ') || 'nothing'}`)
        if (found.length > 10) missed.push(`${kind}: ${did}: ${found.length} findings for one cause`)
        await sql.unsafe('ROLLBACK')
      }
      expect(missed).toEqual([])
      expect((await ground.check()).map(describeFinding), 'untouched again').toEqual([])
    },
    LONG > 0 ? 3_600_000 : 240_000,
  )
})

/** A small generator with a seed, so that a run can be repeated. */
function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}

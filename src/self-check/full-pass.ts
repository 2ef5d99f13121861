// A pass over all of a log, from its first entry to its head, in steps. It looks at the log as it was when it began.
import type { LogInfo } from '../log/types.ts'
import type { Claim, Trail } from './check-claims.ts'
import { NOTE_BLOCK } from './check-notes.ts'
import { type Collector, createCollector, type Finding } from './finding.ts'
import { same } from './fold-tile.ts'
import { claimOf, type Look, type Looker } from './look.ts'
import type { Remembered } from './ports.ts'

export interface FullPass {
  readonly look: Look
  /** Entries before this one are checked. */
  readonly next: { readonly entry: number; readonly seq: number }
  readonly done: boolean
  readonly findings: readonly Finding[]
  readonly more: number
  /** Checks the next range and says which entries that was. */
  step(): Promise<{ start: number; end: number }>
}

/**
 * @param remembered what is known from before; its `next` is where the pass begins
 * @param rangeSize entries of a step, a multiple of 256
 * @returns undefined when the log cannot be read at all; the findings say why
 */
export async function beginFullPass(
  looker: Looker,
  info: LogInfo,
  remembered: Remembered | undefined,
  rangeSize: number,
): Promise<{ pass: FullPass | undefined; findings: readonly Finding[] }> {
  const found = createCollector(info.name)
  const look = await looker.begin(info, remembered, found)
  if (look === undefined) return { pass: undefined, findings: found.findings }
  const { head, newestSeq } = look
  const from =
    remembered !== undefined && remembered.next.entry <= head.size ? remembered.next : { entry: 0, seq: 0 }
  const signed = createQueue(looker, look, from.seq, found)
  const trail: Trail = { agreed: 0, broken: false }
  let entry = from.entry
  let done = false
  const pass: FullPass = {
    look,
    get next() {
      return { entry, seq: signed.first }
    },
    get done() {
      return done
    },
    get findings() {
      return found.findings
    },
    get more() {
      return found.more
    },
    async step() {
      const start = entry
      const end = Math.min(start + rangeSize, head.size)
      await signed.upTo(end)
      await looker.range(look, { start, end }, signed.claims, trail, found)
      signed.drop(end)
      entry = end
      done = end === head.size && signed.next > newestSeq
      return { start, end }
    },
  }
  return { pass, findings: found.findings }
}

/** Claims of checkpoints that are right, read and checked a block at a time as the pass reaches their sizes. */
function createQueue(looker: Looker, { info, head, newestSeq }: Look, from: number, found: Collector) {
  let claims: Claim[] = []
  let next = Math.floor(from / NOTE_BLOCK) * NOTE_BLOCK
  return {
    get claims(): readonly Claim[] {
      return claims
    },
    /** The next checkpoint to be read. */
    get next() {
      return next
    },
    /** The first one that is still needed. */
    get first() {
      return claims[0]?.seq ?? next
    },
    /** Reads until one is larger than `size`. */
    async upTo(size: number): Promise<void> {
      while (next <= newestSeq && (claims.at(-1)?.size ?? 0) <= size) {
        const end = Math.min(next + NOTE_BLOCK, newestSeq + 1)
        for (const row of await looker.notes.check(info, next, end, found)) {
          // An idle log is signed again and again at one size: once is enough.
          const last = claims.at(-1)
          const repeated = last?.size === row.size && same(last.root, row.root)
          if (row.size <= head.size && !repeated) claims.push(claimOf(row))
        }
        next = end
      }
    },
    drop(size: number): void {
      claims = claims.filter((claim) => claim.size > size)
    },
  }
}

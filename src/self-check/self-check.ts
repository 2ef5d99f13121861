// The checker of a running service: the newest entries of every log every few seconds, all of it in between, for ever; at a
// rate that leaves the machine to others.
import type { LogInfo } from '../log/types.ts'
import { type Board, createBoard } from './board.ts'
import { createCollector } from './finding.ts'
import { beginFullPass, type FullPass } from './full-pass.ts'
import { type CheckPorts, claimOf, createLooker, type Looker } from './look.ts'
import { checkOrphans } from './orphans.ts'
import { createPace } from './pace.ts'
import type { Memory, Remembered, Scan } from './ports.ts'
import { formatTold, parseTold } from './told.ts'

export interface SelfCheckPorts extends CheckPorts {
  readonly memory: Memory
  /** Hears of what keeps the check from working; the next round tries again. */
  readonly report: (error: unknown) => void
}

export interface SelfCheckOptions {
  /** Entries a second, on average. */
  readonly rate: number
}

export interface SelfCheck extends Readers {
  start(): void
  /** Stops after the step under way. */
  stop(): Promise<void>
}

/** The newest entries that are looked at again and again, and how often; milliseconds. */
const NEWEST = 10_000
const NEWEST_EVERY = 7_000
/** Newest checkpoints of such a look. */
const NEWEST_CHECKPOINTS = 256
/** Entries of a step: some ten milliseconds of work. */
const STEP = 4_096
/** What a look costs before it has read an entry, in entries: its queries and signatures take as long as some two thousand. */
const LOOK_COST = 2_000
const SAVE_EVERY = 10_000

export function createSelfCheck(ports: SelfCheckPorts, { rate }: SelfCheckOptions): SelfCheck {
  const { scan, memory, report } = ports
  const board = createBoard()
  const stopping = new AbortController()
  const pace = createPace(rate, stopping.signal)
  const looker = createLooker(ports, pace)
  const passes = new Map<number, { pass: FullPass; began: number; started: number }>()
  const looked = new Map<number, number>()
  let remembered = new Map<number, Remembered>()
  let running: Promise<void> = Promise.resolve()
  let saved = 0

  async function checkLog(info: LogInfo): Promise<void> {
    if (!(await scan.takeTurn(info.id))) {
      board.giveUp(info.name)
      passes.delete(info.id)
      return
    }
    if (performance.now() - (looked.get(info.id) ?? -Infinity) >= NEWEST_EVERY) {
      looked.set(info.id, performance.now())
      await checkNewest(looker, info, remembered.get(info.id), board)
      await tellOthers(scan, board, info.name)
    }
    if (!stopping.signal.aborted) await stepThrough(info)
  }

  /** One step of the full pass, which begins anew when it is through. */
  async function stepThrough(info: LogInfo): Promise<void> {
    let current = passes.get(info.id)
    if (current === undefined) {
      await pace(LOOK_COST)
      const { pass, findings } = await beginFullPass(looker, info, remembered.get(info.id), STEP)
      if (pass === undefined) return board.unreadable(info.name, findings)
      current = { pass, began: pass.next.entry, started: Date.now() }
      passes.set(info.id, current)
    }
    const { pass, began, started } = current
    const range = await pass.step()
    board.stepped(info.name, range, pass)
    remembered.set(info.id, rememberedAfter(pass, remembered.get(info.id)))
    if (!pass.done) return
    passes.delete(info.id)
    board.passed(info.name, pass, { started, finished: Date.now(), whole: began === 0 })
  }

  async function round(): Promise<void> {
    const logs = await scan.logs()
    board.unownedFound(await checkOrphans(scan, remembered))
    for (const info of logs) {
      if (stopping.signal.aborted) return
      try {
        await checkLog(info)
      } catch (error) {
        passes.delete(info.id)
        if (!stopping.signal.aborted) report(error)
      }
    }
    if (performance.now() - saved < SAVE_EVERY) return
    saved = performance.now()
    await memory.save(remembered)
  }

  async function run(): Promise<void> {
    remembered = new Map(await memory.load())
    const deafen = await hearOthers(scan, board).catch(report)
    while (!stopping.signal.aborted) {
      await round().catch(report)
      await pace(LOOK_COST)
    }
    await memory.save(remembered)
    await deafen?.()
  }

  return {
    ...readers(board),
    start() {
      running = run().catch((error: unknown) => void (stopping.signal.aborted || report(error)))
    },
    async stop() {
      stopping.abort()
      await running
    },
  }
}

type Readers = Pick<Board, 'of' | 'unowned' | 'current' | 'subscribe'>

function readers(board: Board): Readers {
  return {
    of: (log) => board.of(log),
    unowned: () => board.unowned(),
    current: () => board.current(),
    subscribe: (listener, onLook) => board.subscribe(listener, onLook),
  }
}

/** The other processes do not look themselves. */
async function tellOthers(scan: Scan, board: Board, log: string): Promise<void> {
  const { findings = [], more = 0 } = board.of(log) ?? {}
  await scan.tell(formatTold({ log, findings, more }))
}

function hearOthers(scan: Scan, board: Board): Promise<() => Promise<void>> {
  return scan.hear((text) => {
    const told = parseTold(text)
    if (told !== undefined) board.heard(told)
  })
}

/** Where a pass goes on; one that found something begins anew, so that a new process finds it again. */
function rememberedAfter(
  { look, next, done, findings }: FullPass,
  before: Remembered | undefined,
): Remembered {
  const clean = findings.length === 0
  return {
    identity: clean || before === undefined ? look.identity : before.identity,
    size: Math.max(before?.size ?? 0, clean ? look.head.size : 0),
    seq: Math.max(before?.seq ?? -1, clean ? look.newestSeq : -1),
    next: clean && !done ? next : { entry: 0, seq: 0 },
  }
}

/** The newest entries with all that stands above them, and what can be said of the log as a whole. */
export async function checkNewest(
  looker: Looker,
  info: LogInfo,
  remembered: Remembered | undefined,
  board: Pick<Board, 'looked'>,
): Promise<void> {
  const found = createCollector(info.name)
  const look = await looker.begin(info, remembered, found)
  let from = 0
  if (look !== undefined) {
    const { head, newestSeq } = look
    from = Math.max(0, Math.floor((head.size - NEWEST) / 256) * 256)
    const firstSeq = Math.max(0, newestSeq - NEWEST_CHECKPOINTS + 1)
    const rows = newestSeq < 0 ? [] : await looker.notes.glance(look.info, firstSeq, newestSeq + 1, found)
    const signed = rows.map(claimOf)
    const trail = { agreed: 0, broken: false }
    for (let start = from, end = from; end < head.size || start === from; start = end) {
      end = Math.min(start + STEP, head.size)
      await looker.range(look, { start, end }, signed, trail, found)
      if (end === head.size) break
    }
  }
  board.looked(info.name, { from, size: look?.head.size ?? 0 }, found)
}

// Logs in memory, for tests of what HTTP does around a log: statuses, limits, headers. The engine has its own tests.
import { encodeBundle } from '../../src/core/bundle.ts'
import { hashLeaf } from '../../src/core/hash.ts'
import { LogError } from '../../src/log/errors.ts'
import type {
  Appended,
  Log,
  LogInfo,
  LogProblem,
  Logs,
  Published,
  Quorum,
  WitnessState,
} from '../../src/log/types.ts'
import { referenceTree } from './reference-tree.ts'

const VKEY = 'log.test+3f777957+AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEB'

export interface FakeLog extends Log {
  readonly stored: Uint8Array[]
  /** Thrown by everything that would ask the database. */
  fault: Error | undefined
  /** While false, what is appended stays unpublished and waits end with their signal. */
  publishing: boolean
  problems: LogProblem[]
  quorum: Quorum
  witnesses: WitnessState[]
  /** Thrown by everything that needs the policy. */
  policyFault: LogError | undefined
  /** What was asked of keys and state; nothing of it is done. */
  readonly changes: string[]
}

export interface FakeLogs extends Logs {
  readonly byName: Map<string, FakeLog>
  fault: Error | undefined
}

export function fakeLogs(...logs: FakeLog[]): FakeLogs {
  const byName = new Map(logs.map((log) => [log.info.name, log]))
  function changed(name: string, what: string): LogInfo {
    const log = byName.get(name)
    if (!log) throw new LogError('log_not_found', `there is no log "${name}"`)
    if (fake.fault) throw fake.fault
    log.changes.push(what)
    return log.info
  }
  const fake: FakeLogs = {
    byName,
    fault: undefined,
    async list() {
      if (fake.fault) throw fake.fault
      return [...byName.values()].map((log) => log.info)
    },
    async open(name) {
      const log = byName.get(name)
      if (log) return log
      if (fake.fault) throw fake.fault
      throw new LogError('log_not_found', `there is no log "${name}"`)
    },
    async create({ name, ...options }) {
      if (fake.fault) throw fake.fault
      if (byName.has(name)) throw new LogError('log_exists', `there is a log "${name}" already`)
      const log = fakeLog(name, options)
      byName.set(name, log)
      return log.info
    },
    rotate: async (name) => changed(name, 'rotate'),
    retireKey: async (name, keyId) => changed(name, `retire ${keyId}`),
    setState: async (name, state) => changed(name, state),
  }
  return fake
}

export function fakeLog(
  name: string,
  {
    public: isPublic = false,
    dedup = true,
    origin = `log.test/logs/${name}`,
  }: Partial<Pick<LogInfo, 'public' | 'dedup' | 'origin'>> = {},
): FakeLog {
  const info: LogInfo = {
    id: 1,
    name,
    origin,
    public: isPublic,
    dedup,
    vkeys: [VKEY],
    signing: [VKEY],
    state: 'open',
    successor: undefined,
    revision: 0,
    mirrored: false,
    createdAt: new Date(0),
  }
  const stored: Uint8Array[] = []
  const tree = referenceTree((index) => hashLeaf(stored[index]!))
  const heads: Published[] = []
  const indexOf = new Map<string, number>()

  function publish(): void {
    const root = tree.root(0, stored.length)
    const text = `${info.origin}\n${stored.length}\n${Buffer.from(root).toString('base64')}\n\n— log.test AAAAAAAA\n`
    heads.push({
      seq: heads.length,
      size: stored.length,
      root,
      signedAt: 1000 * heads.length,
      note: Buffer.from(text),
      quorum: 'none',
    })
  }
  function refuse(code: LogError['code'], when: boolean): void {
    if (when) throw new LogError(code, `${code}, says the fake`)
  }
  function ready(): Published {
    if (log.fault) throw log.fault
    return log.published()
  }
  function hashes(level: number, index: number, width: number): Uint8Array[] {
    const span = 256 ** level
    const { size } = ready()
    refuse('tile_not_found', width < 1 || (index * 256 + width) * span > size)
    return Array.from({ length: width }, (_, i) =>
      tree.root((index * 256 + i) * span, (index * 256 + i + 1) * span),
    )
  }

  const log: FakeLog = {
    info,
    stored,
    fault: undefined,
    publishing: true,
    problems: [],
    quorum: 'none',
    witnesses: [],
    policyFault: undefined,
    changes: [],
    waiting: 0,
    async append(entries) {
      ready()
      const receipts = entries.map((entry): Appended => {
        const leafHash = hashLeaf(entry)
        const key = Buffer.from(leafHash).toString('hex')
        const known = info.dedup ? indexOf.get(key) : undefined
        if (known !== undefined) return { index: known, leafHash, duplicate: true }
        indexOf.set(key, stored.push(entry) - 1)
        return { index: stored.length - 1, leafHash, duplicate: false }
      })
      if (log.publishing) publish()
      return receipts
    },
    async waitPublished(index, signal) {
      if (log.published().size > index) return log.published()
      if (!signal.aborted)
        await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
      throw new LogError('wait_timeout', 'no checkpoint covers it yet')
    },
    waitWitnessed: (index, signal) => log.waitPublished(log.quorum === 'met' ? index : Infinity, signal),
    policy() {
      if (log.policyFault) throw log.policyFault
      return { text: `log ${info.vkeys[0]}\nquorum none\n`, quorum: log.quorum !== 'none' }
    },
    published: () => heads.at(-1)!,
    async history(limit, beforeSeq = heads.length) {
      ready()
      return heads
        .filter(({ seq }) => seq < beforeSeq)
        .toReversed()
        .slice(0, limit)
    },
    async inclusion(index, size = ready().size) {
      refuse('size_out_of_range', size < 1 || size > ready().size)
      refuse('index_out_of_range', index >= size)
      return { index, size, path: tree.inclusion(index, size) }
    },
    async consistency(from, to) {
      refuse('size_out_of_range', to > ready().size)
      return from === 0 ? [] : tree.consistency(from, to)
    },
    async subtree(start, end, size) {
      refuse('size_out_of_range', size > ready().size)
      return { root: tree.root(start, end), proof: tree.subtree(start, end, size) }
    },
    async indexOf(leafHash) {
      const index = indexOf.get(Buffer.from(leafHash).toString('hex'))
      refuse('leaf_not_found', index === undefined || index >= ready().size)
      return index!
    },
    async entry(index) {
      refuse('index_out_of_range', index >= ready().size)
      return stored[index]!
    },
    async entries(start, limit) {
      refuse('index_out_of_range', start > ready().size)
      return stored.slice(start, Math.min(start + limit, ready().size))
    },
    async entriesAt(indexes) {
      return indexes.map((index) => {
        refuse('index_out_of_range', index >= ready().size)
        return stored[index]!
      })
    },
    async tile(level, index, width) {
      return new Uint8Array(Buffer.concat(hashes(level, index, width)))
    },
    async bundle(index, width) {
      hashes(0, index, width)
      return encodeBundle(stored.slice(index * 256, index * 256 + width))
    },
    async proofFile(index) {
      refuse('index_out_of_range', index >= ready().size)
      return Buffer.from(`c2sp.org/tlog-proof@v1\nindex ${index}\n\n${Buffer.from(ready().note).toString()}`)
    },
    status: () => ({
      level: log.problems.length === 0 ? 'tamper-evident' : 'tamper-detecting',
      problems: log.problems,
      quorum: log.quorum,
      witnesses: log.witnesses,
    }),
  }
  publish()
  return log
}

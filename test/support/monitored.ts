// A monitor with a clock that the test holds, which does not wait between two looks.
import { createHash } from 'node:crypto'
import { createTransport } from '../../src/client/transport.ts'
import { encodeUtf8 } from '../../src/core/bytes.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import { formatNote, parseNote } from '../../src/core/note.ts'
import { parsePolicy, type Policy, policyFromVkeys } from '../../src/core/policy.ts'
import { localSigner } from '../../src/core/signer.ts'
import { createMonitor, type MonitorOptions, type Round } from '../../src/monitor/monitor.ts'
import { memoryStateStore, type StateStore } from '../../src/monitor/state.ts'
import { entriesUpTo } from './static-log.ts'

export interface Monitored {
  /** POSIX milliseconds. */
  now: number
  readonly store: StateStore
  /** Pauses between looks. */
  readonly pauses: number[]
  /** Called in each pause. */
  onPause: () => void
  round(): Promise<Round>
  /** Codes of a round. */
  codes(): Promise<string[]>
}

export type MonitoredOptions = Partial<
  Omit<MonitorOptions, 'source' | 'witnesses' | 'mirrors' | 'policy'>
> & {
  readonly policy?: Policy
  readonly witnesses?: readonly string[]
  readonly mirrors?: readonly string[]
}

export function monitored(
  log: { readonly url: string; readonly vkey: string },
  { policy = policyFromVkeys([log.vkey]), witnesses = [], mirrors = [], ...options }: MonitoredOptions = {},
): Monitored {
  const open = (url: string) => createTransport({ url, retries: 0, timeout: 5_000, fresh: true })
  const store = options.store ?? memoryStateStore()
  const one: Monitored = {
    now: 1_800_000_000_000,
    store,
    pauses: [],
    onPause: () => {},
    round: createMonitor({
      source: open(log.url),
      policy,
      witnesses: witnesses.map(open),
      mirrors: mirrors.map(open),
      maxAge: 900_000,
      grace: 900_000,
      entries: false,
      now: () => one.now,
      pause: async (ms) => {
        one.pauses.push(ms)
        one.onPause()
      },
      ...options,
      store,
    }),
    codes: async () => (await one.round()).violations.map(({ code }) => code),
  }
  return one
}

/** The note with a cosignature of this time, in seconds. */
export async function cosigned(note: Uint8Array, skey: string, timestamp: number): Promise<Uint8Array> {
  const { text, signatures } = parseNote(note)
  return formatNote(text, [...signatures, await localSigner(skey).sign(text, timestamp)])
}

/** Where a witness serves what it has seen of the log, below its monitoring prefix. */
export function witnessPath(origin: string): string {
  return `${createHash('sha256').update(origin).digest('hex')}/checkpoint`
}

/** Of the witnesses w1 and w2. */
export const WITNESS_KEYS = ['w1', 'w2'].map((name, i) =>
  generateSkey(`${name}.example`, 0x04, new Uint8Array(32).fill(i + 1)),
)

/** @param quorum w1, w2, any or none */
export function witnessPolicy({ vkey }: { readonly vkey: string }, quorum: string): Policy {
  const lines = WITNESS_KEYS.map((skey, i) => `witness w${i + 1} ${vkeyOf(skey)}\n`)
  return parsePolicy(`log ${vkey}\n${lines.join('')}group any any w1 w2\nquorum ${quorum}\n`)
}

/** Entries whose history leaves that of entriesUpTo at `branch`. */
export function forked(count: number, branch: number): Uint8Array[] {
  return entriesUpTo(count).map((entry, i) => (i < branch ? entry : encodeUtf8(`other ${i}`)))
}

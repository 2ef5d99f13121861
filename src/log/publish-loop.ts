// When a log is published: as soon as it is due, one attempt at a time, and until an attempt that failed has succeeded.
import { createAttempts } from './attempts.ts'
import { type Cosigners, NO_COSIGNERS } from './cosigners.ts'
import type { Feed } from './feed.ts'
import { halted } from './halted.ts'
import type { LogInfos } from './log-infos.ts'
import type { EnginePorts } from './logs.ts'
import { checkNotRewound, publishOnce, type PublisherPorts } from './publisher.ts'
import { isSignedByAll } from './signed-by-all.ts'
import { createSigners } from './signers.ts'
import { createSlots } from './slots.ts'
import type { StatusBoard } from './status.ts'
import type { LogInfo } from './types.ts'

export interface PublishLoop {
  /** One attempt for a log; whoever asks while it is under way shares it. Failures go to the status and the report. */
  publish(log: LogInfo): Promise<void>
  /** Looks for what is due every `publishInterval` until `signal` aborts; resolves after the attempts under way. */
  run(signal: AbortSignal): Promise<void>
}

export interface PublishLoopOptions {
  /** Milliseconds. */
  readonly publishInterval: number
  /** Milliseconds. */
  readonly heartbeat: number
  readonly infos: LogInfos
  /** A log is published again after a failure: the database may have been another copy meanwhile. */
  readonly onRecovered: (log: LogInfo) => void
}

/** Logs whose head is checked and signed at the same time; those that wait for witnesses are not counted. */
const PUBLISHED_AT_ONCE = 16

export function createPublishLoop(
  ports: EnginePorts,
  feed: Feed,
  board: StatusBoard,
  { publishInterval, heartbeat, infos, onRecovered }: PublishLoopOptions,
): PublishLoop {
  const { store, guard, keys, clock, observer, report, cosigners = NO_COSIGNERS } = ports
  const signersOf = createSigners(keys)
  const slots = createSlots(PUBLISHED_AT_ONCE)
  const attempts = createAttempts(board, observer, report, onRecovered)
  const underWay = new Map<number, Promise<void>>()
  /** Alarms, by log, that the guard could not be told: nothing is signed before it was. */
  const untold = new Map<number, string>()

  function publish(info: LogInfo): Promise<void> {
    const attempt =
      underWay.get(info.id) ?? slots.use(() => attemptPublish(info)).finally(() => underWay.delete(info.id))
    underWay.set(info.id, attempt)
    return attempt
  }

  async function attemptPublish(info: LogInfo): Promise<void> {
    try {
      await tellGuard(info)
      await checkNotRewound(info, feed, store)
      const signers = info.mirrored ? [] : await signersOf(info) // a copy is signed by its origin
      const published =
        signers.length === 0 // another process signs it; this one only watches
          ? undefined
          : await publishOnce({ info, signers }, portsFor(info), clock() - heartbeat)
      attempts.succeeded(info, published)
    } catch (error) {
      attempts.failed(info, error)
      await store.unlead(info.id).catch(report) // another process may do better
    }
  }

  async function tellGuard({ id, origin }: LogInfo): Promise<void> {
    const why = untold.get(id)
    if (why === undefined) return
    await guard.halt(origin, why)
    untold.delete(id)
  }

  function portsFor(info: LogInfo): PublisherPorts {
    return {
      store,
      guard,
      feed,
      clock,
      report,
      // While witnesses think, another log may be published.
      cosigners: { ...cosigners, collect: (request) => slots.without(() => cosigners.collect(request)) },
      async alarm(why, evidence) {
        if (!untold.has(info.id)) untold.set(info.id, why)
        attempts.alarmed(info, halted(info, why, evidence))
        await tellGuard(info)
      },
    }
  }

  async function round(): Promise<void> {
    const due = new Set([
      ...(await store.due(clock() - heartbeat)),
      ...attempts.failing(),
      ...feed.rewound(),
      ...lacking(infos, feed, cosigners),
    ])
    if (due.size === 0) return
    for (const info of await store.logs()) {
      if (due.has(info.id) && cosigners.readyIn(info) === 0) void publish(info)
    }
  }

  return {
    publish,
    async run(signal) {
      while (!signal.aborted) {
        const started = performance.now()
        await round().catch(report)
        await sleep(Math.max(0, publishInterval - (performance.now() - started)), signal)
      }
      await Promise.all(underWay.values())
      await cosigners.abandon()
    },
  }
}

/**
 * Logs with a key that has not signed yet, or a policy that their newest checkpoint does not satisfy: after a rotation, or
 * another policy, nobody shall have to wait for the next heartbeat.
 */
function lacking(infos: LogInfos, feed: Feed, cosigners: Cosigners): number[] {
  const found: number[] = []
  for (const info of infos.all()) {
    const newest = feed.newest(info.id)
    if (info.mirrored || info.state === 'frozen' || newest === undefined) continue
    const rekeyed = info.revision > 0 && !isSignedByAll(info, newest.note)
    if (rekeyed || cosigners.lacks(info, newest.note)) found.push(info.id)
  }
  return found
}

/** Resolves after `ms`, or when `signal` aborts. */
function sleep(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(done, ms)
    function done(): void {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    signal.addEventListener('abort', done)
  })
}

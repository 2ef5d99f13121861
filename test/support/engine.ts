// The engine as serve.ts builds it, on a database of the test's own: real store, guard and keys, with a clock and faults that
// the test holds.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, vi } from 'vitest'
import { installMlDsa } from '../../src/core/ml-dsa.ts'
import { connect } from '../../src/db/connect.ts'
import { guardFolder } from '../../src/guard/file.ts'
import { createGuard } from '../../src/guard/guard.ts'
import { createKeyFiles } from '../../src/keys/key-files.ts'
import { type Cosigners, NO_COSIGNERS } from '../../src/log/cosigners.ts'
import type { Limits } from '../../src/log/limits.ts'
import { createEngine, type Engine, type EngineOptions } from '../../src/log/logs.ts'
import { NO_OBSERVER } from '../../src/log/observer.ts'
import type { Guard, LogStore } from '../../src/log/ports.ts'
import type { Appended, Log } from '../../src/log/types.ts'
import { installNodeCrypto } from '../../src/node-crypto.ts'
import type { PutSidecars } from '../../src/store/sequence.ts'
import { createPostgresStore } from '../../src/store/store.ts'
import { createFaults, type Faults } from './faults.ts'

export interface TestEngine {
  readonly engine: Engine
  /** The real store, without faults. */
  readonly store: LogStore
  readonly guard: Guard
  readonly faults: Faults
  /** What the engine reported. */
  readonly reports: { error: unknown; log: string | undefined }[]
  /** One look for something to publish, whether the loop runs or not. */
  publish(): Promise<void>
  /** Ends its connections, as the death of its process would. */
  stop(): Promise<void>
}

export interface TestEngineOptions {
  /** Folder of guard and keys: see {@link testFolder}. */
  readonly folder: string
  readonly clock?: () => number
  readonly publishInterval?: number
  readonly heartbeat?: number
  readonly limits?: Limits
  readonly faults?: Faults
  /** Instead of one in the folder. */
  readonly guard?: Guard
  readonly cosigners?: Cosigners
  /** Who writes what is stored beside entries. */
  readonly putSidecars?: PutSidecars
}

installNodeCrypto()
installMlDsa()

/** It does not publish by itself until `engine.start()`; `publish()` does it when the test wants. */
export function testEngine(url: string, options: TestEngineOptions): TestEngine {
  const faults = options.faults ?? createFaults()
  const pools = { write: open(url, 'write', 4), read: open(url, 'read', 4), lead: open(url, 'lead', 1) }
  const { putSidecars } = options
  const store = createPostgresStore({ ...pools, ...(putSidecars === undefined ? {} : { putSidecars }) })
  const guard = options.guard ?? createGuard(guardFolder(join(options.folder, 'guard')))
  const reports: TestEngine['reports'] = []
  const timing: EngineOptions = {
    publishInterval: options.publishInterval ?? 10,
    heartbeat: options.heartbeat ?? 3_600_000,
    originPrefix: 'log.example',
    ...(options.limits === undefined ? {} : { limits: options.limits }),
  }
  const ports = {
    store: faults.store(store),
    guard: faults.guard(guard),
    keys: createKeyFiles(join(options.folder, 'keys')),
    clock: options.clock ?? Date.now,
    observer: NO_OBSERVER,
    cosigners: faults.cosigners(options.cosigners ?? NO_COSIGNERS),
    report: (error: unknown, log?: string) => void reports.push({ error, log }),
  }
  const engine = createEngine(ports, timing)
  let started = false
  const all: Engine = {
    ...engine,
    async start() {
      await engine.start()
      started = true
    },
    async stop() {
      if (started) await engine.stop()
      started = false
    },
  }
  return {
    engine: all,
    store,
    guard,
    faults,
    reports,
    async publish() {
      if (started) throw new Error('the loop publishes already')
      await engine.start() // looks once before it resolves
      await engine.stop()
    },
    async stop() {
      await all.stop()
      await Promise.all(Object.values(pools).map((pool) => pool.close()))
    },
  }
}

/** A folder for guards and keys, and how to remove it. */
export function testFolder(): { folder: string; remove: () => void } {
  const folder = mkdtempSync(join(tmpdir(), 'prooflog-test-'))
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) }
}

/** Appends texts. */
export function appendTexts(log: Log, texts: readonly string[]): Promise<Appended[]> {
  return log.append(texts.map((text) => Buffer.from(text)))
}

/** `count` different texts that begin with `prefix`. */
export function texts(count: number, prefix = 'entry'): string[] {
  return Array.from({ length: count }, (_, i) => `${prefix} ${i}`)
}

/** Publishes until a checkpoint covers all of `appended`. */
export async function publishAll(
  testEngine: TestEngine,
  log: Log,
  appended: readonly Appended[],
): Promise<void> {
  const size = 1 + Math.max(-1, ...appended.map(({ index }) => index))
  await vi.waitFor(
    async () => {
      await testEngine.publish()
      expect(log.published().size).toBeGreaterThanOrEqual(size)
    },
    { timeout: 20_000, interval: 5 },
  )
}

function open(url: string, name: string, max: number): ReturnType<typeof connect> {
  return connect({ url, max, name: `prooflog ${name}`, role: 'prooflog_service' })
}

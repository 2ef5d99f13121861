import { expect, vi } from 'vitest'
import type { AuditEvent, Incoming } from '../../../src/audit/event/types.ts'
import { type Follower } from '../../../src/audit/follow/follower.ts'
import { createIndexer } from '../../../src/audit/search/indexer.ts'
import { forgetTerms } from '../../../src/audit/search/refresh.ts'
import { SEARCH_SETTINGS } from '../../../src/audit/search/scan.ts'
import { createSearch, type Search } from '../../../src/audit/search/search.ts'
import { connect, type Database } from '../../../src/db/connect.ts'
// A search beside a real log and a real vault, as serve.ts puts them together.
import { installNodeCrypto } from '../../../src/node-crypto.ts'
import { publishAll } from '../../support/engine.ts'
import { type Ground, type Process, vaultGround } from '../vault/ground.ts'

installNodeCrypto()

export interface SearchGround extends Ground {
  readonly one: Process
  readonly search: Search
  readonly db: Database
  /** Another process that indexes; started. */
  indexer(): Promise<Follower>
  record(events: readonly AuditEvent[], source?: string): Promise<void>
  recordRaw(texts: readonly string[]): Promise<void>
  /** Appends bytes that are no events. */
  plain(count: number): Promise<void>
  /** Publishes what was appended, and waits until it is indexed. */
  indexed(): Promise<void>
}

export async function searchGround(): Promise<SearchGround> {
  const ground = await vaultGround()
  const one = await ground.process({ forgetDerived: forgetTerms })
  const db = connect({
    url: ground.database.url,
    max: 4,
    role: 'prooflog_service',
    settings: SEARCH_SETTINGS,
    statementTimeout: 20_000,
  })
  const search = createSearch({ db, vault: one.vault })
  const ends: (() => Promise<void>)[] = [() => db.close()]
  let size = 0

  async function add(incoming: readonly Incoming[], source: string): Promise<void> {
    const receipts = await one.recorder.record(ground.log, incoming, source)
    size = Math.max(size, ...receipts.map(({ index }) => index + 1))
  }

  return {
    ...ground,
    one,
    search,
    db,
    async indexer() {
      const pool = connect({ url: ground.database.url, max: 4, role: 'prooflog_service' })
      const lead = connect({ url: ground.database.url, max: 1, role: 'prooflog_service' })
      const follower = createIndexer({
        log: ground.log,
        vault: one.vault,
        db: pool,
        lead,
        onDamage: (damaged) => {
          throw damaged[0]
        },
      })
      follower.start()
      ends.unshift(async () => {
        await follower.stop()
        await Promise.all([pool.close(), lead.close()])
      })
      return follower
    },
    record: (events, source = 'app') => add(events.map(incoming), source),
    recordRaw: (texts) =>
      add(
        texts.map((raw) => ({
          kind: 'raw',
          format: 'native',
          raw,
          size: raw.length,
          reason: { code: 'not_json', message: 'it is no JSON' },
        })),
        'app',
      ),
    async plain(count) {
      const bytes = Array.from({ length: count }, () => Buffer.from(`plain ${Math.random()}`))
      const appended = await ground.log.append(bytes)
      size = Math.max(size, ...appended.map(({ index }) => index + 1))
    },
    async indexed() {
      if (size > 0)
        await publishAll(ground.engine, ground.log, [
          { index: size - 1, leafHash: new Uint8Array(), duplicate: false },
        ])
      await vi.waitFor(
        async () => {
          const status = await search.status(ground.log)
          expect(status.indexed).toBe(ground.log.published().size)
          expect(status.rebuilding).toBe(false)
        },
        { timeout: 20_000, interval: 20 },
      )
    },
    async close() {
      for (const end of ends) await end()
      await ground.close()
    },
  }
}

function incoming(event: AuditEvent): Incoming {
  return { kind: 'event', format: 'native', event }
}

/** Of what was found. */
export function indexesOf(events: readonly { readonly index: number }[]): number[] {
  return events.map(({ index }) => index)
}

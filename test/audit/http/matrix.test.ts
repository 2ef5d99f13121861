// Every audit route × every kind of caller × every kind of log, over the real engine, recorder, vault and search.
import { join } from 'node:path'
import { pino } from 'pino'
import { afterAll } from 'vitest'
import type { Keys } from '../../../src/access/keys.ts'
import { DEFAULT_PRIVACY } from '../../../src/audit/event/privacy.ts'
import type { AuditEvent } from '../../../src/audit/event/types.ts'
import { auditAccess } from '../../../src/audit/http/access.ts'
import { auditRoutes } from '../../../src/audit/http/routes.ts'
import { NO_PRODUCERS } from '../../../src/audit/ingest/producer-signature.ts'
import { createRecorder } from '../../../src/audit/record/recorder.ts'
import { createSealer } from '../../../src/audit/record/sealer.ts'
import { forgetTerms } from '../../../src/audit/search/refresh.ts'
import { SEARCH_SETTINGS } from '../../../src/audit/search/scan.ts'
import { createSearch } from '../../../src/audit/search/search.ts'
import { createErasures } from '../../../src/audit/vault/erasure.ts'
import { createHolds } from '../../../src/audit/vault/holds.ts'
import { putSidecars } from '../../../src/audit/vault/sidecars.ts'
import { createVault } from '../../../src/audit/vault/vault.ts'
import { connect } from '../../../src/db/connect.ts'
import { createApp } from '../../../src/http/app.ts'
import type { Journal } from '../../../src/http/journal.ts'
import { createMetrics } from '../../../src/http/metrics.ts'
import { type Sample, testAccess } from '../../support/access-matrix.ts'
import { testDatabase } from '../../support/database.ts'
import { testEngine, testFolder } from '../../support/engine.ts'
import { attributes, encodeProtobuf, requestOf } from '../ingest/otlp-encode.ts'

const LOGS = ['private', 'open', 'other', 'default', '_meta']
const BY = { id: 'whoever-asked' }
const ends: (() => Promise<unknown> | void)[] = []
let world: Awaited<ReturnType<typeof openWorld>>
let made = 0

function eventOf(actor: string): AuditEvent {
  return {
    id: `e${++made}`,
    time: '2026-11-25T10:00:00Z',
    action: 'user.login',
    outcome: 'success',
    actor: { id: actor, type: 'user' },
  }
}

async function openWorld(keys: Keys, journal: Journal) {
  const database = await testDatabase()
  ends.unshift(() => database.drop())
  const { folder, remove } = testFolder()
  ends.unshift(remove)
  const { engine, ...running } = testEngine(database.url, { folder, putSidecars, publishInterval: 20 })
  ends.unshift(() => running.stop())
  await engine.start()
  const db = connect({ url: database.url, max: 4 })
  const searching = connect({ url: database.url, max: 4, settings: SEARCH_SETTINGS })
  ends.unshift(
    () => db.close(),
    () => searching.close(),
  )
  const vault = await createVault({ db, keyFile: join(folder, 'vault.key') })
  ends.unshift(() => vault.close())
  const recorder = createRecorder(createSealer({ vault, policyOf: () => DEFAULT_PRIVACY, clock: Date.now }))
  const idOf = new Map<string, number>()
  for (const name of LOGS) {
    await engine.create({ name, public: name === 'open' })
    const log = await engine.open(name)
    idOf.set(name, log.info.id)
    const [receipt] = await recorder.record(
      log,
      [{ kind: 'event', format: 'native', event: eventOf('somebody') }],
      'test',
    )
    await log.waitPublished(receipt!.index, AbortSignal.timeout(10_000))
  }
  const logOf = async (id: number) => engine.open(LOGS.find((name) => idOf.get(name) === id)!)
  const erasures = createErasures({ db, vault, logOf, forgetDerived: forgetTerms, report: () => {} })
  const holds = createHolds({ db, subjects: vault.subjects })
  const stopping = new AbortController().signal
  const more = auditRoutes({
    logs: engine,
    recorder,
    vault,
    erasures,
    holds,
    search: createSearch({ vault, db: searching }),
    producers: NO_PRODUCERS,
    otlpAudit: true,
    stopping,
  })
  const app = createApp({
    logs: engine,
    keys,
    journal,
    metrics: createMetrics(),
    logger: pino({ level: 'silent' }),
    stopping,
    listing: { contact: 'someone at example', qpd: 1 },
    version: '1.2.3',
    database: { ping: () => db.sql`SELECT 1` },
    more: [more],
  })
  return { app, routes: more.routes, engine, recorder, erasures, holds, idOf }
}

/** Somebody whom the log knows and nobody has asked to erase. */
async function newcomer(log: string): Promise<string> {
  const actor = `person-${++made}`
  const events = [{ kind: 'event', format: 'native', event: eventOf(actor) } as const]
  await world.recorder.record(await world.engine.open(log), events, 'test')
  return actor
}

let named = ''
/** The body of a request is asked for right after its parameters. */
async function nameNewcomer(log: string): Promise<Record<string, string>> {
  named = await newcomer(log)
  return {}
}

const pending = new Map<string, string>()
/** An erasure that waits for its approval: the last one, unless a caller decided it. */
async function pendingErasure(_: Keys, log: string): Promise<{ id: string }> {
  const logId = world.idOf.get(log)!
  const last = pending.get(log)
  if (last !== undefined && (await world.erasures.get(logId, last)).state === 'pending') return { id: last }
  const subject = { kind: 'actor', id: await newcomer(log) } as const
  const { id } = await world.erasures.request(logId, { subject, basis: 'GDPR 17(1)(b)', by: BY })
  pending.set(log, id)
  return { id }
}

const json = (body: () => object, type = 'application/json'): Sample => ({
  body: () => JSON.stringify(body()),
  type,
})
const event = json(() => eventOf('alice'))
const first = { params: async () => ({ index: '0' }) }
const otlp = {
  type: 'application/x-protobuf',
  body: () =>
    encodeProtobuf(
      requestOf([
        {
          timeUnixNano: '1714041600000000000',
          observedTimeUnixNano: '1714041600000000001',
          eventName: 'user.login',
          attributes: attributes({
            'audit.record.id': `r${++made}`,
            'audit.actor.id': 'u1',
            'audit.actor.type': 'user',
            'audit.action': 'LOGIN',
            'audit.outcome': 'success',
          }),
        },
      ]),
    ) as Uint8Array<ArrayBuffer>,
}
const hec = json(() => ({ time: 1_764_064_800, event: { text: `hec ${++made}` } }))
const CHANNEL = { 'x-splunk-request-channel': '6b0b1a02-9a3c-4b9e-8f06-8a5f2d7a1c11' }

/** By path below the log, each for both of its rows. */
const BOTH: Record<string, Sample> = {
  'POST /v1/logs': otlp,
  'POST /v1/audit': otlp,
  'POST /v1/k8s/audit': json(() => ({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items: [] })),
  'POST /v1/cloudevents': json(
    () => ({
      specversion: '1.0',
      id: `ce${++made}`,
      source: '/test',
      type: 'x',
      time: '2026-11-25T10:00:00Z',
    }),
    'application/cloudevents+json',
  ),
  'OPTIONS /v1/cloudevents': { headers: { 'webhook-request-origin': 'events.example' } },
  'POST /services/collector': hec,
  'POST /services/collector/event': hec,
  'POST /services/collector/event/1.0': hec,
  'POST /services/collector/raw': { body: () => `line ${++made}` },
  'POST /services/collector/raw/1.0': { body: () => `line ${++made}` },
  'POST /services/collector/ack': { ...json(() => ({ acks: [0] })), headers: CHANNEL },
  'GET /services/collector/health': {},
  'GET /services/collector/health/1.0': {},
}

const SAMPLES: Record<string, Sample> = {
  ...BOTH,
  ...Object.fromEntries(
    Object.entries(BOTH).map(([row, sample]) => [row.replace(' /', ' /logs/:log/'), sample]),
  ),
  'POST /logs/:log/events': event,
  'POST /v1/events': event,
  'GET /logs/:log/events': {},
  'GET /logs/:log/events/:index': first,
  'GET /logs/:log/events/:index/bundle': first,
  'GET /logs/:log/timeline': { query: '?session=s1' },
  'GET /logs/:log/search': {},
  'POST /logs/:log/search/rebuild': {},
  'POST /logs/:log/exports': json(() => ({ format: 'ndjson' })),
  'POST /logs/:log/erasures': {
    ...json(() => ({ subject: named, basis: 'GDPR 17(1)(b)' })),
    params: (_, log) => nameNewcomer(log),
  },
  'GET /logs/:log/erasures': {},
  'GET /logs/:log/erasures/:id': { params: pendingErasure },
  'POST /logs/:log/erasures/:id/approve': { params: pendingErasure },
  'POST /logs/:log/erasures/:id/reject': { params: pendingErasure },
  'GET /logs/:log/holds': {},
  'POST /logs/:log/holds': {
    ...json(() => ({ subject: named, reason: 'case 4/26' })),
    params: (_, log) => nameNewcomer(log),
  },
  'DELETE /logs/:log/holds/:id': {
    async params(_, log) {
      const subject = { kind: 'actor', id: await newcomer(log) } as const
      return { id: (await world.holds.place(world.idOf.get(log)!, { subject, reason: 'case', by: 'x' })).id }
    },
  },
  'GET /schemas/event.json': {},
}

testAccess({
  access: auditAccess(true),
  samples: SAMPLES,
  async open(keys, journal) {
    world = await openWorld(keys, journal)
    return world
  },
})
afterAll(async () => {
  for (const end of ends) await end()
})

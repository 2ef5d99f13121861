// Agents and libraries that nobody here wrote send to the service while its database stops and starts again: docs/senders.
import { chmodSync, mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { adminKey, type ServiceProcess, startService } from '../support/service.ts'
import {
  buildSender,
  type GoSender,
  installModules,
  whyNoRsyslog,
  whyNot,
  whyNotBuilt,
} from './senders/build.ts'
import { selfSigned } from './senders/certificate.ts'
import { type StoppableDatabase, stoppableDatabase } from './senders/database.ts'
import { type Found, type LogReader, readerOf } from './senders/log-reader.ts'
import { doMainJob } from './senders/main-job.ts'
import { freePort, killAll } from './senders/processes.ts'
import { type Answer, type Recorder, startRecorder } from './senders/recorder.ts'
import { type Agents, COUNT, idOf, startAgents, syslogSetting } from './senders/senders.ts'

const absent = {
  collector: await whyNotBuilt('collector'),
  'kube-audit': await whyNotBuilt('kube-audit'),
  rsyslog: await whyNoRsyslog(),
}
for (const [sender, why] of Object.entries(absent))
  if (why !== undefined) console.warn(`SENDER SKIPPED, ${sender} is not checked: ${why}`)
const nothing = (await whyNot('curl', ['--version'])) ?? (await whyNot('openssl', ['version']))
if (nothing !== undefined) console.warn(`SENDERS SKIPPED, nothing is checked: ${nothing}`)

/** Seconds from the first event. The senders go on for 100 s by themselves. */
const OUTAGE = { begins: 15, ends: 75 }
const COLLECTOR_DIES = 40
/** What a sender that gives up may lose: recorded so long before the outage, or after it; milliseconds. */
const AT_RISK = { before: 10_000, after: 20_000 }
/** Until all is in the log, after the last sender ended; seconds. */
const PATIENCE = 120
const NUMBERS = Array.from({ length: COUNT }, (_, i) => i + 1)
/** Gives up before the database is back, and says so. */
const LOSES = 'otel-direct'
const KEEPS = [
  'ce-structured',
  'ce-binary',
  'ce-batch',
  'hec',
  'otel-patient',
  'curl',
  ...(absent['kube-audit'] === undefined ? ['kube'] : []),
  ...(absent.collector === undefined ? ['otel-collector'] : []),
  ...(absent.rsyslog === undefined ? ['syslog'] : []),
]
const ALL = [...KEEPS, LOSES]
/** The others send several requests at once. */
const ORDERED = ALL.filter((name) => !['kube', 'otel-collector'].includes(name))

describe.skipIf(nothing !== undefined)('a minute without the database', () => {
  const home = mkdtempSync(join(tmpdir(), 'prooflog-senders-'))
  let database: StoppableDatabase | undefined
  let service: ServiceProcess | undefined
  let recorder: Recorder | undefined
  let agents: Agents | undefined
  let found: Found
  /** When the database was stopped and had started again; POSIX milliseconds. */
  let outage: { from: number; to: number }
  /** What each sender said, or why it failed. */
  const said = new Map<string, string>()
  const failed = new Map<string, unknown>()

  beforeAll(async () => {
    chmodSync(home, 0o711) // Postgres runs as another user, who must be able to enter
    const folders = {
      data: join(home, 'data'),
      senders: join(home, 'senders'),
      programs: join(home, 'programs'),
    }
    for (const folder of Object.values(folders)) mkdirSync(folder)
    const modules = await installModules()
    const built = async (sender: GoSender): Promise<string | undefined> =>
      absent[sender] === undefined ? buildSender(sender, folders.programs) : undefined
    const collector = await built('collector')
    const kubeAudit = await built('kube-audit')
    database = await stoppableDatabase(home)
    const tls = await selfSigned(folders.programs)
    const syslogPort = await freePort()
    service = await startService(folders.data, {
      DATABASE_URL: database.url,
      PROOFLOG_RATE_READ: '0',
      PROOFLOG_SEARCH: 'on',
      PROOFLOG_SYSLOG: syslogSetting(syslogPort, tls),
    })
    const reader = adminKey(folders.data)
    const key = await producerKey(service.url, reader)
    recorder = await startRecorder(service.url, tls)
    agents = await startAgents({
      log: `${recorder.url}/logs/default`,
      certificate: tls.certificate,
      key,
      syslogPort,
      folder: folders.senders,
      modules,
      collector,
      kubeAudit,
      rsyslog: absent.rsyslog === undefined,
    })
    const sending = agents.senders.map(async (sender) => {
      await sender.send().then(
        (text) => said.set(sender.name, text),
        (error: unknown) => failed.set(sender.name, error),
      )
    })
    outage = await trouble(database, agents)
    await Promise.all(sending)
    found = await everything(readerOf(`${service.url}/logs/default`, reader, ALL))
  }, 2_400_000)
  afterAll(async () => {
    await agents?.stop()
    await killAll()
    await recorder?.close()
    await service?.kill()
    await database?.stop()
    rmSync(home, { recursive: true, force: true })
  })

  test.each(KEEPS)('%s: everything that it sent is in the log', (name) => {
    expect(failed.get(name)).toBeUndefined()
    expect(missing(name), said.get(name)).toEqual([])
  })

  test(`${LOSES}: what was recorded while the log was there is in it, and the loss of the rest was told`, () => {
    expect(failed.get(LOSES)).toBeUndefined()
    const lost = missing(LOSES)
    expect(lost.length).toBeGreaterThan(0)
    const told = said.get(LOSES) ?? ''
    const recorded = lost.map((n) =>
      Number(new RegExp(`^recorded ${idOf(LOSES, n)} at (\\d+)$`, 'm').exec(told)?.[1]),
    )
    expect(Math.min(...recorded)).toBeGreaterThan(outage.from - AT_RISK.before)
    expect(Math.max(...recorded)).toBeLessThan(outage.to + AT_RISK.after)
    expect(told).toMatch(/OTLPExporterError/)
  })

  test('on every way in, requests that the service had taken were sent again', () => {
    const { answers = [] } = recorder ?? {}
    expect(paths(answers.filter(({ lost }) => lost))).toEqual(paths(answers))
  })

  test.each(ALL)('%s: nothing is in the log twice', (name) => {
    expect(present(name).filter((indexes) => indexes.length > 1)).toEqual([])
  })

  test.each(ORDERED)('%s: the log has the order in which it was sent', (name) => {
    const indexes = present(name).flat()
    expect(indexes).toEqual(indexes.toSorted((a, b) => a - b))
  })

  test('nothing else is in the log', () => {
    expect(found.strange).toEqual([])
    expect(found.size).toBe([...found.indexes.values()].flat().length)
  })

  test('the service answered 200, or 503 with seconds to wait, and soon', () => {
    const answers = recorder?.answers ?? []
    const others = answers.filter(({ status }) => status !== 200 && status !== 503)
    expect(others).toEqual([])
    const unavailable = answers.filter(({ status }) => status === 503)
    expect(unavailable.filter(({ retryAfter }) => !/^[1-9]\d*$/.test(retryAfter ?? ''))).toEqual([])
    expect(paths(unavailable)).toEqual(paths(answers)) // each way in knew the outage
    expect(Math.max(...answers.map(({ took }) => took))).toBeLessThan(15_000)
  })

  test('one of each kind is found, proved and verified offline; its person is erased, and the proof still verifies', async () => {
    const names = ['otel-collector', 'syslog', 'curl', 'hec', 'ce-binary'].filter((name) =>
      KEEPS.includes(name),
    )
    const events = names.map((name) => {
      const text = idOf(name, 7)
      return { name, text, index: found.indexes.get(text)?.[0] ?? -1 }
    })
    const folder = join(home, 'job')
    mkdirSync(folder)
    const key = adminKey(join(home, 'data'))
    const job = { url: service?.url ?? '', key, folder, events, person: 'anna@example.org' }
    expect(await doMainJob(job)).toBe(names.length)
  })

  /** Indexes of each event that is in the log. */
  function present(name: string): (readonly number[])[] {
    return NUMBERS.map((n) => found.indexes.get(idOf(name, n)) ?? []).filter(({ length }) => length > 0)
  }
  function missing(name: string): number[] {
    return NUMBERS.filter((n) => !found.indexes.has(idOf(name, n)))
  }
})

function paths(answers: readonly Answer[]): string[] {
  return [...new Set(answers.map(({ path }) => path))].toSorted()
}

/** A key as docs/senders/README.md asks for. */
async function producerKey(url: string, admin: string): Promise<string> {
  const answer = await fetch(`${url}/keys`, {
    method: 'POST',
    headers: { authorization: `Bearer ${admin}`, 'content-type': 'application/json' },
    body: JSON.stringify({ name: 'senders', role: 'producer', logs: ['default'] }),
  })
  expect(answer.status).toBe(201)
  return ((await answer.json()) as { key: string }).key
}

async function trouble(database: StoppableDatabase, agents: Agents): Promise<{ from: number; to: number }> {
  await sleep(OUTAGE.begins * 1_000)
  const from = Date.now()
  await database.stop()
  await sleep((COLLECTOR_DIES - OUTAGE.begins) * 1_000)
  await agents.crash()
  await sleep(Math.max(0, (OUTAGE.ends - OUTAGE.begins) * 1_000 - (Date.now() - from)))
  await database.start()
  return { from, to: Date.now() }
}

/** Waits until the log has all that is to come. */
async function everything(reader: LogReader): Promise<Found> {
  const wanted = KEEPS.flatMap((name) => NUMBERS.map((n) => idOf(name, n)))
  const end = performance.now() + PATIENCE * 1_000
  for (;;) {
    const found = await reader.read()
    if (wanted.every((id) => found.indexes.has(id)) || performance.now() > end) break
    await sleep(1_000)
  }
  await sleep(2_000) // a duplicate may still be on its way
  return reader.read()
}

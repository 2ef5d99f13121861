// The senders: each sends COUNT numbered events with what its page in docs/senders tells people to use.
import { mkdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { run } from '../programs.ts'
import type { Certificate } from './certificate.ts'
import { blockOf, linesOf } from './pages.ts'
import { freePort, type Running, startProcess } from './processes.ts'

/** Events of each sender, and milliseconds between them. */
export const COUNT = 200
const INTERVAL = 500

export interface Ground {
  /** URL of the log that takes the events. */
  readonly log: string
  /** What vouches for the URL and the syslog listener; a file. */
  readonly certificate: string
  /** May append events. */
  readonly key: string
  /** Where the syslog listener is, for TLS. */
  readonly syslogPort: number
  /** Empty, and the senders' own. */
  readonly folder: string
  /** `node_modules` with what package.json has. */
  readonly modules: string
  /** Programs that were built; undefined where it cannot be. */
  readonly collector: string | undefined
  readonly kubeAudit: string | undefined
  readonly rsyslog: boolean
}

export interface Sender {
  readonly name: string
  /** Resolves when it has sent all, or has given to its agent what that keeps; with what it said. */
  send(): Promise<string>
}

export interface Agents {
  readonly senders: readonly Sender[]
  /** Kills the Collector where it stands, and starts it again. */
  crash(): Promise<void>
  /** Ends what still runs. */
  stop(): Promise<void>
}

const DRIVER = fileURLToPath(new URL('drive.mjs', import.meta.url))
const LOG = 'https://log.example/logs/default'

/** Starts the agents; the senders wait until they are told to. */
export async function startAgents(ground: Ground): Promise<Agents> {
  const apps = appsIn(ground)
  const senders = [...apps.cloudEvents(), apps.hec(), ...apps.otelDirect(), curl(ground)]
  if (ground.kubeAudit !== undefined) senders.push(kubeAudit(ground, ground.kubeAudit))
  const running: (() => Promise<void>)[] = []
  let crash = async (): Promise<void> => {}
  if (ground.collector !== undefined) {
    const port = await freePort()
    const start = collectorStarter(ground, ground.collector, port)
    let collector = start()
    await listening(port, collector)
    crash = async () => {
      await collector.stop('SIGKILL')
      collector = start()
    }
    running.push(() => collector.stop('SIGTERM'))
    senders.push(apps.otel('otel-collector', 'audit-log.mjs', `http://127.0.0.1:${port}/v1/logs`))
  }
  if (ground.rsyslog) {
    const { sender, process } = rsyslog(ground)
    running.push(() => process.stop('SIGTERM'))
    senders.push(sender)
  }
  return {
    senders,
    crash,
    async stop() {
      for (const stop of running) await stop()
    },
  }
}

/** What is a module in a page, run by the driver. */
function appsIn({ folder, modules, log, key, certificate }: Ground) {
  symlinkSync(modules, join(folder, 'node_modules'))

  function app(
    name: string,
    block: string,
    env: Readonly<Record<string, string>> = {},
  ): () => Promise<string> {
    const file = join(folder, `${name}.mjs`)
    writeFileSync(file, block)
    const all = { PROOFLOG_KEY: key, NODE_EXTRA_CA_CERTS: certificate, ...env }
    return () =>
      ended(startProcess(process.execPath, [DRIVER, file, name, `${COUNT}`, `${INTERVAL}`], { env: all }))
  }
  function otel(name: string, module: string, endpoint: string): Sender {
    const env = { OTEL_EXPORTER_OTLP_LOGS_ENDPOINT: endpoint, ...headersOf(key) }
    return { name, send: app(name, blockOf('opentelemetry-js.md', module), env) }
  }
  return {
    otel,
    otelDirect(): Sender[] {
      return [
        otel('otel-direct', 'audit-log.mjs', `${log}/v1/logs`),
        otel('otel-patient', 'patient-audit-log.mjs', `${log}/v1/logs`),
      ]
    },
    cloudEvents(): Sender[] {
      const at = { [LOG]: log }
      const structured = blockOf('cloudevents.md', 'audit-log.mjs', at)
      const modes = {
        'ce-structured': structured,
        'ce-binary': structured.replace('Mode.STRUCTURED', 'Mode.BINARY'),
        'ce-batch': blockOf('cloudevents.md', 'batch-audit-log.mjs', at),
      }
      return Object.entries(modes).map(([name, block]) => ({ name, send: app(name, block) }))
    },
    hec(): Sender {
      const block = blockOf('splunk-hec.md', 'audit-log.mjs', { [LOG]: log })
      return { name: 'hec', send: app('hec', block) }
    },
  }
}

/** The page has the SDK's own variable for it. */
function headersOf(key: string): Record<string, string> {
  const block = blockOf('opentelemetry-js.md', 'the environment: to the log', { $PROOFLOG_KEY: key })
  const headers = linesOf(block).find((line) => line.startsWith('OTEL_EXPORTER_OTLP_LOGS_HEADERS='))
  return { OTEL_EXPORTER_OTLP_LOGS_HEADERS: headers?.replace(/^[^=]*=/, '') ?? '' }
}

function collectorStarter(ground: Ground, program: string, port: number): () => Running {
  const { folder, log, key, certificate } = ground
  const config = join(folder, 'otelcol.yaml')
  const here = { [LOG]: log, 'localhost:4318': `127.0.0.1:${port}`, '/var/lib/otelcol': folder }
  writeFileSync(config, blockOf('opentelemetry-collector.md', '/etc/otelcol/config.yaml', here))
  // Its own metrics would take a fixed port.
  const quiet = join(folder, 'quiet.yaml')
  writeFileSync(quiet, 'service: { telemetry: { metrics: { level: none } } }')
  const env = { PROOFLOG_KEY: key, SSL_CERT_FILE: certificate }
  return () => startProcess(program, [`--config=${config}`, `--config=${quiet}`], { env })
}

function kubeAudit({ folder, log, key, certificate }: Ground, program: string): Sender {
  const name = 'kube'
  const files = '/etc/kubernetes/audit'
  writeFileSync(
    join(folder, 'prooflog.kubeconfig'),
    blockOf('kubernetes.md', `${files}/prooflog.kubeconfig`, { [LOG]: log, PROOFLOG_KEY: key }),
  )
  writeFileSync(join(folder, 'policy.yaml'), blockOf('kubernetes.md', `${files}/policy.yaml`))
  const flags = linesOf(blockOf('kubernetes.md', 'flags of kube-apiserver', { [files]: folder }))
  const ours = [`--name=${name}`, `--count=${COUNT}`, `--interval=${INTERVAL}ms`]
  const env = { SSL_CERT_FILE: certificate }
  return { name, send: () => ended(startProcess(program, [...flags, ...ours], { env })) }
}

/** `PROOFLOG_SYSLOG`, as the page has it. */
export function syslogSetting(port: number, tls: Certificate): string {
  const here = {
    '0.0.0.0:6514': `127.0.0.1:${port}`,
    '/etc/prooflog/tls.crt': tls.certificate,
    '/etc/prooflog/tls.key': tls.key,
  }
  const [line = ''] = linesOf(blockOf('rsyslog.md', 'the environment of prooflog', here))
  return line.replace(/^PROOFLOG_SYSLOG='(.*)'$/, '$1')
}

function rsyslog({ folder, syslogPort, certificate }: Ground): { sender: Sender; process: Running } {
  const socket = join(folder, 'log.socket')
  const spool = join(folder, 'rsyslog')
  mkdirSync(spool)
  // What every system's /etc/rsyslog.conf has: where messages come from, and where queues are kept.
  const preamble = `global(workDirectory="${spool}")
module(load="imuxsock" SysSock.Use="off")
input(type="imuxsock" Socket="${socket}" RateLimit.Interval="0")
`
  const here = {
    'target="log.example"': 'target="127.0.0.1"',
    '"6514"': `"${syslogPort}"`,
    '/etc/ssl/certs/ca-certificates.crt': certificate,
  }
  const config = join(folder, 'rsyslog.conf')
  writeFileSync(config, preamble + blockOf('rsyslog.md', '/etc/rsyslog.d/60-prooflog.conf', here))
  const process = startProcess('rsyslogd', ['-n', '-f', config, '-i', join(folder, 'rsyslog.pid')])
  async function send(): Promise<string> {
    for await (const id of ids('syslog')) {
      const message = `invoice paid: ${id}`
      const args = ['-u', socket, '-t', 'shop', '-p', 'authpriv.notice', '--', message]
      const { status, all } = await run('logger', args)
      if (status !== 0) throw new Error(`${all}\n${process.said()}`)
    }
    return process.said()
  }
  return { process, sender: { name: 'syslog', send } }
}

/** A writer of files, and the script that a timer runs: here again and again, at once. */
function curl({ folder, log, key, certificate }: Ground): Sender {
  const spool = join(folder, 'spool')
  mkdirSync(spool)
  const script = join(folder, 'prooflog-ship')
  writeFileSync(script, blockOf('curl.md', 'prooflog-ship', { [LOG]: log, '/var/spool/prooflog': spool }))
  const [example = ''] = linesOf(blockOf('curl.md', '{"id":'))
  let said = ''
  const ship = async (): Promise<boolean> => {
    const shipping = startProcess('sh', [script], { env: { PROOFLOG_KEY: key, CURL_CA_BUNDLE: certificate } })
    const well = await shipping.ended().then(
      () => true,
      () => false,
    )
    said += shipping.said()
    return well
  }
  async function write(): Promise<void> {
    for await (const id of ids('curl')) {
      const line = JSON.stringify({ ...JSON.parse(example), id, time: new Date().toISOString() })
      writeFileSync(join(spool, 'unfinished'), `${line}\n`)
      renameSync(join(spool, 'unfinished'), join(spool, `${id}.ndjson`))
    }
  }
  async function send(): Promise<string> {
    let writing = true
    const written = write().finally(() => (writing = false))
    while (writing) {
      await ship()
      await sleep(1_000)
    }
    await written
    for (let tries = 0; !(await ship()); tries++) {
      if (tries === 60) throw new Error(said)
      await sleep(1_000)
    }
    return said
  }
  return { name: 'curl', send }
}

/** Names of events, when it is time for them. */
async function* ids(sender: string): AsyncGenerator<string> {
  const start = Date.now()
  for (let n = 1; n <= COUNT; n++) {
    await sleep(Math.max(0, start + n * INTERVAL - Date.now()))
    yield idOf(sender, n)
  }
}

/** What a sender calls its event. @param n from 1 */
export function idOf(sender: string, n: number): string {
  return `${sender}-${String(n).padStart(5, '0')}`
}

async function ended(running: Running): Promise<string> {
  await running.ended()
  return running.said()
}

async function listening(port: number, process: Running): Promise<void> {
  for (let tries = 0; tries < 100; tries++) {
    const answered = await fetch(`http://127.0.0.1:${port}/`).then(
      () => true,
      () => false,
    )
    if (answered) return
    await sleep(100)
  }
  throw new Error(`nothing listens on port ${port}: ${process.said()}`)
}

// Configuration comes from the environment, is read once, and is complete or refused as a whole.
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { type S3Settings, s3Settings } from './s3/settings.ts'
import { shapeFault } from './shape/shape-faults.ts'

export interface Config {
  /** `PROOFLOG_DATA`: folder for what is not in the database: keys, guard, admin key, the embedded database. Default `./data`. */
  readonly dataDir: string
  /** `PROOFLOG_KEYS`: folder of the logs' private keys. Default `<data>/keys`. */
  readonly keysDir: string
  /**
   * `PROOFLOG_GUARD`: where the last signed heads are kept, away from the database and its backups; one or several, with
   * spaces between: a folder, `postgres://…` or `s3://bucket/prefix`. Default `<data>/guard`.
   */
  readonly guards: readonly string[]
  /** How buckets are reached: the standard `AWS_…` variables. */
  readonly s3: S3Settings
  /** `PORT`, default 8080; 0 takes a free one. */
  readonly port: number
  /** `PROOFLOG_HOST`: address to listen on. Default 127.0.0.1: nobody else reaches the service unless told so. */
  readonly host: string
  /** `PROOFLOG_URL`: where others reach the service; without scheme it is the prefix of the origins of new logs. Default http://localhost:<port>. */
  readonly publicUrl: string
  /** `DATABASE_URL`: any Postgres from 15 on; without it a Postgres of our own runs in `<data>/postgres`. */
  readonly databaseUrl: string | undefined
  /** `PROOFLOG_OWNER_DATABASE_URL`: the login that applies migrations, when DATABASE_URL is a login with the service's rights only. */
  readonly ownerDatabaseUrl: string | undefined
  /** `PROOFLOG_PUBLISH_MS`: milliseconds between checkpoints while the log grows, 50 to 60,000. Default 1,000. */
  readonly publishInterval: number
  /** `PROOFLOG_HEARTBEAT_MS`: an unchanged log is signed anew after this many milliseconds, 1,000 to 86,400,000. Default 600,000. */
  readonly heartbeat: number
  /** `PROOFLOG_CONTACT`: whom a witness asks about the logs; one line in `/logs.v0`. Default PROOFLOG_URL. */
  readonly contact: string
  /** `PROOFLOG_POLICIES`: folder of the logs' policies, `<log>.policy`: who must cosign (docs/witnesses.md). Default `<data>/policies`. */
  readonly policiesDir: string
  /** `PROOFLOG_WITNESS_TIMEOUT_MS`: how long publication waits for witnesses, 50 to 30,000. Default 1,000. */
  readonly witnessTimeout: number
  /** `PROOFLOG_WITNESS_FAIL`: `closed` (default) publishes nothing without the quorum, `open` publishes all the same. */
  readonly witnessFailOpen: boolean
  /** `PROOFLOG_WITNESS_QPD`: checkpoints a day that witnesses get of one log at most, 1 to 1,728,000. Default 86,400. */
  readonly witnessPerDay: number
  /** `PROOFLOG_SELF_CHECK_RATE`: entries a second that the self-check reads, to 10,000,000; 0 turns it off. Default 10,000. */
  readonly selfCheckRate: number
  /** `PROOFLOG_VAULT_KEY`: file of the keys that encrypt what is personal. Default `<data>/vault.key`. */
  readonly vaultKeyFile: string
  /** `PROOFLOG_SEAL_THREADS`: threads beside the one that answers, which read and seal large requests, to 16. Default 1. */
  readonly sealThreads: number
  /** `PROOFLOG_SEARCH`: `on` (default) has this process index events and answer searches. */
  readonly search: boolean
  /** `PROOFLOG_OIDC`: file that says which identity providers are believed, and what their tokens may do. */
  readonly oidcFile: string | undefined
  /** `PROOFLOG_RATE_APPEND`: events a second that one key may send to one process, to 10,000,000; 0, the default, for no limit. */
  readonly rateAppend: number
  /** `PROOFLOG_RATE_READ`: other requests a second of one key, to 1,000,000; 0 for no limit. Default 100. */
  readonly rateRead: number
  /** `PROOFLOG_OTLP_AUDIT`: `on` serves the draft of the OpenTelemetry audit signal at `/v1/audit`. */
  readonly otlpAudit: boolean
  /** `PROOFLOG_PRODUCERS`: file that names the certificates and keys whose signatures over events are believed. */
  readonly producersFile: string | undefined
  /** `PROOFLOG_GEOIP`: a MaxMind database file (`.mmdb`), by which addresses get a place. */
  readonly geoipFile: string | undefined
  /** `PROOFLOG_SYSLOG`: where syslog is taken in, with spaces between: `tcp://host:port?log=…&source=…` or `tls://…`. */
  readonly syslog: readonly SyslogListener[]
  /** `PROOFLOG_LOG_LEVEL`: trace, debug, info, warn, error or silent. Default info. */
  readonly logLevel: LogLevel
}

/** A port for syslog (RFC 5424 over TCP or TLS), and where its messages go. */
export interface SyslogListener {
  readonly host: string
  readonly port: number
  readonly log: string
  readonly source: string
  /** Files of certificate and key, and of the authorities whose clients are let in; undefined for plain TCP. */
  readonly tls: { readonly cert: string; readonly key: string; readonly ca: string | undefined } | undefined
}

const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
type LogLevel = (typeof LOG_LEVELS)[number]

const decimal = z.string().regex(/^(0|[1-9][0-9]*)$/, 'must be a whole number')
const whole = (least: number, most: number): z.ZodType<number, string> =>
  decimal.transform(Number).pipe(z.number().min(least).max(most))
const postgresUrl = z.string().regex(/^postgres(ql)?:\/\//, 'must begin with postgres://')

const environment = z.object({
  PROOFLOG_DATA: z.string().min(1).default('./data'),
  PROOFLOG_KEYS: z.string().min(1).optional(),
  PROOFLOG_GUARD: z
    .string()
    .min(1)
    // A slip of the pen in the scheme must not make a guard of a folder that nobody meant, named after a password.
    .refine((list) => !places(list).some((place) => /^[^/]*:\/\//.test(place) && !isAddress(place)), {
      error: 'each place is a folder, postgres://… or s3://bucket/prefix',
    })
    .optional(),
  PORT: whole(0, 65_535).default(8080),
  PROOFLOG_HOST: z.string().min(1).default('127.0.0.1'),
  PROOFLOG_URL: z.url({ protocol: /^https?$/ }).optional(),
  DATABASE_URL: postgresUrl.optional(),
  PROOFLOG_OWNER_DATABASE_URL: postgresUrl.optional(),
  PROOFLOG_PUBLISH_MS: whole(50, 60_000).default(1_000),
  PROOFLOG_HEARTBEAT_MS: whole(1_000, 86_400_000).default(600_000),
  PROOFLOG_CONTACT: z
    .string()
    .regex(/^\S(.*\S)?$/, 'must be one line of text')
    .optional(),
  PROOFLOG_POLICIES: z.string().min(1).optional(),
  PROOFLOG_WITNESS_TIMEOUT_MS: whole(50, 30_000).default(1_000),
  PROOFLOG_WITNESS_FAIL: z.enum(['closed', 'open']).default('closed'),
  PROOFLOG_WITNESS_QPD: whole(1, 1_728_000).default(86_400),
  PROOFLOG_SELF_CHECK_RATE: whole(0, 10_000_000).default(10_000),
  PROOFLOG_VAULT_KEY: z.string().min(1).optional(),
  PROOFLOG_SEAL_THREADS: whole(0, 16).default(1),
  PROOFLOG_SEARCH: z.enum(['on', 'off']).default('on'),
  PROOFLOG_OIDC: z.string().min(1).optional(),
  PROOFLOG_RATE_APPEND: whole(0, 10_000_000).default(0),
  PROOFLOG_RATE_READ: whole(0, 1_000_000).default(100),
  PROOFLOG_OTLP_AUDIT: z.enum(['on', 'off']).default('off'),
  PROOFLOG_PRODUCERS: z.string().min(1).optional(),
  PROOFLOG_GEOIP: z.string().min(1).optional(),
  PROOFLOG_SYSLOG: z.string().transform(syslogOf).default([]),
  PROOFLOG_LOG_LEVEL: z.enum(LOG_LEVELS).default('info'),
})

/** What is wrong with the environment, all of it; the program's exit code is 2. */
export class ConfigError extends Error {
  readonly code = 'invalid_configuration'
}

/**
 * @param env variables set to the empty string count as not set
 * @throws ConfigError naming every variable that is wrong; values are not repeated, they may be secrets
 */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const given = Object.fromEntries(Object.entries(env).filter(([, value]) => value !== ''))
  const parsed = environment.safeParse(given, { error: shapeFault })
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`)
    throw new ConfigError(`the environment is not usable: ${faults.join('; ')}`)
  }
  const { data } = parsed
  const dataDir = resolve(data.PROOFLOG_DATA)
  const publicUrl = (data.PROOFLOG_URL ?? `http://localhost:${data.PORT}`).replace(/\/+$/, '')
  return Object.freeze({
    dataDir,
    keysDir: resolve(data.PROOFLOG_KEYS ?? join(dataDir, 'keys')),
    guards: guardsOf(data.PROOFLOG_GUARD ?? '') ?? [join(dataDir, 'guard')],
    s3: s3Settings(env),
    port: data.PORT,
    host: data.PROOFLOG_HOST,
    publicUrl,
    databaseUrl: data.DATABASE_URL,
    ownerDatabaseUrl: data.PROOFLOG_OWNER_DATABASE_URL,
    publishInterval: data.PROOFLOG_PUBLISH_MS,
    heartbeat: data.PROOFLOG_HEARTBEAT_MS,
    contact: data.PROOFLOG_CONTACT ?? publicUrl,
    policiesDir: resolve(data.PROOFLOG_POLICIES ?? join(dataDir, 'policies')),
    witnessTimeout: data.PROOFLOG_WITNESS_TIMEOUT_MS,
    witnessFailOpen: data.PROOFLOG_WITNESS_FAIL === 'open',
    witnessPerDay: data.PROOFLOG_WITNESS_QPD,
    selfCheckRate: data.PROOFLOG_SELF_CHECK_RATE,
    vaultKeyFile: resolve(data.PROOFLOG_VAULT_KEY ?? join(dataDir, 'vault.key')),
    sealThreads: data.PROOFLOG_SEAL_THREADS,
    search: data.PROOFLOG_SEARCH === 'on',
    oidcFile: fileOf(data.PROOFLOG_OIDC),
    rateAppend: data.PROOFLOG_RATE_APPEND,
    rateRead: data.PROOFLOG_RATE_READ,
    otlpAudit: data.PROOFLOG_OTLP_AUDIT === 'on',
    producersFile: fileOf(data.PROOFLOG_PRODUCERS),
    geoipFile: fileOf(data.PROOFLOG_GEOIP),
    syslog: data.PROOFLOG_SYSLOG,
    logLevel: data.PROOFLOG_LOG_LEVEL,
  })
}

function fileOf(path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(path)
}

const SYSLOG_PARAMETERS = ['log', 'source', 'cert', 'key', 'ca']

function syslogOf(list: string, context: z.RefinementCtx): SyslogListener[] {
  return places(list).flatMap((place) => {
    const listener = syslogListener(place)
    if (typeof listener === 'object') return [listener]
    context.addIssue({ code: 'custom', message: listener })
    return []
  })
}

/** @returns the listener, or what is wrong with it */
function syslogListener(place: string): SyslogListener | string {
  if (!/^(tcp|tls):\/\/[^/?]+:[0-9]+\/?(\?|$)/.test(place) || !URL.canParse(place))
    return 'each listener is tcp://host:port?log=…&source=… or tls://host:port?log=…&source=…&cert=FILE&key=FILE'
  const { hostname, port, searchParams } = new URL(place)
  const unknown = [...searchParams.keys()].find((name) => !SYSLOG_PARAMETERS.includes(name))
  if (unknown !== undefined)
    return `unknown parameter ${unknown}; known here: ${SYSLOG_PARAMETERS.join(', ')}`
  const [cert, key] = [searchParams.get('cert'), searchParams.get('key')]
  const secure = place.startsWith('tls:')
  if (secure !== (cert !== null && key !== null)) return 'tls:// needs cert and key, and tcp:// takes none'
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port),
    log: searchParams.get('log') ?? 'default',
    source: searchParams.get('source') ?? 'syslog',
    tls:
      cert === null || key === null
        ? undefined
        : { cert: resolve(cert), key: resolve(key), ca: fileOf(searchParams.get('ca') ?? undefined) },
  }
}

function guardsOf(list: string): string[] | undefined {
  const found = places(list)
  return found.length === 0 ? undefined : found.map((place) => (isAddress(place) ? place : resolve(place)))
}

function places(list: string): string[] {
  return list.split(/\s+/).filter((place) => place !== '')
}

function isAddress(place: string): boolean {
  return /^(postgres|postgresql|s3):\/\//.test(place)
}

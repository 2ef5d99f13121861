// Configuration comes from the environment, is read once, and is complete or refused as a whole.
import { join, resolve } from 'node:path'
import { z } from 'zod'
import { type S3Settings, s3Settings } from './s3/settings.ts'

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
  /** `PROOFLOG_LOG_LEVEL`: trace, debug, info, warn, error or silent. Default info. */
  readonly logLevel: LogLevel
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
  const parsed = environment.safeParse(given)
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
    logLevel: data.PROOFLOG_LOG_LEVEL,
  })
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

// The pool of connections to Postgres, and the two column types the driver does not map by itself.
import { drizzle, type PostgresJsDatabase } from 'drizzle-orm/postgres-js'
import postgres from 'postgres'
import { ARRAY_TYPES } from './array-types.ts'
import { openSocket } from './open-socket.ts'
import { createTransactions } from './transactions.ts'

/** `bigint` columns arrive as safe integers: sizes and indexes are numbers everywhere (DESIGN: sizes < 2^53). */
const SIZE_TYPE = {
  to: 20,
  from: [20],
  serialize: (value: number | bigint): string => value.toString(),
  parse: parseSize,
}

export type Sql = postgres.Sql<{ bigint: number }>
/** What `sql.begin` gives: see transactions.ts; there are no savepoints. */
export type Transaction = postgres.TransactionSql<{ bigint: number }>

export interface Database {
  /** Hot paths and statements whose exact text is the point. */
  readonly sql: Sql
  /** Everything else. */
  readonly orm: PostgresJsDatabase
  readonly close: () => Promise<void>
}

export interface ConnectOptions {
  /** `postgres://user:password@host:port/database?sslmode=…`; `?host=/folder` for a Unix socket, as in libpq. */
  readonly url: string
  /** Connections at most; and as many again for transactions, made when they are needed. */
  readonly max?: number
  /** Role whose rights every connection has. A login that is more than that could take its own back: see docs/operations.md. */
  readonly role?: string
  /** Postgres settings of every connection, beyond ours. */
  readonly settings?: Readonly<Record<string, string>>
  /** Shown in pg_stat_activity. */
  readonly name?: string
  /** A statement that runs longer is cancelled by the server; milliseconds, 0 for none. */
  readonly statementTimeout?: number
}

/** Opens a pool; connections are made on first use. */
export function connect(options: ConnectOptions): Database {
  const { url, host } = splitSocketHost(options.url)
  // Not a literal in the call: the driver's types do not know `socket`.
  const driver = {
    max: options.max ?? 10,
    connect_timeout: 10,
    // Seconds between attempts; the driver's own grow to 20, for each statement that waits.
    backoff: () => 0.1 + Math.random() / 5,
    onnotice: () => {},
    types: { bigint: SIZE_TYPE, ...ARRAY_TYPES },
    fetch_types: false,
    connection: {
      application_name: options.name ?? 'prooflog',
      statement_timeout: options.statementTimeout ?? 60_000,
      // A process that vanishes without closing its sockets must not hold the head's lock, or the publisher's, for hours.
      idle_in_transaction_session_timeout: 30_000,
      tcp_keepalives_idle: 10,
      tcp_keepalives_interval: 5,
      tcp_keepalives_count: 3,
      ...options.settings,
      ...(options.role === undefined ? {} : { role: options.role }),
    },
    socket: openSocket,
    ...(host === undefined ? {} : { host }),
  }
  const sql = postgres(url, driver)
  const orm = drizzle(sql)
  const transactions = createTransactions((onLost) => {
    const line = postgres(url, { ...driver, max: 1, onclose: onLost })
    drizzle(line) // it changes how the driver maps times: the same way in both
    return line
  }, driver.max)
  Object.assign(sql, { begin: transactions.begin })
  return {
    sql,
    orm,
    async close() {
      await transactions.close()
      await sql.end({ timeout: 5 })
    },
  }
}

/** The driver would send `?host=` to the server as a setting; it takes a socket's folder as an option only. */
function splitSocketHost(text: string): { url: string; host?: string } {
  if (!URL.canParse(text)) return { url: text } // several hosts; the driver reads those
  const url = new URL(text)
  const host = url.searchParams.get('host')
  if (host === null) return { url: text }
  url.searchParams.delete('host')
  return { url: url.href, host }
}

function parseSize(text: string): number {
  const value = Number(text)
  if (!Number.isSafeInteger(value))
    throw new RangeError(`bigint ${text} from the database is not a safe integer`)
  return value
}

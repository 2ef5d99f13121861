// The service as a process of its own, to be killed.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { inject } from 'vitest'

export interface ServiceProcess {
  readonly url: string
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>
  /** What it wrote to stderr. */
  readonly errors: () => string
}

/**
 * Starts `prooflog serve`, or another service, on a free port; resolves when it serves.
 * @param env settings besides the data folder; nothing of this process's settings leaks in
 */
export async function startService(
  dataDir: string,
  env: Readonly<Record<string, string>>,
  command: readonly string[] = ['serve'],
): Promise<ServiceProcess> {
  const child = spawn(process.execPath, [inject('program'), ...command], {
    env: {
      PATH: process.env['PATH'] ?? '',
      PROOFLOG_DATA: dataDir,
      PROOFLOG_PUBLISH_MS: '50',
      PROOFLOG_LOG_LEVEL: 'error',
      PROOFLOG_SEARCH: 'off', // a thread more for each service; tests of searches turn it on
      PORT: '0',
      ...env,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let errors = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (errors += text))
  const url = await firstLine(child)
  if (url === undefined) throw new Error(`the service did not start:\n${errors}`)
  return {
    url,
    errors: () => errors,
    async kill() {
      if (child.exitCode !== null || child.signalCode !== null) return
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
  }
}

/** The key of the first start. */
export function adminKey(dataDir: string): string {
  return readFileSync(join(dataDir, 'admin.key'), 'utf8').trim()
}

async function firstLine(child: ChildProcess): Promise<string | undefined> {
  if (child.stdout === null) throw new Error('no stdout')
  for await (const line of createInterface({ input: child.stdout })) return line
  return undefined
}

// Senders as processes, with what they said kept for the message of a failed test.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'

export interface Running {
  /** Resolves at its end. @throws Error with all it said, when it did not end well */
  ended(): Promise<void>
  /** Everything it wrote. */
  said(): string
  /** Ends it, unless it has ended. */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<void>
}

const alive = new Set<ChildProcess>()

/** Kills every process that was started and still runs: a sender that never gives up would outlive its test. */
export async function killAll(): Promise<void> {
  const children = [...alive]
  for (const child of children) child.kill('SIGKILL')
  await Promise.all(children.map(endOf))
}

/** @param env beside PATH and HOME: nothing else of this process's environment leaks in */
export function startProcess(
  program: string,
  args: readonly string[],
  options: { env?: Readonly<Record<string, string>>; cwd?: string } = {},
): Running {
  const { PATH = '', HOME = '' } = process.env
  const child = spawn(program, args, {
    env: { PATH, HOME, ...options.env } as unknown as NodeJS.ProcessEnv,
    ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let said = ''
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (said += text))
  alive.add(child)
  const closed = endOf(child).finally(() => alive.delete(child))
  return {
    said: () => said,
    async ended() {
      const end = await closed
      if (end !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${end}:\n${said}`)
    },
    async stop(signal) {
      child.kill(signal)
      await closed
    },
  }
}

async function endOf(child: ChildProcess): Promise<number | string> {
  try {
    const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
    return code ?? String(signal)
  } catch (error) {
    return String(error) // it did not start
  }
}

/** A port of the loopback that was free a moment ago. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

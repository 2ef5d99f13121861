// omniwitness and litewitness as processes, to be killed, held and started again on what they remember.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { vi } from 'vitest'
import { formatVkey, generateSkey, parseVkey, vkeyOf } from '../../src/core/keys.ts'
import { run } from './programs.ts'
import type { LogToCheck } from './service.ts'

export interface WitnessProcess {
  /** Lines of a policy, with their names. */
  readonly lines: readonly string[]
  readonly names: readonly string[]
  /** SIGKILL; resolves when it is dead. */
  kill(): Promise<void>
  /** Starts it again; resolves when it listens. */
  start(): Promise<void>
  /** Neither answers nor refuses until it goes on. */
  hold(): void
  goOn(): void
}

export interface Witnesses {
  /** Takes the logs of our list. */
  omniwitness(logList: string): Promise<WitnessProcess>
  /** Knows one log. */
  litewitness(log: LogToCheck): Promise<WitnessProcess>
  /** Kills all. */
  stop(): Promise<void>
}

const SEED = new Uint8Array(32).fill(42)
const execute = promisify(execFile)

/** @param folder where the programs are, and what they remember */
export function witnessesIn(folder: string): Witnesses {
  const running = new Set<ChildProcess>()

  function start(program: string, args: readonly string[]): ChildProcess {
    const debug = process.env['PROOFLOG_DEBUG'] ? 'inherit' : 'ignore'
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', debug] })
    running.add(child)
    return child
  }

  async function kill(child: ChildProcess): Promise<void> {
    running.delete(child)
    if (child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }

  async function witness(
    program: string,
    args: (port: number) => readonly string[],
    vkeys: readonly string[],
  ): Promise<WitnessProcess> {
    const port = await freePort()
    const names = vkeys.map((_, i) => (i === 0 ? program : `${program}-${i + 1}`))
    let child: ChildProcess | undefined
    const started: WitnessProcess = {
      names,
      lines: vkeys.map((vkey, i) => `witness ${names[i]} ${vkey} http://127.0.0.1:${port}`),
      kill: async () => child && kill(child),
      async start() {
        child = start(join(folder, program), args(port))
        await listening(port)
      },
      hold: () => void child?.kill('SIGSTOP'),
      goOn: () => void child?.kill('SIGCONT'),
    }
    await started.start()
    return started
  }

  return {
    omniwitness(logList) {
      const name = 'omniwitness.example'
      const skeys = ([0x01, 0x06] as const).map((type) => generateSkey(name, type, SEED))
      const files = skeys.map((skey, i) => {
        const file = join(folder, `omni-${i}.skey`)
        writeFileSync(file, skey)
        return file
      })
      const args = (port: number): string[] => [
        `--listen=127.0.0.1:${port}`,
        '--metrics_listen=',
        `--db_file=${join(folder, 'omni.db')}`,
        ...files.map((file) => `--private_key_path=${file}`),
        `--public_witness_config_url=${logList}`,
      ]
      const { publicKey } = parseVkey(vkeyOf(skeys[0] ?? ''))
      return witness('omniwitness', args, [formatVkey(name, 0x04, publicKey), vkeyOf(skeys[1] ?? '')])
    },
    async litewitness(log) {
      const name = 'litewitness.example'
      const socket = join(folder, 'agent')
      const key = join(folder, 'lite-key')
      const database = join(folder, 'lite.db')
      await execute('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
      start('/usr/bin/env', ['ssh-agent', '-D', '-a', socket])
      const env = { ...process.env, SSH_AUTH_SOCK: socket }
      await vi.waitFor(() => execute('ssh-add', [key], { env }), { timeout: 10_000 })
      const { stdout } = await execute('ssh-keygen', ['-lf', `${key}.pub`])
      for (const args of [
        ['add-log', '-db', database, '-origin', log.origin],
        ['add-key', '-db', database, '-origin', log.origin, '-key', log.vkeys[0]],
      ]) {
        const { status, all } = await run(join(folder, 'witnessctl'), args)
        if (status !== 0) throw new Error(all)
      }
      const args = (port: number): string[] => [
        `-db=${database}`,
        `-name=${name}`,
        `-ssh-agent=${socket}`,
        `-key=${stdout.split(' ')[1]}`,
        `-listen=127.0.0.1:${port}`,
      ]
      const blob = Buffer.from(readFileSync(`${key}.pub`, 'utf8').split(' ')[1] ?? '', 'base64')
      return witness('litewitness', args, [formatVkey(name, 0x04, new Uint8Array(blob.subarray(-32)))])
    },
    async stop() {
      await Promise.all([...running].map(kill))
    },
  }
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function listening(port: number): Promise<void> {
  const tried = async (): Promise<void> => {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect').finally(() => socket.destroy())
  }
  await vi.waitFor(tried, { timeout: 30_000, interval: 100 })
}

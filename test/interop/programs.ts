// The programs of others, built from source by the Go tool. Their versions are pinned: those of Tessera and versitygw here, the
// libraries of our own small program in go/go.mod and go/go.sum.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

export interface Ran {
  /** Null when it took too long and was killed. */
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
  /** Command line and all output, for the message of a failed check. */
  readonly all: string
}

const TESSERA = 'github.com/transparency-dev/tessera@v1.0.4'
const VERSITYGW = 'github.com/versity/versitygw@v1.8.0'
const GO_FOLDER = fileURLToPath(new URL('go', import.meta.url))
const TESSERA_FOLDER = fileURLToPath(new URL('go-tessera', import.meta.url))
const WITNESSES_FOLDER = fileURLToPath(new URL('go-witnesses', import.meta.url))
/** Milliseconds. Building includes the download of some 40 modules the first time. */
const RUN_LIMIT = 120_000
const BUILD_LIMIT = 300_000

/** Why there can be no programs on this machine: undefined when there can. */
export async function whyNoGo(): Promise<string | undefined> {
  try {
    const { stderr } = await run('go', ['-C', GO_FOLDER, 'list', '-m'])
    return /requires go >=/.test(stderr) ? `Go is too old here: ${stderr.trim()}` : undefined
  } catch (error) {
    return `Go is not installed here (${String(error)})`
  }
}

/** Builds `peer` (ours, in go/). @throws Error with the output of the Go tool */
export async function buildPeer(folder: string): Promise<void> {
  await go('-C', GO_FOLDER, 'build', '-o', join(folder, 'peer'), '.')
}

/**
 * Builds programs of Tessera, each called as the last part of its package.
 * @param packages as `./cmd/fsck`
 * @throws Error with the output of the Go tool
 */
export async function buildTessera(folder: string, ...packages: readonly string[]): Promise<void> {
  await go('-C', await sourceOf(TESSERA), 'build', '-o', `${folder}/`, ...packages)
}

/** Builds Tessera's `integration.test`. @throws Error with the output of the Go tool */
export async function buildTesseraTest(folder: string): Promise<void> {
  const to = join(folder, 'integration.test')
  await go('-C', await sourceOf(TESSERA), 'test', '-c', '-o', to, './integration')
}

/** Builds `versitygw`, an S3 gateway with conditional writes. @throws Error with the output of the Go tool */
export async function buildGateway(folder: string): Promise<void> {
  await go('-C', await sourceOf(VERSITYGW), 'build', '-o', `${folder}/`, './cmd/versitygw')
}

/** Builds `tessera-log` (ours, in go-tessera/). @throws Error with the output of the Go tool */
export async function buildTesseraLog(folder: string): Promise<void> {
  await go('-C', TESSERA_FOLDER, 'build', '-o', join(folder, 'tessera-log'), '.')
}

/** Builds `omniwitness`, `litewitness` and `witnessctl`. @throws Error with the output of the Go tool */
export async function buildWitnesses(folder: string): Promise<void> {
  const torchwood = ['litewitness', 'witnessctl'].map((name) => `filippo.io/torchwood/cmd/${name}`)
  const omniwitness = 'github.com/transparency-dev/witness/cmd/omniwitness'
  await go('-C', WITNESSES_FOLDER, 'build', '-o', `${folder}/`, ...torchwood, omniwitness)
}

/** Runs a program to its end. @param limit milliseconds until it is killed */
export async function run(program: string, args: readonly string[], limit = RUN_LIMIT): Promise<Ran> {
  const child = spawn(program, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: limit,
    killSignal: 'SIGKILL',
  })
  let stdout = ''
  let stderr = ''
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()))
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()))
  await once(child, 'close')
  const status = child.exitCode
  return { status, stdout, stderr, all: `${program} ${args.join(' ')}\nstatus ${status}\n${stdout}${stderr}` }
}

/** Folder that a module was downloaded to. */
async function sourceOf(module: string): Promise<string> {
  const { Dir } = JSON.parse(await go('mod', 'download', '-json', module)) as { Dir: string }
  return Dir
}

async function go(...args: readonly string[]): Promise<string> {
  const { status, stdout, all } = await run('go', args, BUILD_LIMIT)
  if (status !== 0) throw new Error(`the Go tool failed: ${all}`)
  return stdout
}

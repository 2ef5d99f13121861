// Runs a command of the CLI in this process, with what it would read and write captured.

import type { Io } from '../../src/cli/io.ts'
import { runProgram } from '../../src/cli/program.ts'
import type { Fetch } from '../../src/client/index.ts'
import { encodeUtf8 } from '../../src/core/bytes.ts'

export interface CliResult {
  readonly code: number
  readonly out: string
  readonly bytes: Uint8Array
  readonly err: string
}

export interface CliInput {
  readonly stdin?: string | Uint8Array
  readonly env?: Readonly<Record<string, string>>
  readonly errIsTty?: boolean
  readonly fetch?: Fetch
  /** When a command that goes on is told to stop: at once unless given. */
  readonly stopped?: Promise<void>
}

export async function runCli(
  args: readonly string[],
  { stdin = '', env = {}, errIsTty = false, fetch, stopped = Promise.resolve() }: CliInput = {},
): Promise<CliResult> {
  const chunks: Uint8Array[] = []
  let err = ''
  const input = typeof stdin === 'string' ? encodeUtf8(stdin) : stdin
  const io: Io = {
    // Of this machine's environment nothing may leak into a test, not even a data folder.
    env: { PROOFLOG_DATA: '/nonexistent', ...env },
    stdin: (async function* () {
      yield await Promise.resolve(input)
    })(),
    out(data) {
      chunks.push(typeof data === 'string' ? encodeUtf8(data) : new Uint8Array(data))
      return Promise.resolve()
    },
    err(text) {
      err += text
    },
    errIsTty,
    ...(fetch ? { fetch } : {}),
    untilStopped: () => stopped,
  }
  const code = await runProgram(args, io)
  const bytes = new Uint8Array(Buffer.concat(chunks))
  return { code, out: Buffer.from(bytes).toString(), bytes, err }
}

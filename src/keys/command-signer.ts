// A signer that is a program: a hardware module, an agent, a script. It gets the message on stdin, byte for byte, and writes
// the signature to stdout, as bytes or in base64. There is no shell between.
import { spawn } from 'node:child_process'
import { decodeUtf8, fromBase64 } from '../core/bytes.ts'
import { FormatError } from '../core/errors.ts'
import { parseVkey } from '../core/keys.ts'
import { remoteSigner } from '../core/remote-signer.ts'
import type { Signer } from '../core/signer.ts'
import { KeysError } from './errors.ts'

export interface CommandOptions {
  /** Milliseconds after which the program is killed; 10,000 unless given. */
  readonly timeout?: number
}

/** More than any signature in base64. */
const LONGEST_ANSWER = 8_192
/** Kept of what the program writes to stderr, for the log of the service. */
const LONGEST_COMPLAINT = 2_048

/** @throws FormatError invalid_vkey. `sign` throws KeysError `signer_failed`, SignatureError signature_invalid */
export function commandSigner(
  vkey: string,
  program: string,
  args: readonly string[],
  { timeout = 10_000 }: CommandOptions = {},
): Signer {
  const size = parseVkey(vkey).type === 0x06 ? 2_420 : 64
  return remoteSigner(vkey, async (message) => parseAnswer(await run(program, args, message, timeout), size))
}

function parseAnswer(answer: Uint8Array, size: number): Uint8Array {
  if (answer.length === size) return answer
  try {
    const signature = fromBase64(decodeUtf8(answer).trim())
    if (signature.length === size) return signature
  } catch (error) {
    if (!(error instanceof FormatError)) throw error
  }
  throw new KeysError(
    'signer_failed',
    `the signing program wrote ${answer.length} bytes; a signature is ${size} bytes, or their base64`,
  )
}

function run(
  program: string,
  args: readonly string[],
  message: Uint8Array,
  timeout: number,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'], windowsHide: true })
    const answer: Buffer[] = []
    let size = 0
    let complaint = ''
    const timer = setTimeout(() => fail(`gave no signature within ${timeout} ms`), timeout)

    function fail(what: string, cause: unknown = complaint === '' ? undefined : new Error(complaint)): void {
      clearTimeout(timer)
      child.kill('SIGKILL')
      // What it started may hold its end of the pipes open for ever.
      for (const stream of child.stdio) stream?.destroy()
      reject(new KeysError('signer_failed', `the signing program ${what}`, { cause }))
    }

    child.on('error', (cause) => fail('could not be run', cause))
    child.stdin.on('error', () => {}) // it need not read the message; a signature of another one is refused
    child.stdout.on('data', (chunk: Buffer) => {
      size += chunk.length
      answer.push(chunk)
      if (size > LONGEST_ANSWER) fail(`wrote more than ${LONGEST_ANSWER} bytes`)
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      complaint = (complaint + text).slice(0, LONGEST_COMPLAINT)
    })
    child.on('close', (code, signal) => {
      if (code !== 0) return fail(`ended with ${signal ?? `exit code ${code}`}: see the log of the service`)
      clearTimeout(timer)
      resolve(new Uint8Array(Buffer.concat(answer)))
    })
    child.stdin.end(message)
  })
}

// The one place where an error becomes a message and an exit code: 1 refused or not verified, 2 wrong usage, 3 not reachable
// or not available now.
import { CommanderError } from 'commander'
import { ClientError, type ClientErrorCode, ProoflogError } from '../client/index.ts'
import { ConfigError } from '../config.ts'
import type { Io } from './io.ts'

/** The command line, or a file that it names, is not what the command needs. */
export class UsageError extends Error {
  readonly code: 'usage' | 'exists'

  constructor(
    message: string,
    { code = 'usage', cause }: { code?: 'usage' | 'exists'; cause?: unknown } = {},
  ) {
    super(message, { cause })
    this.code = code
  }
}

export const EXIT = { ok: 0, refused: 1, usage: 2, unavailable: 3 } as const
type Exit = (typeof EXIT)[keyof typeof EXIT]

const CLIENT_EXITS: Readonly<Record<ClientErrorCode, Exit>> = {
  invalid_url: EXIT.usage,
  unreachable: EXIT.unavailable,
  unavailable: EXIT.unavailable,
  wait_timeout: EXIT.unavailable,
  not_found: EXIT.refused,
  refused: EXIT.refused,
  bad_answer: EXIT.refused,
}
const UNAVAILABLE = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'ENOTFOUND',
  'ETIMEDOUT',
  'CONNECT_TIMEOUT',
  'EADDRINUSE',
  'access_unavailable',
  'mirror_unavailable',
  'guard_unavailable',
  'bucket_unavailable',
])
const WRONG_USAGE = new Set(['bucket_unusable'])
/** What the operating system says of a path, and what to do about it. */
const FILE_ERRORS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder; check the path',
  EACCES: 'this user may not open it; check its owner and rights',
  EPERM: 'this user may not do that to it; check its owner and rights',
  EISDIR: 'this is a folder; name a file',
  ENOTDIR: 'a part of this path is a file; check the path',
}
const DEBUG = 'PROOFLOG_DEBUG'

/** Tells `io` what happened, as JSON if that was asked for, and returns the exit code. */
export function reportError(error: unknown, io: Io, json: boolean): number {
  if (error instanceof CommanderError) return reportUsage(error, io, json)
  const { code, message, exit } = describe(error)
  const evidence = error instanceof ProoflogError ? notesOf(error) : {}
  if (json) io.err(`${JSON.stringify({ error: { code, message, ...evidence } })}\n`)
  else io.err(`error: ${message} (${code})\n${Object.entries(evidence).map(asBlock).join('')}`)
  if (io.env[DEBUG] === '1' && error instanceof Error) io.err(`${error.stack}\n`)
  return exit
}

/** Commander has printed its message, unless JSON was asked for, or the help or version that was asked for. */
function reportUsage({ exitCode, message }: CommanderError, io: Io, json: boolean): number {
  if (exitCode === 0) return EXIT.ok
  const told = message === '(outputHelp)' ? 'name a command: see prooflog --help' : message
  if (json) io.err(`${JSON.stringify({ error: { code: 'usage', message: told.replace(/^error: /, '') } })}\n`)
  return EXIT.usage
}

function describe(error: unknown): { code: string; message: string; exit: Exit } {
  if (error instanceof ClientError) {
    return { code: codeOf(error), message: error.message + hintFor(error), exit: CLIENT_EXITS[error.code] }
  }
  if (error instanceof ProoflogError) {
    const usage = WRONG_USAGE.has(error.code)
    const exit = usage ? EXIT.usage : UNAVAILABLE.has(error.code) ? EXIT.unavailable : EXIT.refused
    return { code: error.code, message: error.message, exit }
  }
  if (error instanceof UsageError || error instanceof ConfigError) {
    return { code: error.code, message: error.message, exit: EXIT.usage }
  }
  if (!(error instanceof Error)) return { code: 'unexpected', message: String(error), exit: EXIT.refused }
  const code = 'code' in error && typeof error.code === 'string' ? error.code : 'unexpected'
  const advice = FILE_ERRORS[code]
  if (advice !== undefined) {
    const what = 'path' in error ? String(error.path) : error.message // reading a folder does not tell its path
    return { code, message: `${what}: ${advice}`, exit: EXIT.usage }
  }
  return { code, message: error.message, exit: UNAVAILABLE.has(code) ? EXIT.unavailable : EXIT.refused }
}

/** The server's own code is the more telling one. */
function codeOf(error: ClientError): string {
  const problem = error.evidence['problem']
  return typeof problem === 'string' ? problem : error.code
}

function hintFor({ code, evidence }: ClientError): string {
  if (code === 'unreachable') return '. Is the server running? Start it with: npm start'
  // A server that says what it misses of a key has seen one.
  const keyless = evidence['problem'] === undefined || evidence['problem'] === 'key_missing'
  if (evidence['status'] === 401 && keyless) return '. Give a key with --key, --key-file or PROOFLOG_KEY'
  return ''
}

/** Signed notes are evidence: whoever sees the error must be able to keep them. */
function notesOf({ evidence }: ProoflogError): Record<string, string> {
  const notes = ['remembered', 'offered'].map((name) => [name, evidence[name]] as const)
  return Object.fromEntries(notes.filter((note): note is [string, string] => typeof note[1] === 'string'))
}

function asBlock([name, note]: [string, string]): string {
  return `--- ${name}\n${note}`
}

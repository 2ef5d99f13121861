// What a command may touch of its process, so that tests can run commands without one.
import { once } from 'node:events'
import type { Fetch } from '../client/index.ts'

export interface Io {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly stdin: AsyncIterable<Uint8Array>
  /** The result of the command, and nothing else; resolves when more may be written. */
  readonly out: (data: string | Uint8Array) => Promise<void>
  /** What a person should know: messages, progress. */
  readonly err: (text: string) => void
  /** Whether a person looks at the messages as they come. */
  readonly errIsTty: boolean
  /** The platform's fetch unless given. */
  readonly fetch?: Fetch
  /** Aborted when the program is told to stop; listening takes the default action from the signal. */
  readonly untilStopped: () => Promise<void>
}

/** What a shell reports for a program that ended because nobody read its output (128 + SIGPIPE). */
const EXIT_BROKEN_PIPE = 141

export function processIo(): Io {
  for (const stream of [process.stdout, process.stderr]) stream.on('error', endOnBrokenPipe)
  return {
    env: process.env,
    stdin: process.stdin,
    async out(data) {
      if (!process.stdout.write(data)) await once(process.stdout, 'drain')
    },
    err: (text) => void process.stderr.write(text),
    errIsTty: process.stderr.isTTY,
    untilStopped,
  }
}

function endOnBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code === 'EPIPE') process.exit(EXIT_BROKEN_PIPE)
  throw error
}

/** The first signal ends politely; listeners are gone then, so that a second one ends at once. */
function untilStopped(): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      process.off('SIGINT', stop)
      process.off('SIGTERM', stop)
      resolve()
    }
    process.on('SIGINT', stop)
    process.on('SIGTERM', stop)
  })
}

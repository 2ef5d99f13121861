// A folder, a receiver and senders of one test, all gone after it.
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createSender, type Problem, type Sender, type SenderOptions } from '../../src/sender/index.ts'
import { type Receiver, startReceiver } from './receiver.ts'

export interface Fixture {
  readonly receiver: Receiver
  readonly spool: string
  readonly problems: Problem[]
  /** A sender on the spool that refuses when full and sends at once, unless told otherwise. */
  sender(options?: Partial<SenderOptions>): Promise<Sender>
  end(): Promise<void>
}

export async function fixture(): Promise<Fixture> {
  const folder = await mkdtemp(join(tmpdir(), 'prooflog-sender-'))
  const receiver = await startReceiver()
  const senders: Sender[] = []
  const problems: Problem[] = []
  const spool = join(folder, 'spool')
  return {
    receiver,
    spool,
    problems,
    async sender(options = {}) {
      const sender = await createSender({
        url: receiver.url,
        key: 'pl_test',
        spool,
        whenFull: 'refuse',
        flushInterval: 0,
        onProblem: (problem) => problems.push(problem),
        ...options,
      })
      senders.push(sender)
      return sender
    },
    async end() {
      await Promise.all(senders.map((sender) => sender.close()))
      await receiver.close()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

/** An event that can be told from others by its message. */
export function numbered(n: number, padding = 0) {
  return { action: 'test.count', outcome: 'success', message: `${n}${' '.repeat(padding)}` } as const
}

export function numbersOf(receiver: Receiver): number[] {
  return receiver.taken.map(({ event }) => Number(event['message']))
}

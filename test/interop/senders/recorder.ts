// Stands between the senders and the service, as what ends TLS does, passes everything on as it is, notes what was answered, and
// loses some of the answers.
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { Agent, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import type { Certificate } from './certificate.ts'

export interface Answer {
  /** Without the query. */
  readonly path: string
  /** 0 when the service broke the connection instead. */
  readonly status: number
  readonly retryAfter: string | undefined
  /** From the request to the head of the answer; milliseconds. */
  readonly took: number
  /** The sender never got it: its connection was broken instead. */
  readonly lost: boolean
}

export interface Recorder {
  /** https, on the loopback. */
  readonly url: string
  readonly answers: readonly Answer[]
  close(): Promise<void>
}

/** Of the requests of a path that the service took, every so manieth gets no answer: the sender has to send it again. */
const LOSES = 10

/** @param target URL of the service */
export async function startRecorder(target: string, { certificate, key }: Certificate): Promise<Recorder> {
  const answers: Answer[] = []
  const taken = new Map<string, number>()
  const { hostname, port } = new URL(target)
  const agent = new Agent({ keepAlive: true })
  const server = createServer({ cert: readFileSync(certificate), key: readFileSync(key) }, pass)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    answers,
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      agent.destroy()
      await closed
    },
  }

  function pass(asked: IncomingMessage, told: ServerResponse): void {
    const begin = performance.now()
    const { method = 'GET', url = '/', headers } = asked
    const path = url.replace(/\?.*/, '')
    const note = (status: number, retryAfter?: string): boolean => {
      const took = Math.round(performance.now() - begin)
      if (status === 200) taken.set(path, (taken.get(path) ?? 0) + 1)
      const lost = status === 200 && (taken.get(path) ?? 0) % LOSES === 0
      answers.push({ path, status, retryAfter, took, lost })
      return lost
    }
    let gone = false
    const passed = request({ agent, hostname, port, method, path: url, headers }, (answer) => {
      const lost = note(answer.statusCode ?? 0, answer.headers['retry-after'])
      if (lost) {
        answer.resume()
        asked.socket.destroy()
        return
      }
      told.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(told)
      answer.on('error', () => told.destroy())
    })
    passed.on('error', () => {
      if (!gone && !told.headersSent) note(0)
      told.destroy()
    })
    told.on('close', () => {
      gone = !told.writableEnded
      if (gone) passed.destroy() // the sender went away
    })
    asked.pipe(passed)
  }
}

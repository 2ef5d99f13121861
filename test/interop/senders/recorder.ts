// Stands between the senders and the service, as what ends TLS does, passes everything on as it is, and notes what was answered.
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
}

export interface Recorder {
  /** https, on the loopback. */
  readonly url: string
  readonly answers: readonly Answer[]
  close(): Promise<void>
}

/** @param target URL of the service */
export async function startRecorder(target: string, { certificate, key }: Certificate): Promise<Recorder> {
  const answers: Answer[] = []
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
    const { method = 'GET', url: path = '/', headers } = asked
    const note = (status: number, retryAfter?: string): void => {
      const took = Math.round(performance.now() - begin)
      answers.push({ path: path.replace(/\?.*/, ''), status, retryAfter, took })
    }
    let gone = false
    const passed = request({ agent, hostname, port, method, path, headers }, (answer) => {
      note(answer.statusCode ?? 0, answer.headers['retry-after'])
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

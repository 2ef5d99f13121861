// Events to be searched: a thousand people, a day of time for every 100,000, some of everything.
import type { BenchServer } from './ground.ts'

/** A word that one event in 100,000 holds. */
export const RARE = 'jabberwock'

const BATCH = 1_000
const PARALLEL = 4
const ACTIONS = [
  'document.read',
  'document.read',
  'document.update',
  'user.login',
  'user.logout',
  'role.grant',
]
/** Milliseconds between two events. */
const APART = 864

/** Sends events `from` to `to` (exclusive) and waits until all are indexed. */
export async function fillEvents(
  server: BenchServer,
  from: number,
  to: number,
  tell: (text: string) => void,
): Promise<void> {
  const started = performance.now()
  let next = from
  const work = async (): Promise<void> => {
    while (next < to) {
      const start = next
      next = Math.min(to, next + BATCH)
      const body = Array.from(
        { length: next - start },
        (_, i) => `${JSON.stringify(eventAt(start + i))}\n`,
      ).join('')
      const answer = await fetch(`http://127.0.0.1:${server.port}/logs/http/events?receipts=count`, {
        method: 'POST',
        headers: { authorization: server.authorization, 'content-type': 'application/x-ndjson' },
        body,
      })
      if (!answer.ok) throw new Error(await answer.text())
      await answer.arrayBuffer()
      if (start % 100_000 < BATCH) tell(`${start.toLocaleString('en-US')} events sent`)
    }
  }
  await Promise.all(Array.from({ length: PARALLEL }, work))
  const sent = performance.now()
  for (;;) {
    const answer = await fetch(`http://127.0.0.1:${server.port}/logs/http/search`, {
      headers: { authorization: server.authorization },
    })
    const { indexed } = (await answer.json()) as { indexed: number }
    if (indexed >= to) break
    await new Promise((resolve) => setTimeout(resolve, 200))
  }
  const seconds = (performance.now() - started) / 1000
  tell(
    `${(to - from).toLocaleString('en-US')} events: sent in ${Math.round((sent - started) / 1000)} s, indexed after ${Math.round(seconds)} s`,
  )
}

function eventAt(i: number): object {
  const person = (i * 7) % 1000
  return {
    id: `fill-${i}`,
    time: new Date(Date.UTC(2026, 0, 1) + i * APART).toISOString(),
    action: i % 1000 === 0 ? 'document.delete' : ACTIONS[i % ACTIONS.length],
    outcome: i % 50 === 0 ? 'failure' : 'success',
    actor: { id: `user-${person}`, type: 'user', name: `Person ${person}` },
    src: { ip: `10.0.${person % 256}.${(person * 7) % 256}` },
    targets: [
      { type: 'document', id: `document-${i}`, name: i % 20_000 === 0 ? 'The queen of hearts' : 'A report' },
    ],
    auth: { session_id: `session-${Math.floor(i / 20)}` },
    trace_id: `trace-${Math.floor(i / 3)}`,
    severity: i % 10_000 === 0 ? 18 : 9,
    ...(i % 100_000 === 7 ? { message: `beware the ${RARE}` } : {}),
  }
}

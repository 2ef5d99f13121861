// Our own logs as a list that witnesses read: those who take a log from it need not be told of each new one.
import { parseVkey } from '../core/keys.ts'
import { formatLogList, type ListedLog } from '../core/log-list.ts'
import type { LogInfo, Logs } from '../log/types.ts'
import { headersFor } from './respond.ts'
import type { Route } from './route.ts'
import { text } from './schemas.ts'

/** The same for every log of this service. */
export interface Listing {
  /** Whom to ask about the logs: one line of text. */
  readonly contact: string
  /** Most requests per day and log that a witness gets. */
  readonly qpd: number
}

const HEADERS = headersFor('text/plain; charset=utf-8', 'no-cache')

export function logListRoutes(logs: Logs, listing: Listing): Route[] {
  return [
    {
      method: 'GET',
      path: '/logs.v0',
      handle: async () => new Response(listOf(await logs.list(), listing), { headers: HEADERS }),
      doc: {
        tag: 'logs',
        summary: 'The logs, for witnesses',
        description:
          "A list `logs/v0` of the witness network: every log that is signed here and still grows, with the Ed25519 key that signs it. Copies of other services' logs and frozen logs are not in it.",
        answers: { 'text/plain; charset=utf-8': text },
      },
    },
  ]
}

function listOf(infos: readonly LogInfo[], { contact, qpd }: Listing): string {
  const listed = infos
    .filter(({ mirrored, state }) => !mirrored && state !== 'frozen')
    .flatMap((info): ListedLog[] => {
      // Lists know one key of a log, and only this type. While keys are changed the older one stays in it: who knows it keeps it.
      const key = info.signing.map(parseVkey).find(({ type }) => type === 0x01)
      return key ? [{ key, origin: info.origin, qpd, contact }] : []
    })
  return formatLogList(listed)
}

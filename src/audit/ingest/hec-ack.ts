// Indexer acknowledgement of HEC. A sender names a channel (a UUID of its own making) with each request, is answered with an
// `ackId`, and asks later which of them are safe; what is not acknowledged in its time, it sends again.
//
// Splunk answers a request before it has written the events, so an id turns true some seconds later. We answer when they are
// committed, so an id is true from the moment that it is given, and a channel is nothing but a count of the ids it has given.
//
// Where the answers differ from Splunk's, and why no event is lost by it:
// - Splunk, and Vector which acts like it, forget an id once it was told to be true; here it stays true, so a sender whose poll was
//   cut off may ask again.
// - After a restart, in another process behind the same balancer, or for a channel that was given up for newer ones, the count is
//   gone and ids are answered false, as Splunk answers unknown ids. The sender sends the events again, and the log finds them
//   there already (those with a time of the sender's).
// - A channel that starts anew gives ids from 0 again, as with Splunk after its idle time. An old request that waits for the same
//   number is then told true, rightly: no id was ever given for events that were not committed.
import { HecError } from './hec-answers.ts'

export interface HecAcks {
  /**
   * Id for a request whose events are committed: from 0, counted for each owner and channel.
   * @throws HecError 11
   */
  issue(owner: string, channel: string): number
  /**
   * Answer to a poll, whose body is `{"acks":[0,1,…]}`.
   * @throws HecError 6, 11
   */
  answer(owner: string, channel: string, body: Uint8Array): { readonly acks: Record<string, boolean> }
}

const CHANNEL = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** @param options.channels of one owner remembered at most; the one that was quiet longest goes first, never one of somebody else. @param options.owners likewise @param options.polled ids of one poll at most */
export function createHecAcks(
  options: { readonly channels?: number; readonly owners?: number; readonly polled?: number } = {},
): HecAcks {
  const { channels = 1_000, owners = 1_000, polled = 10_000 } = options
  // In the order of last use: a Map iterates as it was inserted.
  const given = new Map<string, Map<string, number>>()
  return {
    issue(owner, channel) {
      const name = checked(channel)
      const own = given.get(owner) ?? new Map<string, number>()
      const id = own.get(name) ?? 0
      putLast(given, owner, own, owners)
      putLast(own, name, id + 1, channels)
      return id
    },
    answer(owner, channel, body) {
      const name = checked(channel)
      const own = given.get(owner)
      const count = own?.get(name) ?? 0
      if (own !== undefined && count > 0) {
        putLast(given, owner, own, owners)
        putLast(own, name, count, channels)
      }
      return { acks: Object.fromEntries(idsOf(body, polled).map((id) => [id, id < count])) }
    },
  }
}

/** As the newest; the oldest goes when there are more than `most`. */
function putLast<T>(map: Map<string, T>, name: string, value: T, most: number): void {
  map.delete(name)
  map.set(name, value)
  if (map.size > most) map.delete(map.keys().next().value ?? name)
}

/**
 * The channel of a request, from its header (X-Splunk-Request-Channel) or its query (`channel`), checked; undefined when it has
 * none. Check it before recording: a refusal afterwards makes the sender send again what is stored.
 * @throws HecError 11 unless it is a UUID
 */
export function hecChannel(header: string | undefined, query: string | undefined): string | undefined {
  const channel = header ?? query
  if (channel === undefined || channel === '') return undefined
  if (!CHANNEL.test(channel)) throw new HecError(11)
  return channel.toLowerCase()
}

/** @throws HecError 11 */
function checked(channel: string): string {
  if (!CHANNEL.test(channel)) throw new HecError(11)
  return channel.toLowerCase()
}

function idsOf(body: Uint8Array, limit: number): number[] {
  let value: unknown
  try {
    value = JSON.parse(Buffer.from(body).toString('utf8'))
  } catch {
    throw new HecError(6)
  }
  const ids: unknown = typeof value === 'object' && value !== null && 'acks' in value ? value.acks : undefined
  if (!Array.isArray(ids) || ids.length > limit || !ids.every(isAckId)) throw new HecError(6)
  return ids
}

function isAckId(id: unknown): id is number {
  return typeof id === 'number' && Number.isSafeInteger(id) && id >= 0
}

// What events say, for what is derived from them: without the proof of it. Entries come from our own log, and ciphertexts open
// only beside their leaf and under keys that are not in the database; so neither is an envelope written anew to see whether it is
// canonical, nor are digests counted. Whoever is shown an event gets it by read-events.ts, which does both.
import { hashLeaf } from '../../core/hash.ts'
import type { Log } from '../../log/types.ts'
import type { DisclosedField } from '../event/disclosures.ts'
import { glanceEnvelope } from '../event/envelope.ts'
import type { Envelope } from '../event/types.ts'
import type { OnDamage, SealedEntry, Vault } from '../vault/types.ts'

export interface FieldsOfEvent {
  readonly index: number
  readonly envelope: Envelope
  /** Those that can still be opened. */
  readonly fields: readonly DisclosedField[]
}

const NO_FIELDS: readonly DisclosedField[] = []

/**
 * Events from `start`, among at most `limit` entries, fewer at the end of the published log. Entries that are no events are left out.
 * @param onDamage told of personal fields that cannot be opened
 * @throws as readEvents
 */
export async function readFields(
  log: Pick<Log, 'info' | 'entries'>,
  vault: Pick<Vault, 'openTexts'>,
  start: number,
  limit: number,
  onDamage: OnDamage,
): Promise<FieldsOfEvent[]> {
  const events: { index: number; envelope: Envelope; fields: readonly DisclosedField[] }[] = []
  const sealed: SealedEntry[] = []
  const places: number[] = []
  for (const [i, entry] of (await log.entries(start, limit)).entries()) {
    const envelope = glanceEnvelope(entry)
    if (envelope === undefined) continue
    const index = start + i
    if ((envelope.refs?.length ?? 0) > 0) {
      sealed.push({ index, leafHash: hashLeaf(entry) })
      places.push(events.length)
    }
    events.push({ index, envelope, fields: NO_FIELDS })
  }
  if (sealed.length === 0) return events
  const texts = await vault.openTexts(log.info.id, sealed, onDamage)
  for (const [i, place] of places.entries()) {
    const event = events[place]
    if (event !== undefined) event.fields = fieldsOf(texts[i] ?? [])
  }
  return events
}

/** @param texts JSON texts of disclosures: arrays of salt, path and value */
function fieldsOf(texts: readonly string[]): DisclosedField[] {
  const parts = JSON.parse(`[${texts.join(',')}]`) as [
    salt: string,
    path: string,
    value: DisclosedField['value'],
  ][]
  return parts.map(([, path, value]) => ({ path, value }))
}

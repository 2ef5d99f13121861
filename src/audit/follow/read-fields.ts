// What events say, for what is derived from them: without the proof of it. Entries come from our own log, and ciphertexts open
// only beside their leaf and under keys that are not in the database; so neither is an envelope written anew to see whether it is
// canonical, nor are digests counted. Whoever is shown an event gets it by read-events.ts, which does both.
import { hashLeaf } from '../../core/hash.ts'
import type { Log } from '../../log/types.ts'
import type { DisclosedField } from '../event/disclosures.ts'
import { glanceEnvelope } from '../event/envelope.ts'
import type { Envelope } from '../event/types.ts'
import type { OnDamage, OpenTexts, Vault } from '../vault/types.ts'

export interface FieldsOfEvent {
  readonly index: number
  readonly envelope: Envelope
  /** Those that can still be opened. */
  readonly fields: readonly DisclosedField[]
}

/** Some milliseconds of reading. */
const BLOCK = 256
const NO_FIELDS: readonly DisclosedField[] = []

/**
 * Events from `start`, among at most `limit` entries, fewer at the end of the published log, some at a time: who does not keep
 * them never has all in memory, which costs more than reading them. Entries that are no events are left out.
 * @param onDamage told of personal fields that cannot be opened
 * @throws as readEvents
 */
export async function* readFields(
  log: Pick<Log, 'info' | 'entries'>,
  vault: Pick<Vault, 'openRange'>,
  start: number,
  limit: number,
  onDamage: OnDamage,
): AsyncGenerator<readonly FieldsOfEvent[]> {
  const entries = await log.entries(start, limit)
  const range = { start, end: start + entries.length }
  let open: OpenTexts | undefined // asked for when there is anything personal
  let block: FieldsOfEvent[] = []
  for (const [i, entry] of entries.entries()) {
    const envelope = glanceEnvelope(entry)
    if (envelope === undefined) continue
    const index = start + i
    let fields = NO_FIELDS
    if ((envelope.refs?.length ?? 0) > 0) {
      open ??= await vault.openRange(log.info.id, range, onDamage)
      const texts = open({ index, leafHash: hashLeaf(entry) })
      fields = fieldsOf(texts instanceof Promise ? await texts : texts)
    }
    block.push({ index, envelope, fields })
    if (block.length < BLOCK) continue
    yield block
    block = []
  }
  yield block
}

/** @param texts JSON texts of disclosures: arrays of salt, path and value */
function fieldsOf(texts: readonly string[]): readonly DisclosedField[] {
  if (texts.length === 0) return NO_FIELDS
  const parts = JSON.parse(`[${texts.join(',')}]`) as [
    salt: string,
    path: string,
    value: DisclosedField['value'],
  ][]
  return parts.map(([, path, value]) => ({ path, value }))
}

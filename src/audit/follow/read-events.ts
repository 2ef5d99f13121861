// The one way to read events out: entries of the published log, and the personal fields that can still be opened.
import { type Hash, hashLeaf } from '../../core/hash.ts'
import type { Log } from '../../log/types.ts'
import { parseEnvelope } from '../event/envelope.ts'
import { AuditError } from '../event/errors.ts'
import type { Disclosure, Envelope } from '../event/types.ts'
import type { OnDamage, Vault } from '../vault/types.ts'

export interface ReadEvent {
  readonly index: number
  readonly leafHash: Hash
  readonly entry: Uint8Array
  readonly envelope: Envelope
  /** As the vault gave them: bound to this entry. That their digests stand in the envelope is checked by event/view.ts. */
  readonly disclosures: readonly Disclosure[]
}

/** Entries of one statement. */
const AT_ONCE = 1_024

/**
 * Events at `indexes`, in their order. Entries that are no events (bytes that came through /add) are left out.
 * @param onDamage as in Vault.open: told of personal fields that cannot be opened, instead of an error
 * @throws LogError `index_out_of_range` beyond the published log, `store_unavailable`; AuditError `vault_unavailable`
 */
export async function readEvents(
  log: Pick<Log, 'info' | 'entriesAt'>,
  vault: Pick<Vault, 'open'>,
  indexes: readonly number[],
  onDamage?: OnDamage,
): Promise<ReadEvent[]> {
  const found: Omit<ReadEvent, 'disclosures'>[] = []
  for (let at = 0; at < indexes.length; at += AT_ONCE) {
    const some = indexes.slice(at, at + AT_ONCE)
    for (const [i, entry] of (await log.entriesAt(some)).entries()) {
      const envelope = envelopeOf(entry)
      if (envelope !== undefined)
        found.push({ index: some[i] as number, leafHash: hashLeaf(entry), entry, envelope })
    }
  }
  const sealed = found.filter(({ envelope }) => (envelope.refs?.length ?? 0) > 0)
  const opened = sealed.length === 0 ? [] : await vault.open(log.info.id, sealed, onDamage)
  const disclosures = new Map(sealed.map(({ index }, i) => [index, opened[i] ?? []]))
  return found.map((event) => ({ ...event, disclosures: disclosures.get(event.index) ?? [] }))
}

/** Undefined for what is no event. */
function envelopeOf(entry: Uint8Array): Envelope | undefined {
  try {
    return parseEnvelope(entry)
  } catch (error) {
    if (error instanceof AuditError && error.code === 'not_an_event') return undefined
    throw error
  }
}

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

/** Indexes closer than this are read with one look: entries between them cost less than another question. */
const NEAR = 16
/** Looks at once. */
const PARALLEL = 8

/**
 * Events at `indexes`, in their order. Entries that are no events (bytes that came through /add) are left out.
 * @param onDamage as in Vault.open: told of personal fields that cannot be opened, instead of an error
 * @throws LogError `index_out_of_range` beyond the published log, `store_unavailable`; AuditError `vault_unavailable`
 */
export async function readEvents(
  log: Pick<Log, 'info' | 'entries'>,
  vault: Pick<Vault, 'open'>,
  indexes: readonly number[],
  onDamage?: OnDamage,
): Promise<ReadEvent[]> {
  const entries = new Map<number, Uint8Array>()
  const runs = runsOf(indexes)
  const next = runs.values()
  const worker = async (): Promise<void> => {
    for (const { start, end } of next) {
      const read = await log.entries(start, end - start)
      for (const [i, entry] of read.entries()) entries.set(start + i, entry)
    }
  }
  await Promise.all(Array.from({ length: Math.min(PARALLEL, runs.length) }, worker))
  return open(log, vault, indexes, entries, onDamage)
}

async function open(
  log: Pick<Log, 'info'>,
  vault: Pick<Vault, 'open'>,
  indexes: readonly number[],
  entries: ReadonlyMap<number, Uint8Array>,
  onDamage: OnDamage | undefined,
): Promise<ReadEvent[]> {
  const found: Omit<ReadEvent, 'disclosures'>[] = []
  for (const index of indexes) {
    const entry = entries.get(index)
    const envelope = entry && envelopeOf(entry)
    if (entry !== undefined && envelope !== undefined)
      found.push({ index, leafHash: hashLeaf(entry), entry, envelope })
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

function runsOf(indexes: readonly number[]): { start: number; end: number }[] {
  const runs: { start: number; end: number }[] = []
  for (const index of [...new Set(indexes)].sort((a, b) => a - b)) {
    const last = runs.at(-1)
    if (last !== undefined && index - last.end < NEAR) last.end = index + 1
    else runs.push({ start: index, end: index + 1 })
  }
  return runs
}

// What others have seen of a log: witnesses (https://c2sp.org/tlog-witness, "Monitor Retrieval Mechanism") and mirrors
// (https://c2sp.org/tlog-mirror), each of which may have been shown another history than we.
import { ClientError } from '../client/errors.ts'
import type { Head } from '../client/head.ts'
import { type Tiles, tilesOver } from '../client/tiles.ts'
import type { Transport } from '../client/transport.ts'
import { encodeUtf8, toHex } from '../core/bytes.ts'
import { primitives } from '../core/crypto.ts'
import { ProoflogError } from '../core/errors.ts'
import { MAX_NOTE_SIZE } from '../core/note.ts'
import type { Policy } from '../core/policy.ts'
import { openHead } from './served-head.ts'

/** A head of the log that another has seen; the log signed it. */
export interface Sighting {
  /** Address of who has it. */
  readonly heldBy: string
  readonly head: Head
  /** Of a mirror: its copy. */
  readonly tiles: Tiles | undefined
}

export interface Watchers {
  /** Monitoring prefixes of witnesses. */
  readonly witnesses: readonly Transport[]
  /** Monitoring prefixes of mirrors, or the addresses of copies. */
  readonly mirrors: readonly Transport[]
}

/** Never fails: who cannot be asked, or serves what the log did not sign, is warned about. */
export async function sightingsOf(
  { witnesses, mirrors }: Watchers,
  policy: Policy,
  origin: string,
): Promise<{ sightings: Sighting[]; warnings: string[] }> {
  const path = toHex(primitives.sha256(encodeUtf8(origin)))
  const sightings: Sighting[] = []
  const warnings: string[] = []
  const ask = async (source: Transport, look: () => Promise<Omit<Sighting, 'heldBy'>>): Promise<void> => {
    const heldBy = source.url
    try {
      const seen = await look()
      if (policy.witnesses.length > 0 && seen.head.cosigners.length === 0) {
        warnings.push(
          `${heldBy}: no witness of the policy cosigned what it has seen, so it may be nobody's word`,
        )
      }
      sightings.push({ heldBy, ...seen })
    } catch (error) {
      if (!(error instanceof ProoflogError)) throw error
      warnings.push(`${heldBy} could not be compared with: ${error.message}`)
    }
  }
  const open = (note: Uint8Array): Head => openHead(note, policy, origin)
  await Promise.all([
    ...witnesses.map((source) =>
      ask(source, async () => ({ head: open(await noteAt(below(source, path))), tiles: undefined })),
    ),
    ...mirrors.map((source) => ask(source, () => copyAt(source, path, open))),
  ])
  return { sightings, warnings }
}

async function copyAt(source: Transport, path: string, open: (note: Uint8Array) => Head) {
  const copy = below(source, path)
  try {
    return { head: open(await noteAt(copy)), tiles: tilesOver(copy) }
  } catch (error) {
    if (!(error instanceof ClientError && error.code === 'not_found')) throw error
    return { head: open(await noteAt(source)), tiles: tilesOver(source) }
  }
}

function noteAt(source: Transport): Promise<Uint8Array> {
  return source.request({ path: 'checkpoint', limit: MAX_NOTE_SIZE })
}

function below(source: Transport, folder: string): Transport {
  return {
    url: `${source.url}/${folder}`,
    request: (request) => source.request({ ...request, path: `${folder}/${request.path}` }),
  }
}

// A log at any address that serves tiles (https://c2sp.org/tlog-tiles), to be copied to a mirror. Its checkpoints are verified
// here; its entries by the mirror, which is the one that has to believe them.
import { type Client, type ClientOptions, createClient, policyOf } from '../client/connect.ts'
import { hashesOfPlan, tilesOver } from '../client/tiles.ts'
import { createTransport } from '../client/transport.ts'
import { parseCheckpoint } from '../core/checkpoint.ts'
import { parseNote } from '../core/note.ts'
import { TILE_WIDTH } from '../core/tile.ts'
import { planConsistency, planSubtree } from '../core/tree.ts'
import { type LogSource, ownSignatures } from './log-source.ts'

/** @throws ClientError `invalid_url`, and as Client.checkpoint, which is asked for the origin */
export async function sourceOfUrl(options: ClientOptions): Promise<LogSource> {
  const tiles = tilesOver(createTransport(options))
  const client: Pick<Client, 'checkpoint'> = createClient(options)
  const { logs } = policyOf(options)
  const first = await client.checkpoint()
  const { origin } = parseCheckpoint(parseNote(first.note).text)
  const vkeys = logs.filter(({ key }) => key.name === origin).map(({ key }) => key.vkey)
  return {
    origin,
    checkpoint: async () => ownSignatures((await client.checkpoint()).note, vkeys),
    consistency: (from, to) =>
      from === 0 ? Promise.resolve([]) : hashesOfPlan(tiles, planConsistency(from, to), to),
    async entries(start, end) {
      const index = Math.floor(start / TILE_WIDTH)
      const before = index * TILE_WIDTH
      return (await tiles.bundle(index, end - before)).slice(start - before)
    },
    subtree: (start, end, size) => hashesOfPlan(tiles, planSubtree(start, end, size), size),
  }
}

// Reads of the tree: tiles, edges, entries. Full tiles are rows; a partial tile is made from what it consists of: leaf
// hashes (level 0) or the roots of the full tiles one level below. So every partial width can be read for ever.
import { concat } from '../core/bytes.ts'
import { HASH_SIZE } from '../core/hash.ts'
import { partialWidth, TILE_WIDTH } from '../core/tile.ts'
import type { Sql, Transaction } from '../db/connect.ts'
import { LogError } from '../log/errors.ts'
import type { TileCoordinate } from '../log/ports.ts'
import { copyOut } from './copy-out.ts'

type Reader = Sql | Transaction

/** Entries from which on a copy pays. */
const MANY = 512

/** Tiles in the order asked. @throws LogError `log_damaged` */
export async function readTiles(
  sql: Reader,
  logId: number,
  tiles: readonly TileCoordinate[],
): Promise<Uint8Array[]> {
  const full = tiles.filter((tile) => tile.width === TILE_WIDTH)
  const [rows, ...partials] = await Promise.all([
    readFullTiles(sql, logId, full),
    ...tiles.filter((tile) => tile.width < TILE_WIDTH).map((tile) => readPartialTile(sql, logId, tile)),
  ])
  return tiles.map((tile) => {
    const hashes = tile.width < TILE_WIDTH ? partials.shift() : rows.get(`${tile.level}/${tile.index}`)
    if (hashes === undefined) throw damaged('tiles', logId, `level ${tile.level}, index ${tile.index}`)
    return hashes
  })
}

/** Partial tile of each level of the tree of `size`, level 0 first, up to the level above which the tree has nothing. */
export async function readEdgeTiles(sql: Reader, logId: number, size: number): Promise<Uint8Array[]> {
  const edge: Promise<Uint8Array>[] = []
  for (let level = 0, nodes = size; nodes > 0; level++, nodes = Math.floor(nodes / TILE_WIDTH)) {
    const index = Math.floor(nodes / TILE_WIDTH)
    edge.push(readPartialTile(sql, logId, { level, index, width: partialWidth(level, size) }))
  }
  return Promise.all(edge)
}

/** Entries `start` to `end`, exclusive. @throws LogError `log_damaged` */
export async function readEntries(
  sql: Sql,
  logId: number,
  start: number,
  end: number,
): Promise<Uint8Array[]> {
  if (end - start >= MANY) return copyEntries(sql, logId, start, end)
  const rows = await sql<{ data: Uint8Array; index: number }[]>`
    SELECT index, data FROM log.entries WHERE log_id = ${logId} AND index >= ${start} AND index < ${end} ORDER BY index`
  for (let i = 0; i < end - start; i++) {
    if (rows[i]?.index !== start + i) throw damaged('entries', logId, `index ${start + i}`)
  }
  return rows.map((row) => row.data)
}

/** Entries at `indexes`, in their order. @throws LogError `log_damaged` */
export async function readEntriesAt(
  sql: Sql,
  logId: number,
  indexes: readonly number[],
): Promise<Uint8Array[]> {
  const rows = await sql<{ data: Uint8Array; index: number }[]>`
    SELECT e.index, e.data FROM unnest(${[...new Set(indexes)]}::bigint[]) AS w(index)
    JOIN log.entries e ON e.log_id = ${logId} AND e.index = w.index`
  const found = new Map(rows.map(({ index, data }) => [index, data]))
  return indexes.map((index) => {
    const data = found.get(index)
    if (data === undefined) throw damaged('entries', logId, `index ${index}`)
    return data
  })
}

/** Entries `start` to `end` when there are many: their bytes do not travel as text. In a transaction, for the driver would send other statements into the copy. */
async function copyEntries(sql: Sql, logId: number, start: number, end: number): Promise<Uint8Array[]> {
  const entries: Uint8Array[] = []
  let missing = -1
  const query = `SELECT index, data FROM log.entries
    WHERE log_id = ${logId} AND index >= ${start} AND index < ${end} ORDER BY index`
  await sql.begin((tx) =>
    copyOut(tx, query, (bytes, [indexAt = 0, dataAt = 0], [, size = 0]) => {
      const next = start + entries.length
      if (Number(bytes.readBigInt64BE(indexAt)) === next)
        entries.push(Buffer.from(bytes.subarray(dataAt, dataAt + size)))
      else if (missing < 0) missing = next
    }),
  )
  if (missing >= 0 || entries.length < end - start)
    throw damaged('entries', logId, `index ${missing >= 0 ? missing : start + entries.length}`)
  return entries
}

async function readFullTiles(
  sql: Reader,
  logId: number,
  tiles: readonly TileCoordinate[],
): Promise<Map<string, Uint8Array>> {
  const found = new Map<string, Uint8Array>()
  if (tiles.length === 0) return found
  const rows = await sql<{ level: number; index: number; hashes: Uint8Array }[]>`
    SELECT t.level, t.index, t.hashes
    FROM unnest(${tiles.map((tile) => tile.level)}::smallint[], ${tiles.map((tile) => tile.index)}::bigint[]) AS k(level, index)
    JOIN log.tiles t ON t.log_id = ${logId} AND t.level = k.level AND t.index = k.index`
  for (const row of rows) found.set(`${row.level}/${row.index}`, row.hashes)
  return found
}

async function readPartialTile(
  sql: Reader,
  logId: number,
  { level, index, width }: TileCoordinate,
): Promise<Uint8Array> {
  if (width === 0) return new Uint8Array()
  const start = index * TILE_WIDTH
  const rows =
    level === 0
      ? await sql<{ hash: Uint8Array }[]>`
          SELECT leaf_hash AS hash FROM log.entries
          WHERE log_id = ${logId} AND index >= ${start} AND index < ${start + width} ORDER BY index`
      : await sql<{ hash: Uint8Array }[]>`
          SELECT root AS hash FROM log.tiles
          WHERE log_id = ${logId} AND level = ${level - 1} AND index >= ${start} AND index < ${start + width} ORDER BY index`
  const hashes = concat(...rows.map((row) => row.hash))
  if (hashes.length !== width * HASH_SIZE) {
    throw damaged(
      level === 0 ? 'entries' : 'tiles',
      logId,
      `partial tile ${level}/${index} has ${rows.length} of ${width} hashes`,
    )
  }
  return hashes
}

function damaged(table: string, logId: number, where: string): LogError {
  return new LogError(
    'log_damaged',
    `log.${table} of log ${logId} lacks rows it must have (${where}): somebody changed the database; run prooflog audit`,
    { table, logId, where },
  )
}

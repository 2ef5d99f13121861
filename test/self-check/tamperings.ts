// What a superuser may do to a log, and which place a check then has to name.
import { appendLeaves, EMPTY_EDGE } from '../../src/core/append.ts'
import { HASH_SIZE, hashLeaf } from '../../src/core/hash.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import type { Sql } from '../../src/db/connect.ts'
import type { Finding } from '../../src/self-check/finding.ts'
import type { Ground } from './ground.ts'

/** A log as it is before anybody tampers. */
export interface Target {
  readonly id: number
  readonly sql: Sql
  readonly size: number
  readonly origin: string
  readonly leafHashes: Uint8Array
  /** Sizes of the checkpoints by seq. */
  readonly sizes: readonly number[]
  /** Full tiles. */
  readonly tiles: readonly { readonly level: number; readonly index: number }[]
  /** A whole number below `n`. */
  readonly pick: (n: number) => number
}

/** Tampers, and says in words what it did and whether a finding names the place. */
export type Tampering = (target: Target) => Promise<{ did: string; named: (finding: Finding) => boolean }>

export async function targetOf({ owner: { sql }, info }: Ground, pick: Target['pick']): Promise<Target> {
  const leaves = await sql<{ leaf_hash: Uint8Array }[]>`
    SELECT leaf_hash FROM log.entries WHERE log_id = ${info.id} ORDER BY index`
  const sizes = await sql<{ size: number }[]>`
    SELECT size FROM log.checkpoints WHERE log_id = ${info.id} ORDER BY seq`
  const tiles = await sql<{ level: number; index: number }[]>`
    SELECT level, index FROM log.tiles WHERE log_id = ${info.id} ORDER BY level, index`
  return {
    id: info.id,
    sql,
    size: leaves.length,
    origin: info.origin,
    leafHashes: new Uint8Array(Buffer.concat(leaves.map((row) => row.leaf_hash))),
    sizes: sizes.map(({ size }) => size),
    tiles: [...tiles],
    pick,
  }
}

const FLIP = (column: string, byte: number, bit: number): string =>
  `${column} = set_byte(${column}, ${byte}, get_byte(${column}, ${byte}) # ${2 ** bit})`

const entryAt =
  (index: number) =>
  (finding: Finding): boolean =>
    finding.table === 'entries' && covers(finding, index)

function covers({ index = -1, count = 1 }: Finding, wanted: number): boolean {
  return index <= wanted && wanted < index + count
}

function flipEntry(column: string, bytes: number): Tampering {
  return async ({ sql, id, size, pick }) => {
    const index = pick(size)
    await sql.unsafe(
      `UPDATE log.entries SET ${FLIP(column, pick(bytes), pick(8))} WHERE log_id = ${id} AND index = ${index}`,
    )
    return { did: `flip ${column} of entry ${index}`, named: entryAt(index) }
  }
}

function flipTile(column: string, bytes: number): Tampering {
  return async ({ sql, id, tiles, pick }) => {
    const { level, index } = tiles[pick(tiles.length)]!
    await sql.unsafe(
      `UPDATE log.tiles SET ${FLIP(column, pick(bytes), pick(8))} WHERE log_id = ${id} AND level = ${level} AND index = ${index}`,
    )
    return { did: `flip ${column} of tile ${level}/${index}`, named: tileAt(level, index) }
  }
}

const tileAt =
  (level: number, index: number) =>
  (finding: Finding): boolean =>
    finding.table === 'tiles' && finding.level === level && covers(finding, index)

/** Changes the data of up to 50 entries from `from` on, and everything above them so that it fits. */
async function rewrite(target: Target, from: number, everywhere: boolean): Promise<void> {
  const { sql, id, size, pick } = target
  const to = Math.min(size, from + 1 + pick(50))
  const leafHashes = target.leafHashes.slice()
  const rows = await sql<{ index: number; data: Uint8Array }[]>`
    UPDATE log.entries SET data = data || '!' WHERE log_id = ${id} AND index >= ${from} AND index < ${to} RETURNING index, data`
  for (const { index, data } of rows) leafHashes.set(hashLeaf(data), index * HASH_SIZE)
  await sql`
    UPDATE log.entries SET leaf_hash = sha256('\\x00'::bytea || data) WHERE log_id = ${id} AND index >= ${from} AND index < ${to}`
  await sql`
    UPDATE log.entries SET leaf_key = (((index / 1048576) * 4096 + get_byte(leaf_hash, 0) * 16 + get_byte(leaf_hash, 1) / 16)::bigint << 32)
      | (get_byte(leaf_hash, 2)::bigint << 24 | get_byte(leaf_hash, 3) << 16 | get_byte(leaf_hash, 4) << 8 | get_byte(leaf_hash, 5))
    WHERE log_id = ${id} AND index >= ${from} AND index < ${to}`
  const { tiles, root } = appendLeaves(EMPTY_EDGE, leafHashes)
  for (const tile of tiles) {
    const span = 256 ** (tile.level + 1)
    if ((tile.index + 1) * span <= from || tile.index * span >= to) continue
    await sql`UPDATE log.tiles SET hashes = ${tile.hashes}, root = ${tile.root}
      WHERE log_id = ${id} AND level = ${tile.level} AND index = ${tile.index}`
  }
  await sql`UPDATE log.heads SET root = ${root} WHERE log_id = ${id}`
  if (!everywhere) return
  for (const row of await sql<{ size: number }[]>`
    SELECT size FROM log.tree_heads WHERE log_id = ${id} AND size > ${from}`) {
    const then = appendLeaves(EMPTY_EDGE, leafHashes.subarray(0, row.size * HASH_SIZE)).root
    await sql`UPDATE log.tree_heads SET root = ${then} WHERE log_id = ${id} AND size = ${row.size}`
  }
}

/** What is left of a log that was cut to `size`, as a backup of that time would be. */
async function cut({ sql, id, leafHashes }: Target, size: number): Promise<void> {
  await sql`DELETE FROM log.entries WHERE log_id = ${id} AND index >= ${size}`
  await sql`DELETE FROM log.tiles WHERE log_id = ${id} AND (index + 1) * power(256, level + 1) > ${size}`
  const { root } = appendLeaves(EMPTY_EDGE, leafHashes.subarray(0, size * HASH_SIZE))
  await sql`UPDATE log.heads SET size = ${size}, root = ${root} WHERE log_id = ${id}`
}

const inHeads = ({ table }: Finding): boolean => table === 'heads'
const inLogs = ({ table }: Finding): boolean => table === 'logs'
const checkpointAt =
  (seq: number) =>
  ({ table, seq: from = -1, count = 1 }: Finding): boolean =>
    table === 'checkpoints' && from <= seq && seq < from + count

/** An edit of one checkpoint. @param last whether the newest may be it too */
function editCheckpoint(set: (target: Target) => string, last = true): Tampering {
  return async (target) => {
    const seq = target.pick(target.sizes.length - (last ? 0 : 1))
    const to = set(target)
    await target.sql.unsafe(`UPDATE log.checkpoints SET ${to} WHERE log_id = ${target.id} AND seq = ${seq}`)
    return { did: `checkpoint ${seq}: ${to}`, named: checkpointAt(seq) }
  }
}

function editLog(set: (target: Target) => string): Tampering {
  return async (target) => {
    const to = set(target)
    await target.sql.unsafe(`UPDATE log.logs SET ${to} WHERE log_id = ${target.id}`)
    return { did: `log row: ${to}`, named: inLogs }
  }
}

function editHead(set: (target: Target) => string): Tampering {
  return async (target) => {
    const to = set(target)
    await target.sql.unsafe(`UPDATE log.heads SET ${to} WHERE log_id = ${target.id}`)
    return { did: `head: ${to}`, named: inHeads }
  }
}

function orphan(table: string, values: string): Tampering {
  return async ({ sql, pick }) => {
    // Entries and tiles of a positive number that no log has are what an unfinished import leaves.
    const log = (1000 + pick(1_000_000)) * (['entries', 'tiles'].includes(table) ? -1 : 1)
    await sql.unsafe(`INSERT INTO log.${table} VALUES (${log}, ${values})`)
    return { did: `a row of log ${log} in ${table}`, named: (finding) => finding.column === `log_id ${log}` }
  }
}

const ZEROS = (bytes: number): string => `decode('${'00'.repeat(bytes)}', 'hex')`
const SHA = `sha256('x')`

/** Every kind, by name. */
export const TAMPERINGS: Readonly<Record<string, Tampering>> = {
  'flip data': flipEntry('data', 12),
  'flip leaf_hash': flipEntry('leaf_hash', 32),
  'flip leaf_key': async ({ sql, id, size, pick }) => {
    const index = pick(size)
    await sql.unsafe(
      `UPDATE log.entries SET leaf_key = leaf_key # (1::bigint << ${pick(62)}) WHERE log_id = ${id} AND index = ${index}`,
    )
    return { did: `flip leaf_key of entry ${index}`, named: entryAt(index) }
  },
  'replace an entry and its hash': async ({ sql, id, size, pick }) => {
    const index = pick(size)
    const forged = Buffer.from('forged')
    await sql`UPDATE log.entries SET data = ${forged}, leaf_hash = ${hashLeaf(forged)} WHERE log_id = ${id} AND index = ${index}`
    return { did: `replace entry ${index}`, named: entryAt(index) }
  },
  'flip tile hashes': flipTile('hashes', 8192),
  'flip tile root': flipTile('root', 32),
  'delete entries': async ({ sql, id, size, pick }) => {
    const index = pick(size)
    const to = Math.min(size, index + 1 + pick(3))
    await sql`DELETE FROM log.entries WHERE log_id = ${id} AND index >= ${index} AND index < ${to}`
    return { did: `delete entries ${index} to ${to}`, named: entryAt(index) }
  },
  'delete a tile': async ({ sql, id, tiles, pick }) => {
    const { level, index } = tiles[pick(tiles.length)]!
    await sql`DELETE FROM log.tiles WHERE log_id = ${id} AND level = ${level} AND index = ${index}`
    return { did: `delete tile ${level}/${index}`, named: tileAt(level, index) }
  },
  'insert an entry': async ({ sql, id, size, pick }) => {
    const index = pick(2) === 0 ? size + pick(1000) : -1 - pick(1000)
    await sql.unsafe(`INSERT INTO log.entries VALUES (${id}, ${index}, 0, ${SHA}, 'x')`)
    return { did: `insert entry ${index}`, named: entryAt(index) }
  },
  'insert a tile': async ({ sql, id, size, pick }) => {
    const level = pick(9) - 1
    const index = level < 0 || level > 6 ? pick(9) : Math.floor(size / 256 ** (level + 1)) + pick(9)
    await sql.unsafe(`INSERT INTO log.tiles VALUES (${id}, ${level}, ${index}, ${ZEROS(8192)}, ${SHA})`)
    return { did: `insert tile ${level}/${index}`, named: tileAt(level, index) }
  },
  'shift entries': async ({ sql, id, size, pick }) => {
    const index = size - 1 - pick(Math.min(size, 300))
    await sql`UPDATE log.entries SET index = -index - 2 WHERE log_id = ${id} AND index >= ${index}`
    await sql`UPDATE log.entries SET index = -index - 1 WHERE log_id = ${id} AND index < 0`
    await sql.unsafe(`INSERT INTO log.entries VALUES (${id}, ${index}, 0, ${SHA}, 'x')`)
    return { did: `insert before entry ${index}`, named: entryAt(index) }
  },
  'swap entries': async ({ sql, id, size, pick }) => {
    const a = pick(size)
    const b = (a + 1 + pick(size - 1)) % size
    await sql`
      UPDATE log.entries e SET data = o.data, leaf_hash = o.leaf_hash FROM log.entries o
      WHERE e.log_id = ${id} AND o.log_id = ${id} AND e.index IN (${a}, ${b}) AND o.index = ${a + b} - e.index`
    return { did: `swap entries ${a} and ${b}`, named: entryAt(a) }
  },
  'swap tiles': async ({ sql, id, tiles, pick }) => {
    const level0 = tiles.filter(({ level }) => level === 0)
    const a = pick(level0.length)
    const b = (a + 1 + pick(level0.length - 1)) % level0.length
    await sql`
      UPDATE log.tiles t SET hashes = o.hashes, root = o.root FROM log.tiles o
      WHERE t.log_id = ${id} AND o.log_id = ${id} AND t.level = 0 AND o.level = 0
        AND t.index IN (${a}, ${b}) AND o.index = ${a + b} - t.index`
    return { did: `swap tiles ${a} and ${b}`, named: tileAt(0, a) }
  },
  'truncate the tail': async ({ sql, id, size, pick }) => {
    const index = pick(size)
    await sql`DELETE FROM log.entries WHERE log_id = ${id} AND index >= ${index}`
    if (pick(2) === 0)
      await sql`DELETE FROM log.tiles WHERE log_id = ${id} AND (index + 1) * power(256, level + 1) > ${index}`
    return { did: `delete entries from ${index}`, named: entryAt(index) }
  },
  'truncate tail and head': async (target) => {
    const size = target.pick(target.size)
    await cut(target, size)
    return { did: `cut to ${size}, with a head that fits`, named: inHeads }
  },
  'restore a backup': async (target) => {
    const seq = target.pick(target.sizes.length - 1)
    const size = target.sizes[seq]!
    await cut(target, size)
    await target.sql`DELETE FROM log.checkpoints WHERE log_id = ${target.id} AND seq > ${seq}`
    await target.sql`DELETE FROM log.tree_heads WHERE log_id = ${target.id} AND size > ${size}`
    return { did: `restore the backup of size ${size}`, named: inHeads }
  },
  'rewrite the tree': async (target) => {
    const from = target.pick(target.size)
    await rewrite(target, from, false)
    return { did: `rewrite from ${from}: entries, tiles, head`, named: entryAt(from) }
  },
  'rewrite everything but signatures': async (target) => {
    const from = target.pick(target.size)
    await rewrite(target, from, true)
    return { did: `rewrite from ${from}: also tree_heads`, named: entryAt(from) }
  },
  'flip note': editCheckpoint(({ pick }) => FLIP('note', pick(3300), pick(8))),
  'checkpoint size': editCheckpoint(({ pick }) => `size = size + ${1 + pick(9)}`),
  'checkpoint root': editCheckpoint(({ pick }) => FLIP('root', pick(32), pick(8))),
  'checkpoint time': editCheckpoint(({ pick }) => `signed_at = signed_at - ${1000 + pick(1e6)}`),
  'delete a checkpoint': async ({ sql, id, sizes, pick }) => {
    const seq = pick(sizes.length)
    await sql`DELETE FROM log.checkpoints WHERE log_id = ${id} AND seq = ${seq}`
    return { did: `delete checkpoint ${seq}`, named: checkpointAt(seq) }
  },
  'insert a checkpoint': async ({ sql, id, sizes, pick }) => {
    const seq = sizes.length + pick(3)
    const from = pick(sizes.length)
    await sql`INSERT INTO log.checkpoints SELECT log_id, ${seq}::bigint, size, root, signed_at + 5000, note
      FROM log.checkpoints WHERE log_id = ${id} AND seq = ${from}`
    return { did: `insert checkpoint ${seq} like ${from}`, named: checkpointAt(seq) }
  },
  'swap checkpoints': async ({ sql, id, sizes, pick }) => {
    const a = pick(sizes.length - 1)
    await sql`UPDATE log.checkpoints SET seq = 1000000 WHERE log_id = ${id} AND seq = ${a}`
    await sql`UPDATE log.checkpoints SET seq = ${a} WHERE log_id = ${id} AND seq = ${a + 1}`
    await sql`UPDATE log.checkpoints SET seq = ${a + 1} WHERE log_id = ${id} AND seq = 1000000`
    return {
      did: `swap checkpoints ${a} and ${a + 1}`,
      named: (f) => checkpointAt(a)(f) || checkpointAt(a + 1)(f),
    }
  },
  'flip tree head': async ({ sql, id, sizes, pick }) => {
    const size = sizes[pick(sizes.length)]!
    await sql.unsafe(
      `UPDATE log.tree_heads SET ${FLIP('root', pick(32), pick(8))} WHERE log_id = ${id} AND size = ${size}`,
    )
    return { did: `flip tree head ${size}`, named: (f) => f.table === 'tree_heads' && f.size === size }
  },
  'delete a tree head': async ({ sql, id, sizes, pick }) => {
    const size = sizes[pick(sizes.length)]!
    await sql`DELETE FROM log.tree_heads WHERE log_id = ${id} AND size = ${size}`
    return { did: `delete tree head ${size}`, named: (f) => f.table === 'tree_heads' && f.size === size }
  },
  'insert a tree head': async ({ sql, id, sizes, size, pick }) => {
    let at = pick(size + 100) - 20
    while (sizes.includes(at)) at++
    await sql.unsafe(`INSERT INTO log.tree_heads VALUES (${id}, ${at}, ${SHA})`)
    return { did: `insert tree head ${at}`, named: (f) => f.table === 'tree_heads' && f.size === at }
  },
  'head size': editHead(({ pick, size }) => `size = ${pick(2) === 0 ? size + 1 + pick(500) : pick(size)}`),
  'head root': editHead(({ pick }) => FLIP('root', pick(32), pick(8))),
  'head state': editHead(({ pick }) => `state = '${pick(2) === 0 ? 'draining' : 'frozen'}'`),
  'delete the head': async ({ sql, id }) => {
    await sql`DELETE FROM log.heads WHERE log_id = ${id}`
    return { did: 'delete the head', named: inHeads }
  },
  'log vkeys': editLog(({ pick, origin }) => {
    const seed = new Uint8Array(32).fill(pick(256))
    const evil = vkeyOf(generateSkey(origin, 1, seed))
    return ['vkeys = vkeys[2:2]', `vkeys = vkeys || '${evil}'::text`, `vkeys[1] = '${evil}'`, "vkeys = '{}'"][
      pick(4)
    ]!
  }),
  'log origin': editLog(({ pick }) => `origin = origin || '${pick(10)}'`),
  'log name': editLog(({ pick }) => `name = name || '${pick(10)}'`),
  'log switches': editLog(
    ({ pick }) =>
      [
        'public = NOT public',
        'dedup = NOT dedup',
        "created_at = created_at - interval '1 day'",
        'mirrored = NOT mirrored',
      ][pick(4)]!,
  ),
  'delete the log row': async ({ sql, id }) => {
    await sql`DELETE FROM log.logs WHERE log_id = ${id}`
    return { did: 'delete the row of the log', named: inLogs }
  },
  'add a key': async ({ sql, id, origin, pick }) => {
    const evil = vkeyOf(generateSkey(origin, 1, new Uint8Array(32).fill(pick(256))))
    await sql`INSERT INTO log.changes VALUES (${id}, 0, 'key_added', ${evil})`
    return { did: 'add a key', named: (f) => f.table === 'logs' || f.table === 'changes' }
  },
  'orphan entry': orphan('entries', `0, 0, ${SHA}, 'x'`),
  'orphan tile': orphan('tiles', `0, 0, ${ZEROS(8192)}, ${SHA}`),
  'orphan tree head': orphan('tree_heads', `0, ${SHA}`),
  'orphan checkpoint': orphan('checkpoints', `0, 0, ${SHA}, 0, 'x'`),
}

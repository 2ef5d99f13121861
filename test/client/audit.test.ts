import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { auditLog, type AuditOptions } from '../../src/client/audit.ts'
import { memoryHeadStore } from '../../src/client/head.ts'
import { encodeBundle } from '../../src/core/bundle.ts'
import { decodeUtf8, encodeUtf8 } from '../../src/core/bytes.ts'
import { ProoflogError } from '../../src/core/errors.ts'
import { generateSkey } from '../../src/core/keys.ts'
import { entriesUpTo, signedCheckpoint, type StaticLog, staticLog } from '../support/static-log.ts'

let log: StaticLog

beforeEach(async () => {
  log = await staticLog()
})
afterEach(() => log.close())

function audit(options: Partial<AuditOptions> = {}) {
  return auditLog({ url: log.url, vkeys: [log.vkey], retries: 0, ...options } as AuditOptions)
}

async function difference(options: Partial<AuditOptions> = {}): Promise<[string, string]> {
  try {
    await audit(options)
  } catch (error) {
    if (error instanceof ProoflogError) return [error.code, error.message]
    throw error
  }
  throw new Error('the audit found no difference')
}

describe('an honest log', () => {
  test.each([0, 1, 256, 257, 65_536, 66_000])('of %i entries passes', async (size) => {
    log.publish([])
    log.publish(entriesUpTo(Math.floor(size / 2)))
    log.publish(entriesUpTo(size))
    const seen: number[] = []
    const report = await audit({
      onProgress: (done, total) => {
        seen.push(done)
        expect(total).toBe(size)
      },
    })
    expect(report.head.checkpoint.size).toBe(size)
    expect(report.heads).toBe(3)
    expect(seen.at(-1) ?? 0).toBe(size)
    const tiles = Math.ceil(size / 256) + Math.ceil(Math.floor(size / 256) / 256) + Math.floor(size / 65_536)
    expect(report.tiles, 'every tile of the current size is compared').toBe(tiles)
  })

  test('of many published sizes passes, each of them checked', async () => {
    for (let size = 0; size <= 450; size++) log.publish(entriesUpTo(size))
    for (let beat = 0; beat < 3; beat++) log.publish(entriesUpTo(450))
    expect((await audit()).heads).toBe(454)
  })

  test('that continues the remembered head passes, and its new head is remembered', async () => {
    const heads = memoryHeadStore()
    log.publish(entriesUpTo(300))
    expect((await audit({ heads })).remembered).toBeUndefined()
    log.publish(entriesUpTo(700))
    expect((await audit({ heads })).remembered?.size).toBe(300)
    expect(await heads.load()).toEqual(log.files.get('checkpoint'))
  })

  test('on a host without a list of tree heads passes, and the report says so', async () => {
    await log.close()
    log = await staticLog({ heads: false })
    log.publish(entriesUpTo(300))
    expect((await audit()).heads).toBeUndefined()
  })

  test('whose entries may not be read is audited from its leaf hashes, and the report says so', async () => {
    log.publish(entriesUpTo(300))
    for (const path of log.files.keys()) if (path.startsWith('tile/entries')) log.files.delete(path)
    expect((await audit({ entries: false })).entries).toBe(false)
    expect(await difference()).toEqual(['tile_missing', expect.stringContaining('tile/entries/000')])
  })
})

describe('the exact place is named when', () => {
  test('an entry was altered', async () => {
    const entries = entriesUpTo(1500)
    log.publish(entries)
    const lie = entries.slice(1024, 1280)
    lie[210] = encodeUtf8('forged')
    log.files.set('tile/entries/004', encodeBundle(lie))
    expect(await difference()).toEqual(['entry_differs', 'entry 1234: leaf hash differs from tile/0/004'])
  })

  test('a hash tile of a higher level was altered', async () => {
    log.publish(entriesUpTo(66_000))
    log.files.get('tile/1/000')![17 * 32] = 99
    expect(await difference()).toEqual([
      'tile_differs',
      'tile/1/000: hash 17 is not that of the tile below it',
    ])
  })

  test('a partial tile of a higher level was altered', async () => {
    log.publish(entriesUpTo(66_000))
    const partial = log.files.get('tile/2/000.p/1')!
    partial[0] = 255 - partial[0]!
    expect(await difference()).toEqual([
      'tile_differs',
      'tile/2/000.p/1: hash 0 is not that of the tile below it',
    ])
  })

  test('a tile was truncated or is gone', async () => {
    log.publish(entriesUpTo(600))
    log.files.set('tile/0/001', log.files.get('tile/0/001')!.slice(0, 100))
    expect(await difference()).toEqual(['tile_differs', 'tile/0/001: 100 bytes instead of 8192'])
    log.files.delete('tile/0/001')
    expect(await difference()).toEqual(['tile_missing', expect.stringContaining('tile/0/001')])
  })

  test('an entry and all tiles were altered, but not what was signed', async () => {
    const entries = entriesUpTo(600)
    log.publish(entries)
    const checkpoint = log.files.get('checkpoint')!
    entries[10] = encodeUtf8('forged')
    log.publish(entries)
    log.files.set('checkpoint', checkpoint)
    expect(await difference()).toEqual([
      'heads_inconsistent',
      expect.stringContaining('root at size 600: tree head 0'),
    ])
  })

  test('the newest checkpoint alone has another root', async () => {
    await log.close()
    log = await staticLog({ heads: false })
    log.publish(entriesUpTo(600))
    log.files.set('checkpoint', signedCheckpoint(log.skey, log.origin, entriesUpTo(601).slice(1)))
    expect(await difference()).toEqual([
      'root_differs',
      expect.stringContaining('root at size 600: the checkpoint'),
    ])
  })

  test('a tree head was published long ago that is no part of this tree', async () => {
    log.publish([...entriesUpTo(99), encodeUtf8('taken back')])
    log.publish(entriesUpTo(400))
    expect(await difference()).toEqual([
      'heads_inconsistent',
      expect.stringContaining('root at size 100: tree head 0'),
    ])
  })

  test('the remembered head is no part of this tree', async () => {
    const heads = memoryHeadStore()
    const remembered = signedCheckpoint(log.skey, log.origin, [...entriesUpTo(99), encodeUtf8('taken back')])
    await heads.save(remembered)
    log.publish(entriesUpTo(400))
    expect(await difference({ heads })).toEqual([
      'heads_inconsistent',
      expect.stringContaining('root at size 100: the remembered head'),
    ])
    expect(await heads.load()).toEqual(remembered)
  })

  test('the log is smaller than the remembered head', async () => {
    const heads = memoryHeadStore()
    await heads.save(signedCheckpoint(log.skey, log.origin, entriesUpTo(401)))
    log.publish(entriesUpTo(400))
    expect((await difference({ heads }))[0]).toBe('head_rewound')
  })

  test('the log shrank between two published heads', async () => {
    for (const size of [300, 299, 400]) log.publish(entriesUpTo(size))
    expect(await difference()).toEqual([
      'head_rewound',
      'tree head 1: size 299, after size 300 was signed before it',
    ])
  })

  test('the checkpoint is older than the list of tree heads', async () => {
    log.publish(entriesUpTo(10))
    const old = log.files.get('checkpoint')!
    log.publish(entriesUpTo(300))
    log.files.set('checkpoint', old)
    expect((await difference())[0]).toBe('head_rewound')
  })

  test('a tree head is missing from the list', async () => {
    for (let size = 0; size < 5; size++) log.publish(entriesUpTo(size))
    changeHeads((sths) => sths.filter(({ seq }) => seq !== 2))
    expect(await difference()).toEqual(['head_missing', 'tree head 2: not in the list'])
  })

  test('the signature of an old tree head is wrong', async () => {
    for (let size = 0; size < 5; size++) log.publish(entriesUpTo(size))
    const other = generateSkey(log.origin, 0x01, new Uint8Array(32).fill(9))
    const forged = decodeUtf8(signedCheckpoint(other, log.origin, entriesUpTo(3)))
    changeHeads((sths) => sths.map((sth) => (sth.seq === 3 ? { ...sth, checkpoint: forged } : sth)))
    expect(await difference()).toEqual([
      'signature_refused',
      expect.stringContaining('signature of tree head 3'),
    ])
  })

  test('the list says another root than the signed checkpoint in it', async () => {
    for (let size = 0; size < 5; size++) log.publish(entriesUpTo(size))
    changeHeads((sths) => sths.map((sth) => (sth.seq === 3 ? { ...sth, tree_size: 2 } : sth)))
    expect((await difference())[1]).toContain('tree head 3')
  })

  test('the signature of the checkpoint is wrong', async () => {
    log.publish(entriesUpTo(3))
    const note = log.files.get('checkpoint')!
    note[note.length - 5] = note[note.length - 5] === 65 ? 66 : 65
    expect((await difference())[0]).toMatch(/signature_invalid|invalid_note/)
  })
})

interface Sth {
  readonly seq: number
  readonly tree_size: number
  readonly checkpoint: string
}

/** Answers GET /sths with changed tree heads. */
function changeHeads(change: (sths: Sth[]) => Sth[]): void {
  let asking = false
  log.intercept((request, response) => {
    if (asking || !request.url?.startsWith('/sths')) return false
    asking = true
    void fetch(`${log.url}${request.url}`)
      .then((answer) => answer.json())
      .then((body) => {
        asking = false
        response.end(JSON.stringify({ ...(body as object), sths: change((body as { sths: Sth[] }).sths) }))
      })
    return true
  })
}

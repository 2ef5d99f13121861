// Logs as files on an HTTP server, one of them by Tessera; each violation is made by changing what is served.
import { readFileSync } from 'node:fs'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encodeBundle } from '../../src/core/bundle.ts'
import { decodeUtf8, encodeUtf8, fromBase64 } from '../../src/core/bytes.ts'
import { ProofError } from '../../src/core/errors.ts'
import { hashLeaf } from '../../src/core/hash.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import { parsePolicy } from '../../src/core/policy.ts'
import { verifyEvidence } from '../../src/monitor/evidence.ts'
import { formatState, memoryStateStore, parseState } from '../../src/monitor/state.ts'
import { cosigned, forked, monitored, WITNESS_KEYS, witnessPolicy } from '../support/monitored.ts'
import { referenceTree } from '../support/reference-tree.ts'
import {
  entriesUpTo,
  signedCheckpoint,
  signedHead,
  type StaticLog,
  staticLog,
} from '../support/static-log.ts'

const NOW = 1_800_000_000
let log: StaticLog

beforeEach(async () => {
  log = await staticLog()
})
afterEach(async () => {
  await log.close()
})

describe('an honest log', () => {
  test.each([0, 1, 255, 256, 257, 65_536, 66_000])(
    'of %i entries is followed from first use',
    async (size) => {
      log.publish(entriesUpTo(Math.floor(size / 2)))
      const monitor = monitored(log, { entries: true })
      expect(await monitor.round()).toMatchObject({ firstUse: true, violations: [], failure: undefined })
      log.publish(entriesUpTo(size))
      const second = await monitor.round()
      expect(second).toMatchObject({ firstUse: false, violations: [], warnings: [], entries: size })
      expect(second.head?.checkpoint.size).toBe(size)
      log.asked.length = 0
      expect(await monitor.codes()).toEqual([])
      const bundles = log.asked.filter((path) => path.startsWith('tile/entries'))
      expect(bundles, 'nothing is hashed twice').toEqual([])
    },
  )

  test('of Tessera is followed through every size that it published', async () => {
    const read = (name: string) =>
      JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8')) as Record<
        string,
        string[]
      >
    const { checkpoints = [] } = read('tessera-checkpoints.json')
    const { tiles = [], bundles = [] } = read('tessera-tiles.json')
    const [vkey] = [
      JSON.parse(readFileSync(new URL('../vectors/tessera-checkpoints.json', import.meta.url), 'utf8'))
        .vkey as string,
    ]
    const monitor = monitored({ url: log.url, vkey }, { entries: true })
    for (const [size, checkpoint] of checkpoints.entries()) {
      log.files.set('checkpoint', encodeUtf8(checkpoint))
      if (size > 0) {
        log.files.set(`tile/0/000.p/${size}`, fromBase64(tiles[size - 1]!))
        log.files.set(`tile/entries/000.p/${size}`, fromBase64(bundles[size - 1]!))
      }
      expect(await monitor.round()).toMatchObject({ violations: [], failure: undefined, entries: size })
    }
    log.files.set('checkpoint', encodeUtf8(checkpoints[7]!))
    expect(await monitor.codes()).toEqual(['rewound'])
  })

  test('whose partial tiles are gone is followed by its full ones', async () => {
    log.publish(entriesUpTo(300))
    const monitor = monitored(log)
    expect(await monitor.codes()).toEqual([])
    log.publish(entriesUpTo(600))
    for (const path of log.files.keys()) if (path === 'tile/0/001.p/44') log.files.delete(path)
    expect(await monitor.codes()).toEqual([])
  })

  test('goes on where the state file says, and hashes only new entries', async () => {
    const store = memoryStateStore()
    log.publish(entriesUpTo(70_000))
    expect(await monitored(log, { store, entries: true }).codes()).toEqual([])
    const bytes = formatState((await store.load())!)
    const again = memoryStateStore()
    await again.save(parseState(bytes, 'state'))
    log.publish(entriesUpTo(70_500))
    log.asked.length = 0
    expect(await monitored(log, { store: again, entries: true }).round()).toMatchObject({
      violations: [],
      entries: 70_500,
    })
    expect(log.asked.filter((path) => path.startsWith('tile/entries'))).toEqual([
      'tile/entries/273',
      'tile/entries/274',
      'tile/entries/275.p/100',
    ])
  })

  test('whose entries could not all be read is not hashed again from the first', async () => {
    log.publish(entriesUpTo(66_000))
    log.intercept((request, response) => {
      if (!(request.url ?? '').includes('entries/257')) return false
      response.writeHead(503).end()
      return true
    })
    const monitor = monitored(log, { entries: true })
    expect(await monitor.round()).toMatchObject({
      violations: [],
      failure: { code: 'unavailable' },
      entries: 65_792,
    })
    log.intercept(() => false)
    log.asked.length = 0
    expect(await monitor.round()).toMatchObject({ violations: [], entries: 66_000 })
    expect(log.asked.filter((path) => path.startsWith('tile/entries'))).toEqual(['tile/entries/257.p/208'])
  })
})

describe('signatures', () => {
  test('of another key are refused, and the note is kept', async () => {
    log.publish(entriesUpTo(5))
    const stranger = generateSkey(log.origin, 0x01, new Uint8Array(32).fill(9))
    const note = signedCheckpoint(stranger, log.origin, entriesUpTo(5))
    log.files.set('checkpoint', note)
    const { violations, head } = await monitored(log).round()
    expect(violations).toMatchObject([{ code: 'signature_refused', notes: { offered: note } }])
    expect(head).toBeUndefined()
  })

  test('that do not verify are refused', async () => {
    log.publish(entriesUpTo(5))
    const text = decodeUtf8(log.files.get('checkpoint')!).replace('\n5\n', '\n6\n')
    log.files.set('checkpoint', encodeUtf8(text))
    expect(await monitored(log).codes()).toEqual(['signature_refused'])
  })

  test('of another log of the policy are refused once a log is followed', async () => {
    const key = generateSkey('log.example/two', 0x01, new Uint8Array(32).fill(5))
    const policy = parsePolicy(`log ${log.vkey}\nlog ${vkeyOf(key)}\nquorum none\n`)
    log.publish(entriesUpTo(5))
    const monitor = monitored(log, { policy })
    expect(await monitor.codes()).toEqual([])
    log.files.set('checkpoint', signedCheckpoint(key, 'log.example/two', entriesUpTo(6)))
    expect(await monitor.codes()).toEqual(['signature_refused'])
  })

  test('are asked of the quorum: too few cosignatures are a finding of their own', async () => {
    log.publish(entriesUpTo(5))
    const plain = log.files.get('checkpoint')!
    const monitor = monitored(log, { policy: witnessPolicy(log, 'any') })
    expect(await monitor.codes()).toEqual(['quorum_missed'])
    expect(await monitor.store.load(), 'a head without quorum is not remembered').toBeUndefined()
    log.files.set('checkpoint', await cosigned(plain, WITNESS_KEYS[1]!, NOW))
    expect(await monitor.codes()).toEqual([])
  })
})

describe('freshness', () => {
  test('is measured from the newest cosignature', async () => {
    log.publish(entriesUpTo(5))
    const first = await cosigned(log.files.get('checkpoint')!, WITNESS_KEYS[0]!, NOW - 5_000)
    log.files.set('checkpoint', await cosigned(first, WITNESS_KEYS[1]!, NOW - 900))
    const monitor = monitored(log, { policy: witnessPolicy(log, 'w1') })
    expect(await monitor.codes()).toEqual([])
    monitor.now += 1_000
    const { violations } = await monitor.round()
    expect(violations).toMatchObject([{ code: 'stale' }])
    log.files.set('checkpoint', await cosigned(first, WITNESS_KEYS[1]!, NOW))
    expect(await monitor.codes()).toEqual([])
  })

  test('of a log whose signatures have no time is that of its size', async () => {
    log.publish(entriesUpTo(5))
    const monitor = monitored(log)
    expect(await monitor.codes()).toEqual([])
    monitor.now += 900_000
    expect(await monitor.codes()).toEqual([])
    monitor.now += 1
    expect(await monitor.codes()).toEqual(['stale'])
    log.publish(entriesUpTo(6))
    expect(await monitor.codes()).toEqual([])
  })

  test('is not granted by a time that has not come', async () => {
    log.publish(entriesUpTo(5))
    const first = await cosigned(log.files.get('checkpoint')!, WITNESS_KEYS[0]!, NOW - 5_000)
    log.files.set('checkpoint', await cosigned(first, WITNESS_KEYS[1]!, NOW + 100_000))
    const { violations, warnings } = await monitored(log, { policy: witnessPolicy(log, 'any') }).round()
    expect(violations).toMatchObject([{ code: 'stale' }])
    expect(warnings).toEqual([expect.stringContaining('which has not come')])
  })

  test('ends with silence: a log that cannot be reached is no violation until it is old', async () => {
    log.publish(entriesUpTo(5))
    const monitor = monitored(log)
    expect(await monitor.codes()).toEqual([])
    await log.close()
    monitor.now += 60_000
    expect(await monitor.round()).toMatchObject({ violations: [], failure: { code: 'unreachable' } })
    monitor.now += 900_000
    expect(await monitor.codes()).toEqual(['stale'])
  })
})

describe('growth', () => {
  test('that goes backwards is reported with both notes, and the larger head stays remembered', async () => {
    log.publish(entriesUpTo(300))
    const remembered = log.files.get('checkpoint')!
    const monitor = monitored(log)
    await monitor.round()
    log.publish(entriesUpTo(200))
    const offered = log.files.get('checkpoint')!
    for (let i = 0; i < 2; i++) {
      const { violations } = await monitor.round()
      expect(violations).toMatchObject([{ code: 'rewound', notes: { remembered, offered } }])
    }
    expect(monitor.pauses, 'looked at again').toHaveLength(8)
  })

  test('that a server behind the others hides for a moment is no violation', async () => {
    log.publish(entriesUpTo(300))
    const monitor = monitored(log)
    await monitor.round()
    log.publish(entriesUpTo(200))
    monitor.onPause = () => log.publish(entriesUpTo(301))
    expect(await monitor.codes()).toEqual([])
  })

  test.each([
    [300, 300, 150],
    [300, 700, 299],
    [300, 700, 0],
    [256, 700, 17],
    [65_536, 66_000, 65_535],
  ])('from %i to %i of a tree that branched at %i is a fork, proven', async (from, to, branch) => {
    log.publish(entriesUpTo(from))
    const remembered = log.files.get('checkpoint')!
    const monitor = monitored(log)
    await monitor.round()
    log.publish(forked(to, branch))
    const offered = log.files.get('checkpoint')!
    const { violations } = await monitor.round()
    expect(violations).toMatchObject([{ code: 'fork', notes: { remembered, offered } }])
    const [{ divergence } = { divergence: undefined }] = violations
    const policy = parsePolicy(`log ${log.vkey}\nquorum none\n`)
    expect(verifyEvidence({ divergence }, { remembered, offered }, policy).verdict).toBe('fork')
    expect((await monitor.store.load())!.note).toEqual(remembered)
  })

  test('evidence against an honest log proves nothing', async () => {
    log.publish(entriesUpTo(300))
    const remembered = log.files.get('checkpoint')!
    log.publish(entriesUpTo(700))
    const offered = log.files.get('checkpoint')!
    const policy = parsePolicy(`log ${log.vkey}\nquorum none\n`)
    const forgery = { divergence: { root: new Uint8Array(32).fill(1), proof: [new Uint8Array(32)] } }
    expect(() => verifyEvidence(forgery, { remembered, offered }, policy)).toThrow(ProofError)
    const tree = referenceTree((index) => hashLeaf(encodeUtf8(`entry ${index}`)))
    const honest = { divergence: { root: tree.root(0, 300), proof: tree.consistency(300, 700) } }
    expect(() => verifyEvidence(honest, { remembered, offered }, policy)).toThrow('this is no fork')
    const stranger = generateSkey(log.origin, 0x01, new Uint8Array(32).fill(9))
    const forged = signedCheckpoint(stranger, log.origin, forked(300, 1))
    expect(() => verifyEvidence({ divergence: undefined }, { remembered: forged, offered }, policy)).toThrow(
      'No signature',
    )
  })

  test('that damaged tiles hide is reported as damaged tiles, not as a fork', async () => {
    log.publish(entriesUpTo(600))
    const monitor = monitored(log)
    await monitor.round()
    log.publish(entriesUpTo(1_500))
    log.files.get('tile/0/002')![5] = 77
    expect(await monitor.codes()).toEqual(['tile_differs'])
    log.files.delete('tile/0/002')
    expect(await monitor.codes()).toEqual(['tile_missing'])
    log.publish(entriesUpTo(1_500))
    expect(await monitor.codes(), 'nothing damaged was remembered').toEqual([])
  })

  test('of a root that the tiles do not have is reported', async () => {
    log.publish(entriesUpTo(600))
    log.files.set('checkpoint', signedHead(log.skey, log.origin, 600, new Uint8Array(32).fill(3)))
    expect(await monitored(log).codes()).toEqual(['root_differs'])
    log.files.set('checkpoint', signedHead(log.skey, log.origin, 0, new Uint8Array(32).fill(3)))
    expect(await monitored(log).codes()).toEqual(['root_differs'])
  })
})

describe('entries', () => {
  test('that are not those of the tree are named', async () => {
    log.publish(entriesUpTo(300))
    const monitor = monitored(log, { entries: true })
    expect(await monitor.codes()).toEqual([])
    log.publish(entriesUpTo(900))
    const lie = entriesUpTo(768).slice(512)
    lie[88] = encodeUtf8('forged')
    const bundle = log.files.get('tile/entries/002')!
    log.files.set('tile/entries/002', encodeBundle(lie))
    const { violations } = await monitor.round()
    expect(violations).toMatchObject([
      { code: 'entry_differs', message: expect.stringContaining('entry 600') },
    ])
    log.files.set('tile/entries/002', bundle)
    expect(await monitor.round()).toMatchObject({ violations: [], entries: 900 })
  })

  test('under tiles of a higher level that are wrong are found', async () => {
    log.publish(entriesUpTo(66_000))
    log.files.get('tile/1/000')![17 * 32] = 99
    const { violations } = await monitored(log, { entries: true }).round()
    expect(violations.map(({ code }) => code)).toEqual(['tile_differs'])
  })

  test('that give another root, with tiles to match, are found', async () => {
    log.publish(forked(600, 400))
    const tiles = [...log.files].filter(([path]) => path.includes('/001'))
    log.publish(entriesUpTo(600))
    for (const [path, bytes] of tiles) log.files.set(path, bytes)
    const monitor = monitored(log, { entries: true })
    expect(await monitor.codes()).toEqual(['root_differs'])
    log.publish(entriesUpTo(600))
    expect(await monitor.round()).toMatchObject({ violations: [], entries: 600 })
  })
})

test('a state of a log that is not believed is refused', async () => {
  log.publish(entriesUpTo(5))
  const store = memoryStateStore()
  await monitored(log, { store }).round()
  const stranger = vkeyOf(generateSkey('log.example/two', 0x01, new Uint8Array(32).fill(5)))
  const monitor = monitored({ url: log.url, vkey: stranger }, { store })
  await expect(monitor.round()).rejects.toMatchObject({ code: 'state_unusable' })
  expect(() => parseState(encodeUtf8('{"checkpoint":5}'), 'x')).toThrow(/x is not the state of a monitor/)
})

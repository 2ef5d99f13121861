import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { memoryHeadStore, type HeadStore } from '../../src/client/head.ts'
import {
  type Client,
  createClient,
  EvidenceError,
  policyFromVkeys,
  ProoflogError,
  verifyProof,
} from '../../src/client/index.ts'
import { encodeBundle } from '../../src/core/bundle.ts'
import { decodeUtf8, encodeUtf8 } from '../../src/core/bytes.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import {
  entriesUpTo,
  signedCheckpoint,
  signedHead,
  type StaticLog,
  staticLog,
} from '../support/static-log.ts'

let log: StaticLog
let heads: HeadStore

beforeEach(async () => {
  log = await staticLog()
  heads = memoryHeadStore()
})
afterEach(() => log.close())

function client(): Client {
  return createClient({ url: log.url, vkeys: [log.vkey], heads, retries: 0, pause: () => Promise.resolve() })
}

async function readAll(start?: number, end?: number): Promise<string[]> {
  const texts: string[] = []
  for await (const { entry } of client().entries(start, end)) texts.push(decodeUtf8(entry))
  return texts
}

async function failure(work: Promise<unknown>): Promise<ProoflogError> {
  const error = await work.then(
    () => new Error('it did not fail'),
    (reason: unknown) => reason,
  )
  if (error instanceof ProoflogError) return error
  throw error
}

describe('an honest log', () => {
  test.each([1, 2, 255, 256, 257, 600, 66_000])(
    'of %i entries proves its first and last entry offline',
    async (size) => {
      const entries = entriesUpTo(size)
      log.publish(entries)
      for (const index of new Set([0, Math.floor(size / 2), size - 1])) {
        const { file, proof } = await client().prove(index)
        expect(proof.index).toBe(index)
        const verified = verifyProof({ entry: entries[index]! }, file, policyFromVkeys([log.vkey]))
        expect(verified.checkpoint.size).toBe(size)
      }
    },
  )

  test.each([0, 1, 256, 700])('of %i entries gives all of them, authenticated', async (size) => {
    log.publish(entriesUpTo(size))
    expect(await readAll()).toEqual(entriesUpTo(size).map(decodeUtf8))
  })

  test('gives a range across bundles', async () => {
    log.publish(entriesUpTo(1000))
    expect(await readAll(250, 515)).toEqual(entriesUpTo(1000).slice(250, 515).map(decodeUtf8))
  })

  test('may grow between two looks, from nothing and across tiles', async () => {
    for (const size of [0, 1, 255, 256, 70_000]) {
      log.publish(entriesUpTo(size))
      expect((await client().checkpoint()).checkpoint.size).toBe(size)
    }
  })

  test('may have dropped a partial tile once the full one exists', async () => {
    log.publish(entriesUpTo(300))
    const checkpoint = log.files.get('checkpoint')!
    log.publish(entriesUpTo(600))
    for (const path of log.files.keys()) if (path.includes('001.p/')) log.files.delete(path)
    log.files.set('checkpoint', checkpoint)
    expect(await readAll(290)).toHaveLength(10)
  })

  test('says that an entry has no checkpoint yet', async () => {
    log.publish(entriesUpTo(3))
    expect((await failure(client().prove(3))).code).toBe('not_found')
    expect((await failure(client().wait(3, { timeout: 1 }))).code).toBe('wait_timeout')
  })

  test('is read in tiles that the checkpoint implies, and no others', async () => {
    log.publish(entriesUpTo(300))
    await client().prove(299)
    expect(log.asked.toSorted()).toEqual(['checkpoint', 'tile/0/001.p/44', 'tile/1/000.p/1'])
  })
})

describe('a lying log', () => {
  test('that shows another history of a larger size is caught with both notes', async () => {
    log.publish(entriesUpTo(100))
    const { note } = await client().checkpoint()
    log.publish([encodeUtf8('not entry 0'), ...entriesUpTo(200).slice(1)])
    const error = await failure(client().checkpoint())
    expect(error.code).toBe('heads_inconsistent')
    expect(error).toBeInstanceOf(EvidenceError)
    expect(error.evidence).toEqual({
      remembered: decodeUtf8(note),
      offered: decodeUtf8(log.files.get('checkpoint')!),
    })
    expect(await heads.load(), 'the honest head stays remembered').toEqual(note)
  })

  test('that signs two trees of one size is caught', async () => {
    log.publish(entriesUpTo(5))
    await client().checkpoint()
    log.publish([...entriesUpTo(4), encodeUtf8('another')])
    expect((await failure(client().checkpoint())).code).toBe('heads_inconsistent')
  })

  test('that takes entries back is caught', async () => {
    log.publish(entriesUpTo(5))
    await client().checkpoint()
    log.publish(entriesUpTo(4))
    const error = await failure(client().checkpoint())
    expect(error.code).toBe('head_rewound')
    expect(error.evidence).toHaveProperty('remembered')
  })

  test('a server that is a moment behind the others is asked again', async () => {
    log.publish(entriesUpTo(4))
    const old = log.files.get('checkpoint')!
    log.publish(entriesUpTo(5))
    const one = client()
    await one.checkpoint()
    let stale = 1
    log.intercept((request, response) => {
      if (request.url !== '/checkpoint' || stale-- <= 0) return false
      response.end(old)
      return true
    })
    expect((await one.checkpoint()).checkpoint.size).toBe(5)
  })

  test('two looks at once never leave the older head remembered', async () => {
    let loading = (): void => undefined
    let release = (): void => undefined
    const begun = new Promise<void>((resolve) => {
      loading = resolve
    })
    const gate = new Promise<void>((resolve) => {
      release = resolve
    })
    const store = memoryHeadStore()
    let looks = 0
    heads = {
      save: (note) => store.save(note),
      load: async () => {
        const known = await store.load()
        if (looks++ > 0) return known
        loading()
        await gate
        return known
      },
    }
    const one = client()
    log.publish(entriesUpTo(1))
    const older = one.checkpoint()
    await begun
    log.publish(entriesUpTo(2))
    const newer = one.checkpoint()
    // Time for the newer look to overtake the older one, if nothing held it back; it decides nothing otherwise.
    await Promise.race([newer, new Promise((resolve) => setTimeout(resolve, 200))])
    release()
    await Promise.all([older, newer])
    expect(decodeUtf8((await store.load())!)).toContain('\n2\n')
  })

  test.each([
    ['a wrong signature', (note: string) => note.replace(/\n1\n/, '\n2\n'), 'signature_invalid'],
    ['a leading zero in the size', (note: string) => note.replace('\n1\n', '\n01\n'), 'signature_invalid'],
    ['no signature', (note: string) => note.replace(/— .*\n/, ''), 'invalid_note'],
    ['trailing text', (note: string) => `${note}x`, 'invalid_note'],
    ['CRLF', (note: string) => note.replaceAll('\n', '\r\n'), 'invalid_note'],
  ])('a checkpoint with %s is refused', async (_name, change, code) => {
    log.publish(entriesUpTo(1))
    log.files.set('checkpoint', encodeUtf8(change(decodeUtf8(log.files.get('checkpoint')!))))
    expect((await failure(client().checkpoint())).code).toBe(code)
    expect(await heads.load()).toBeUndefined()
  })

  test('a checkpoint of another log with a good signature is refused', async () => {
    log.publish(entriesUpTo(1))
    log.files.set('checkpoint', signedCheckpoint(log.skey, 'log.example/other', entriesUpTo(1)))
    expect((await failure(client().checkpoint())).code).toBe('policy_unknown_log')
  })

  test('a checkpoint by another key of the same name is refused', async () => {
    const thief = generateSkey(log.origin, 0x01, new Uint8Array(32).fill(9))
    log.publish(entriesUpTo(1))
    log.files.set('checkpoint', signedCheckpoint(thief, log.origin, entriesUpTo(1)))
    expect(vkeyOf(thief)).not.toBe(log.vkey)
    expect((await failure(client().checkpoint())).code).toBe('signature_missing')
  })

  test('a truncated tile is named', async () => {
    log.publish(entriesUpTo(600))
    log.files.set('tile/0/001', log.files.get('tile/0/001')!.slice(0, 8191))
    const error = await failure(client().prove(300))
    expect([error.code, error.message]).toEqual(['tile_differs', 'tile/0/001: 8191 bytes instead of 8192'])
  })

  test('a tile longer than any tile is not read to its end', async () => {
    log.publish(entriesUpTo(600))
    log.files.set('tile/0/001', new Uint8Array(1_000_000))
    expect((await failure(client().prove(300))).code).toBe('bad_answer')
  })

  test('a missing tile is named', async () => {
    log.publish(entriesUpTo(600))
    log.files.delete('tile/0/001')
    expect((await failure(client().prove(300))).message).toContain('tile/0/001')
  })

  test('a changed tile proves nothing', async () => {
    log.publish(entriesUpTo(600))
    log.files.get('tile/0/001')![5] = 0
    expect((await failure(client().prove(300))).code).toBe('proof_root_mismatch')
  })

  test('an altered entry is named and never given out', async () => {
    const entries = entriesUpTo(600)
    log.publish(entries)
    const lie = entries.slice(256, 512)
    lie[44] = encodeUtf8('forged')
    log.files.set('tile/entries/001', encodeBundle(lie))
    const error = await failure(readAll())
    expect([error.code, error.message]).toEqual([
      'entry_differs',
      'entry 300: leaf hash differs from tile/0/001',
    ])
  })

  test('an altered entry with an altered leaf hash is never given out', async () => {
    const entries = entriesUpTo(600)
    log.publish(entries)
    const kept = new Map(log.files)
    entries[300] = encodeUtf8('forged')
    log.publish(entries)
    for (const path of kept.keys())
      if (!/^tile\/(0|entries)\//.test(path)) log.files.set(path, kept.get(path)!)
    expect((await failure(readAll())).code).toBe('tile_differs')
  })

  test('a bundle with an entry more or less is refused', async () => {
    log.publish(entriesUpTo(10))
    log.files.set('tile/entries/000.p/10', encodeBundle(entriesUpTo(11)))
    expect((await failure(readAll())).message).toContain('11 entries instead of 10')
    log.files.set('tile/entries/000.p/10', encodeBundle(entriesUpTo(10)).slice(0, -1))
    expect((await failure(readAll())).code).toBe('tile_differs')
  })

  test('a root that no tiles lead to proves nothing', async () => {
    log.publish(entriesUpTo(10))
    log.files.set('checkpoint', signedHead(log.skey, log.origin, 10, new Uint8Array(32)))
    expect((await failure(client().prove(1))).code).toBe('proof_root_mismatch')
  })
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { concat, encodeUtf8, fromHex, toBase64 } from '../../src/core/bytes.ts'
import { parseCheckpoint } from '../../src/core/checkpoint.ts'
import { formatVkey, generateSkey, parseVkey } from '../../src/core/keys.ts'
import { openNote, parseNote } from '../../src/core/note.ts'
import { localSigner, verifierOf } from '../../src/core/signer.ts'
import { formatAddCheckpoint } from '../../src/witness/wire.ts'
import { NOTES, readVectors } from '../support/note-vectors.ts'
import { signedTree } from '../support/signed-tree.ts'
import { type Answer, testWitness, type TestWitness } from '../support/witness.ts'

const SIGSUM = readVectors<{
  origin: string
  publicKey: string
  steps: { name: string; body: string; status: number; answer?: string }[]
}>('witness-sigsum.json')

/** Keys of both types for one log, so that rows 4 and 5 can be asked of each. */
const plain = signedTree('log.example/plain')
const dual = signedTree('log.example/dual', { types: [0x01, 0x06] })
const fork = signedTree(plain.origin, { skeys: plain.skeys, branch: 3 })
const stranger = signedTree(plain.origin)
const unknown = signedTree('log.example/unknown')
let made = 0
let witness: TestWitness

beforeAll(async () => {
  const sigsum = {
    origin: SIGSUM.origin,
    key: parseVkey(formatVkey(SIGSUM.origin, 0x01, fromHex(SIGSUM.publicKey))),
  }
  const sumdb = { origin: 'go.sum database tree', key: parseVkey(NOTES.sumdb.vkeys[0]!) }
  witness = await testWitness([...plain.listed, ...dual.listed, sigsum, sumdb])
  await witness.post(await plain.advance(0, 5))
})
afterAll(() => witness.remove())

/** A log that the witness has not seen; tests that change what was cosigned take one each. */
async function freshTree(options: Parameters<typeof signedTree>[1] = {}) {
  const tree = signedTree(`log.example/fresh-${++made}`, options)
  const { addLogs } = await import('../../src/witness/add-logs.ts')
  const { connect } = await import('../../src/db/connect.ts')
  const db = connect({ url: witness.database.url, max: 1 })
  await addLogs(db, tree.listed, 'test', { ownName: witness.name, moreKeys: true })
  await db.close()
  await expect.poll(async () => (await witness.post(await tree.advance(1, 1))).status).not.toBe(404)
  return tree
}

/** Opens the note with the lines of an answer, under the keys of the witness. */
function opened(note: Uint8Array, { text }: Answer) {
  return openNote(concat(note, encodeUtf8(text)), witness.vkeys.map(verifierOf))
}

describe('row by row, the status of the protocol', () => {
  const HASH = toBase64(new Uint8Array(32))
  const text = (note: Uint8Array): string => Buffer.from(note).toString()

  test.each([
    ['no empty line', `old 5\n${HASH}\n`],
    ['an empty body', ''],
    ['no old line', `${HASH}\n\nnote`],
    ['a size with a leading zero', `old 05\n\nnote`],
    ['a negative size', `old -1\n\nnote`],
    ['a hash that is not base64', `old 5\nnot base64\n\nnote`],
    ['a hash of 31 bytes', `old 5\n${toBase64(new Uint8Array(31))}\n\nnote`],
    ['64 hashes', `old 5\n${`${HASH}\n`.repeat(64)}\nnote`],
  ])('1: %s is 400, whatever the log', async (_, body) => {
    expect((await witness.post(body)).status).toBe(400)
  })

  test('2: an unknown origin is 404, before its note or its signatures are looked at', async () => {
    expect((await witness.post(await unknown.advance(0, 3))).status).toBe(404)
    expect((await witness.post('old 0\n\nlog.example/unknown\nnot a note')).status).toBe(404)
    expect((await witness.post('old 0\n\n')).status).toBe(404)
  })

  test.each([
    ['no signatures', `${plain.origin}\n5\n${HASH}\n`],
    ['a signature line without a key ID', `${plain.origin}\n5\n${HASH}\n\n— ${plain.origin} AAAA\n`],
    ['a control character', `${plain.origin}\n5\n${HASH}\n\u0001\n\n— a AAAAAAAA\n`],
    ['no final newline', `${plain.origin}\n5\n${HASH}\n\n— a AAAAAAAA`],
    ['101 signatures', `${plain.origin}\n5\n${HASH}\n\n${'— a AAAAAAAA\n'.repeat(101)}`],
  ])('3: a note with %s is 400', async (_, note) => {
    expect((await witness.post(`old 5\n\n${note}`)).status).toBe(400)
  })

  test('3: a note that is not UTF-8 is 400', async () => {
    const body = concat(encodeUtf8('old 5\n\n'), Uint8Array.of(0xff), await plain.checkpoint(5))
    expect((await witness.post(body)).status).toBe(400)
  })

  test('4: no signature of a known key is 403', async () => {
    expect((await witness.post(await stranger.advance(5, 7))).status).toBe(403)
    const nobody = text(await plain.checkpoint(7)).replaceAll(`— ${plain.origin} `, '— log.example/other ')
    expect((await witness.post(`old 5\n\n${nobody}`)).status).toBe(403)
  })

  test('4: a wrong signature of a known key is 403, also beside a right one', async () => {
    const [first, second] = parseNote(await dual.checkpoint(3)).signatures
    const other = parseNote(await dual.checkpoint(4)).signatures
    for (const [by, wrong] of [
      [1, other[0]!],
      [0, other[1]!],
    ] as const) {
      const note = await dual.checkpoint(3, { by: [by], signatures: [wrong] })
      expect((await witness.post(formatAddCheckpoint({ oldSize: 0, proof: [], note }))).status).toBe(403)
    }
    expect([first?.keyId, second?.keyId]).toEqual(dual.vkeys.map((vkey) => parseVkey(vkey).keyId))
  })

  test('5: a signed text that is no checkpoint is 400', async () => {
    const signer = localSigner(plain.skeys[0]!)
    for (const wrong of ['five\n', '05\n', '9007199254740992\n', `7\n${HASH.slice(0, -4)}\n`, '7\n']) {
      const note = `${plain.origin}\n${wrong}${wrong.split('\n').length > 2 ? '' : `${HASH}\n`}`
      const shortened = wrong === '7\n' ? `${plain.origin}\n7\n` : note
      const { blob, keyId } = await signer.sign(shortened, 0)
      const line = toBase64(concat(Buffer.from(keyId.toString(16).padStart(8, '0'), 'hex'), blob))
      const answer = await witness.post(`old 5\n\n${shortened}\n— ${plain.origin} ${line}\n`)
      expect(answer.status, wrong).toBe(400)
    }
  })

  test('5: extension lines are 400', async () => {
    const answer = await witness.post(await plain.advance(5, 7, { extensions: ['more'] }))
    expect(answer.status).toBe(400)
    expect(answer.text).toContain('extension')
  })

  test('6: an old size beyond the checkpoint is 400, before the size is compared', async () => {
    const note = await plain.checkpoint(3)
    expect((await witness.post(formatAddCheckpoint({ oldSize: 4, proof: [], note }))).status).toBe(400)
  })

  test('7: size 0 with another root than that of the empty tree is 422, first and later', async () => {
    const tree = await freshTree()
    const wrong = await tree.advance(0, 0, { root: new Uint8Array(32) })
    expect((await witness.post(wrong)).status).toBe(422)
    expect((await witness.post(await tree.advance(0, 0))).status).toBe(200)
    expect((await witness.post(wrong)).status).toBe(422)
  })

  test('8: another old size is 409, with the size cosigned last and exactly its content type', async () => {
    for (const from of [0, 3, 6]) {
      const answer = await witness.post(await plain.advance(from, 7))
      expect(answer.status).toBe(409)
      expect(answer.text).toBe('5\n')
      expect(answer.headers.get('content-type')).toBe('text/x.tlog.size')
    }
    const never = await freshTree()
    const answer = await witness.post(await never.advance(2, 3))
    expect([answer.status, answer.text]).toEqual([409, '0\n'])
  })

  test('9: a proof from size 0 is 422', async () => {
    const tree = await freshTree()
    const note = await tree.checkpoint(3)
    const proof = [new Uint8Array(32)]
    expect((await witness.post(formatAddCheckpoint({ oldSize: 0, proof, note }))).status).toBe(422)
  })

  test('9: a proof that does not hold is 422: missing, wrong, too long, of another history', async () => {
    const note = await plain.checkpoint(7)
    const right = plain.consistency(5, 7)
    const wrong = right.map((hash, i) => (i === 0 ? hash.map((byte) => byte ^ 1) : hash))
    for (const proof of [[], right.slice(1), wrong, [...right, right[0]!]])
      expect((await witness.post(formatAddCheckpoint({ oldSize: 5, proof, note }))).status).toBe(422)
    expect((await witness.post(await fork.advance(5, 7))).status).toBe(422)
  })

  test('9: the same size with another root is 422', async () => {
    expect((await witness.post(await fork.advance(5, 5))).status).toBe(422)
  })

  test('10: what continues is 200, text/plain, with a cosignature of each key over the whole tree', async () => {
    const tree = await freshTree({ types: [0x01, 0x06] })
    const before = Math.floor(Date.now() / 1000)
    for (const [from, to] of [
      [0, 0],
      [0, 1],
      [1, 6],
      [6, 6],
      [6, 300],
    ] as const) {
      const answer = await witness.post(await tree.advance(from, to))
      expect(answer.status, answer.text).toBe(200)
      expect(answer.headers.get('content-type')).toBe('text/plain; charset=utf-8')
      const { verified, note } = opened(await tree.checkpoint(to), answer)
      expect(verified.map(({ vkey }) => vkey)).toEqual(witness.vkeys)
      expect(answer.text.split('\n')).toHaveLength(3) // the witness's own lines, and nothing else
      expect(parseCheckpoint(note.text).size).toBe(to)
      for (const { timestamp } of verified) expect(timestamp).toBeGreaterThanOrEqual(before)
    }
  })

  test('nothing that was refused moved what is known', async () => {
    expect((await witness.post(await plain.advance(5, 5))).status).toBe(200)
  })
})

test('the sequence of litewitness and sunlight', async () => {
  for (const { name, body, status, answer } of SIGSUM.steps) {
    const got = await witness.post(body)
    expect(got.status, name).toBe(status)
    expect(got.text, name).toBe(answer ?? got.text)
  }
})

test('a log whose key has another name than its origin', async () => {
  const answer = await witness.post(`old 0\n\n${NOTES.sumdb.note}`)
  expect(answer.status).toBe(200)
  expect(opened(encodeUtf8(NOTES.sumdb.note), answer).verified).toHaveLength(2)
})

test('one key of a log is enough, and signatures of unknown keys are ignored', async () => {
  const tree = await freshTree({ types: [0x01, 0x06] })
  const strange = parseNote(await unknown.checkpoint(2)).signatures
  expect((await witness.post(await tree.advance(0, 2, { by: [1], signatures: strange }))).status).toBe(200)
  expect((await witness.post(await tree.advance(2, 4, { by: [0] }))).status).toBe(200)
})

test("a forged line in the witness's own name is not stored and spoils nothing", async () => {
  const tree = await freshTree()
  const [vkey = ''] = witness.vkeys
  const { name, keyId } = parseVkey(vkey)
  const forged = { name, keyId, blob: new Uint8Array(72) }
  expect((await witness.post(await tree.advance(0, 2, { signatures: [forged] }))).status).toBe(200)
  expect((await witness.post(await tree.advance(2, 5))).status).toBe(200)
  const { sql } = witness.database
  const [row] = await sql<
    { note: Uint8Array }[]
  >`SELECT note FROM witness.heads WHERE origin = ${tree.origin}`
  const verifiers = [...tree.vkeys, ...witness.vkeys].map(verifierOf)
  expect(openNote(new Uint8Array(row!.note), verifiers).verified).toHaveLength(3)
  expect(parseNote(new Uint8Array(row!.note)).signatures).toHaveLength(3)
})

test('a second key of a log, added while it runs, is believed beside the first', async () => {
  const tree = await freshTree()
  const next = signedTree(tree.origin, {
    skeys: [generateSkey(tree.origin, 0x01, new Uint8Array(32).fill(made))],
  })
  expect((await witness.post(await next.advance(0, 2))).status).toBe(403)
  const { runCli } = await import('../support/run-cli.ts')
  const added = await runCli(['witness', 'add-log', next.vkeys[0]!, '--data', witness.folder, '--json'], {
    env: { DATABASE_URL: witness.database.ownerUrl },
  })
  expect(added.code, added.err).toBe(0)
  await expect.poll(async () => (await witness.post(await next.advance(0, 2))).status).not.toBe(403)
  expect((await witness.post(await tree.advance(2, 3))).status).toBe(200)
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { concat, encodeUtf8, toBase64 } from '../../src/core/bytes.ts'
import { parseVkey } from '../../src/core/keys.ts'
import {
  formatNote,
  formatSignatures,
  type NoteSignature,
  parseNote,
  parseSignatures,
} from '../../src/core/note.ts'
import { verifySubtreeSignature } from '../../src/core/subtree-signature.ts'
import { signedTree } from '../support/signed-tree.ts'
import { testWitness, type TestWitness } from '../support/witness.ts'

const SIZE = 13
const tree = signedTree('log.example/subtrees')
const other = signedTree('log.example/other')
let witness: TestWitness
/** The checkpoint of SIZE with the lines of the witness: Ed25519, ML-DSA-44. */
let cosigned: Uint8Array
let lines: readonly NoteSignature[]

beforeAll(async () => {
  witness = await testWitness(tree.listed)
  const { text } = await witness.post(await tree.advance(0, SIZE))
  lines = parseSignatures(encodeUtf8(text))
  cosigned = concat(await tree.checkpoint(SIZE), encodeUtf8(text))
})
afterAll(() => witness.remove())

interface Parts {
  readonly range?: string
  readonly root?: Uint8Array
  readonly proof?: readonly Uint8Array[]
  readonly note?: Uint8Array
}

function body(start: number, end: number, parts: Parts = {}): Uint8Array {
  const right = tree.subtree(start, end, SIZE)
  const head = [
    parts.range ?? `subtree ${start} ${end}`,
    toBase64(parts.root ?? right.root),
    ...(parts.proof ?? right.proof).map(toBase64),
  ]
  return concat(encodeUtf8(`${head.join('\n')}\n\n`), parts.note ?? cosigned)
}

function ask(request: Uint8Array) {
  return witness.post(request, '/sign-subtree')
}

test.each([
  [0, 1],
  [0, 8],
  [0, SIZE],
  [4, 6],
  [8, 12],
  [8, SIZE],
  [12, 13],
])('leaves %i to %i are signed by the ML-DSA-44 key, without a time', async (start, end) => {
  const answer = await ask(body(start, end))
  expect(answer.status, answer.text).toBe(200)
  const signed = parseSignatures(encodeUtf8(answer.text))
  expect(signed).toHaveLength(1)
  const { root } = tree.subtree(start, end, SIZE)
  const subtree = { origin: tree.origin, start, end, root }
  const [, vkey = ''] = witness.vkeys
  expect(verifySubtreeSignature(vkey, subtree, signed[0]!)).toBe(0)
  for (const wrong of [
    { ...subtree, end: end + 1 },
    { ...subtree, origin: 'other' },
  ])
    expect(() => verifySubtreeSignature(vkey, wrong, signed[0]!)).toThrow(
      expect.objectContaining({ code: 'signature_invalid' }),
    )
})

test('the ML-DSA-44 line alone is enough, and its time does not matter', async () => {
  const note = formatNote(parseNote(cosigned).text, [lines[1]!])
  expect((await ask(body(8, 12, { note }))).status).toBe(200)
})

describe('400', () => {
  test.each([
    ['a range that is no subtree', '1 3'],
    ['an empty subtree', '4 4'],
    ['an end before its start', '8 4'],
    ['an end beyond the checkpoint', '12 14'],
    ['a leading zero', '08 12'],
    ['three numbers', '8 12 13'],
    ['one number', '8'],
    ['a sign', '+8 12'],
  ])('%s', async (_, range) => {
    expect((await ask(body(8, 12, { range: `subtree ${range}` }))).status).toBe(400)
  })

  test.each([
    ['no root', 'subtree 8 12\n\n'],
    ['a root of 31 bytes', `subtree 8 12\n${toBase64(new Uint8Array(31))}\n\n`],
    ['64 hashes', `subtree 8 12\n${`${toBase64(new Uint8Array(32))}\n`.repeat(65)}\n`],
    ['no empty line', `subtree 8 12\n${toBase64(new Uint8Array(32))}\n`],
    ['another keyword', `Subtree 8 12\n${toBase64(new Uint8Array(32))}\n\n`],
  ])('%s', async (_, head) => {
    const note = head.endsWith('\n\n') ? cosigned : new Uint8Array(0)
    expect((await ask(concat(encodeUtf8(head), note))).status).toBe(400)
  })

  test('a note without signatures', async () => {
    const note = encodeUtf8(parseNote(cosigned).text)
    expect((await ask(body(8, 12, { note }))).status).toBe(400)
  })
})

test('an unknown origin is 404', async () => {
  expect((await ask(body(8, 12, { note: await other.checkpoint(SIZE) }))).status).toBe(404)
})

describe('403', () => {
  test("without the witness's own signature", async () => {
    expect((await ask(body(8, 12, { note: await tree.checkpoint(SIZE) }))).status).toBe(403)
  })

  test('with its Ed25519 signature only', async () => {
    const note = concat(await tree.checkpoint(SIZE), formatSignatures([lines[0]!]))
    expect((await ask(body(8, 12, { note }))).status).toBe(403)
  })

  test('with its signature of another checkpoint', async () => {
    const note = await tree.checkpoint(12, { signatures: [lines[1]!] })
    expect((await ask(body(8, 12, { note }))).status).toBe(403)
  })
})

test('422: a wrong root, a wrong proof', async () => {
  const { proof } = tree.subtree(8, 12, SIZE)
  const wrong = proof.map((hash, i) => (i === 0 ? hash.map((byte) => byte ^ 1) : hash))
  for (const parts of [
    { root: new Uint8Array(32) },
    { proof: wrong },
    { proof: [] },
    { proof: [...proof, proof[0]!] },
  ])
    expect((await ask(body(8, 12, parts))).status).toBe(422)
})

test('a witness without ML-DSA-44 does not offer it', async () => {
  const plain = await testWitness(tree.listed, { mlDsa: false })
  expect((await plain.post(body(8, 12), '/sign-subtree')).status).toBe(404)
  expect(plain.vkeys.map((vkey) => parseVkey(vkey).type)).toEqual([0x04])
  await plain.remove()
})

import { beforeAll, describe, expect, test } from 'vitest'
import { decodeUtf8 } from '../../src/core/bytes.ts'
import { formatCheckpoint } from '../../src/core/checkpoint.ts'
import { generateSkey, type KeyType } from '../../src/core/keys.ts'
import { installMlDsa } from '../../src/core/ml-dsa.ts'
import { formatNote, openNote, parseNote } from '../../src/core/note.ts'
import { localSigner, verifierOf } from '../../src/core/signer.ts'
import { codeOf, NOTES, TESSERA, utf8 } from '../support/note-vectors.ts'

beforeAll(installMlDsa)

const TYPES: KeyType[] = [0x01, 0x04, 0x06]
const TEXT = formatCheckpoint({
  origin: 'example.com/log',
  size: 7,
  root: new Uint8Array(32).fill(3),
  extensions: [],
})
const signerOf = (type: KeyType, name = 'example.com/log') =>
  localSigner(generateSkey(name, type, new Uint8Array(32).fill(type)))

async function signed(type: KeyType, text = TEXT, timestamp = 1_700_000_000) {
  const signer = signerOf(type)
  return { signer, note: formatNote(text, [await signer.sign(text, timestamp)]) }
}

test('the fixed signature of the Go library comes out byte for byte', async () => {
  const signer = localSigner(NOTES.goNote.skeys![0]!)
  const [text, lines] = NOTES.goNote.note.split('\n\n')
  const note = formatNote(`${text}\n`, [await signer.sign(`${text}\n`, 0)])
  expect(decodeUtf8(note)).toBe(`${text}\n\n${lines!.split('\n')[0]}\n`)
})

test('the sixteen checkpoints of the Tessera log come out byte for byte', async () => {
  const signer = localSigner(TESSERA.skey)
  expect(signer.vkey).toBe(TESSERA.vkey)
  for (const checkpoint of TESSERA.checkpoints) {
    const { note } = openNote(utf8(checkpoint), [verifierOf(TESSERA.vkey)])
    expect(decodeUtf8(formatNote(note.text, [await signer.sign(note.text, 0)]))).toBe(checkpoint)
  }
})

test.each(TYPES)('a signature of type %i verifies, and tells the time it covers', async (type) => {
  const { signer, note } = await signed(type)
  const { verified } = openNote(note, [verifierOf(signer.vkey)])
  expect(verified).toMatchObject([{ name: signer.name, keyId: signer.keyId, vkey: signer.vkey }])
  expect(verified[0]?.timestamp).toBe(type === 0x01 ? undefined : 1_700_000_000)
})

test.each(TYPES)('a signature of type %i with one bit changed anywhere is refused', async (type) => {
  const { signer, note } = await signed(type)
  const parsed = parseNote(note)
  const [good] = parsed.signatures
  for (let at = 0; at < good!.blob.length; at += type === 0x06 ? 173 : 7) {
    const blob = Uint8Array.from(good!.blob)
    blob[at] = (blob[at]! + 1) % 256
    const forged = { ...parsed, signatures: [{ ...good!, blob }] }
    expect(codeOf(() => openNote(forged, [verifierOf(signer.vkey)]))).toBe('signature_invalid')
  }
})

test.each(TYPES)('a signature of type %i of another length is refused', async (type) => {
  const { signer, note } = await signed(type)
  const parsed = parseNote(note)
  const [good] = parsed.signatures
  for (const blob of [
    good!.blob.slice(1),
    good!.blob.slice(0, -1),
    Uint8Array.of(0, ...good!.blob),
    Uint8Array.of(0),
  ]) {
    const forged = { ...parsed, signatures: [{ ...good!, blob }] }
    expect(codeOf(() => openNote(forged, [verifierOf(signer.vkey)]))).toBe('signature_invalid')
  }
})

test.each(TYPES)('a signature of type %i does not carry over to another size', async (type) => {
  const { signer, note } = await signed(type)
  const other = decodeUtf8(note).replace('\n7\n', '\n8\n')
  expect(codeOf(() => openNote(utf8(other), [verifierOf(signer.vkey)]))).toBe('signature_invalid')
})

test('a cosignature does not pass as a plain signature of the same key, nor the reverse', async () => {
  const seed = new Uint8Array(32).fill(9)
  const [plain, timed] = [0x01, 0x04].map((type) =>
    localSigner(generateSkey('k', type as KeyType, seed)),
  ) as [ReturnType<typeof localSigner>, ReturnType<typeof localSigner>]
  const signature = await timed.sign(TEXT, 5)
  const relabelled = formatNote(TEXT, [{ ...signature, keyId: plain.keyId, blob: signature.blob.slice(8) }])
  expect(codeOf(() => openNote(relabelled, [verifierOf(plain.vkey)]))).toBe('signature_invalid')
  const raw = await plain.sign(TEXT, 5)
  const padded = formatNote(TEXT, [
    { ...raw, keyId: timed.keyId, blob: Uint8Array.of(0, 0, 0, 0, 0, 0, 0, 5, ...raw.blob) },
  ])
  expect(codeOf(() => openNote(padded, [verifierOf(timed.vkey)]))).toBe('signature_invalid')
})

test('an ML-DSA-44 signature commits to the name of the cosigner', async () => {
  const seed = new Uint8Array(32).fill(9)
  const [a, b] = ['a', 'b'].map((name) => localSigner(generateSkey(name, 0x06, seed))) as [
    ReturnType<typeof localSigner>,
    ReturnType<typeof localSigner>,
  ]
  const renamed = formatNote(TEXT, [{ ...(await a.sign(TEXT, 5)), name: b.name, keyId: b.keyId }])
  expect(codeOf(() => openNote(renamed, [verifierOf(b.vkey)]))).toBe('signature_invalid')
})

describe('extension lines', () => {
  const extended = `${TEXT}an extension\n`

  test.each([0x01, 0x04] as const)('are covered by type %i', async (type) => {
    const { signer, note } = await signed(type, extended)
    expect(openNote(note, [verifierOf(signer.vkey)]).verified).toHaveLength(1)
    const forged = utf8(decodeUtf8(note).replace('an ext', 'no ext'))
    expect(codeOf(() => openNote(forged, [verifierOf(signer.vkey)]))).toBe('signature_invalid')
  })

  test('are refused with ML-DSA-44, which does not cover them', async () => {
    const { signer, note } = await signed(0x06)
    expect(codeOf(() => signer.sign(extended, 0))).toBe('invalid_checkpoint')
    const smuggled = formatNote(extended, parseNote(note).signatures)
    expect(codeOf(() => openNote(smuggled, [verifierOf(signer.vkey)]))).toBe('signature_invalid')
  })
})

test('only a key of type 1 signs a text that is no checkpoint', () => {
  expect(codeOf(() => signerOf(0x01).sign('hello\n', 0))).toBeUndefined()
  expect(codeOf(() => signerOf(0x04).sign('hello\n', 0))).toBe('invalid_checkpoint')
  expect(codeOf(() => signerOf(0x06).sign('hello\n', 0))).toBe('invalid_checkpoint')
})

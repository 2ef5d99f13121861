import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { EMPTY_EDGE, appendLeaves } from '../../src/core/append.ts'
import { decodeUtf8, toBase64 } from '../../src/core/bytes.ts'
import { formatCheckpoint } from '../../src/core/checkpoint.ts'
import { hashLeaf, hashNode, type Hash } from '../../src/core/hash.ts'
import { generateSkey } from '../../src/core/keys.ts'
import { installMlDsa } from '../../src/core/ml-dsa.ts'
import { parsePolicy, policyFromVkeys } from '../../src/core/policy.ts'
import {
  formatProofFile,
  MAX_EXTRA_SIZE,
  MAX_PROOF_FILE_SIZE,
  parseProofFile,
} from '../../src/core/proof-file.ts'
import { foldPlan } from '../../src/core/proof.ts'
import { localSigner, type Signer } from '../../src/core/signer.ts'
import { type NodeId, planInclusion } from '../../src/core/tree.ts'
import { verifyProof } from '../../src/core/verify-proof.ts'
import { codeOf, mutate, signNote, TESSERA, utf8 } from '../support/note-vectors.ts'

beforeAll(installMlDsa)

const sha = (text: string) => new Uint8Array(createHash('sha256').update(text).digest())
const [H1, H2] = [sha('hash1'), sha('hash2')]
const HEADER = 'c2sp.org/tlog-proof@v1'

/** The hash of a perfect subtree, from the leaf hashes below it. */
function nodeHash(leaves: readonly Hash[], { level, index }: NodeId): Hash {
  if (level === 0) return leaves[index]!
  const child = (at: number) => nodeHash(leaves, { level: level - 1, index: at })
  return hashNode(child(2 * index), child(2 * index + 1))
}

const pathOf = (leaves: readonly Hash[], index: number) =>
  foldPlan(planInclusion(index, leaves.length), (node) => nodeHash(leaves, node))

describe('the text of a proof', () => {
  test.each([
    [
      { index: 5, path: [H1, H2], checkpoint: utf8('test checkpoint\n') },
      `${HEADER}\nindex 5\n${toBase64(H1)}\n${toBase64(H2)}\n\ntest checkpoint\n`,
    ],
    [
      { index: 10, extra: utf8('extra information'), path: [H1], checkpoint: utf8('checkpoint data\n') },
      `${HEADER}\nextra ZXh0cmEgaW5mb3JtYXRpb24=\nindex 10\n${toBase64(H1)}\n\ncheckpoint data\n`,
    ],
    [{ index: 0, path: [], checkpoint: utf8('checkpoint\n') }, `${HEADER}\nindex 0\n\ncheckpoint\n`],
  ])('is that of the Go library, and parses back', (file, text) => {
    expect(decodeUtf8(formatProofFile(file))).toBe(text)
    expect(parseProofFile(utf8(text))).toEqual(file)
  })

  test.each([
    ['nothing', ''],
    ['another header', 'wrong-header\nindex 0\n\ncheckpoint\n'],
    ['another version', 'c2sp.org/tlog-proof@v2\nindex 0\n\ncheckpoint\n'],
    ['a space after the header', `${HEADER} \nindex 0\n\ncheckpoint\n`],
    ['extra data that is not base64', `${HEADER}\nextra !!notbase64!!\nindex 0\n\ncheckpoint\n`],
    ['extra data that is empty', `${HEADER}\nextra \nindex 0\n\ncheckpoint\n`],
    ['extra data twice', `${HEADER}\nextra AAAA\nextra AAAA\nindex 0\n\ncheckpoint\n`],
    ['extra data after the index', `${HEADER}\nindex 0\nextra AAAA\n\ncheckpoint\n`],
    ['no index', `${HEADER}\n\n\ncheckpoint\n`],
    ['an index in words', `${HEADER}\nindex notanumber\n\ncheckpoint\n`],
    ['an empty index', `${HEADER}\nindex \n\ncheckpoint\n`],
    ['a negative index', `${HEADER}\nindex -5\n\ncheckpoint\n`],
    ['an index with a leading zero', `${HEADER}\nindex 05\n\ncheckpoint\n`],
    ['an index of 2^53', `${HEADER}\nindex 9007199254740992\n\ncheckpoint\n`],
    ['a hash that is not base64', `${HEADER}\nindex 0\n!!notbase64!!\n\ncheckpoint\n`],
    ['a hash of 64 bytes', `${HEADER}\nindex 0\n${toBase64(new Uint8Array(64))}\n\ncheckpoint\n`],
    ['a line of 65 KiB', `${HEADER}\nindex 0\n${'a'.repeat(65 * 1024)}\n`],
    [
      'more hashes than a tree has levels',
      `${HEADER}\nindex 0\n${`${toBase64(H1)}\n`.repeat(54)}\ncheckpoint\n`,
    ],
    ['no empty line', `${HEADER}\nindex 0\ncheckpoint\n`],
    ['no checkpoint', `${HEADER}\nindex 0\n\n`],
    ['carriage returns', `${HEADER}\r\nindex 0\r\n\r\ncheckpoint\n`],
    ['a byte order mark', `\ufeff${HEADER}\nindex 0\n\ncheckpoint\n`],
    ['too many bytes', `${HEADER}\nindex 0\n\n${'a'.repeat(MAX_PROOF_FILE_SIZE)}`],
  ])('%s is no proof', (_, text) => {
    expect(codeOf(() => parseProofFile(utf8(text)))).toBe('invalid_proof_file')
  })

  test('a proof that could not be parsed cannot be formatted', () => {
    const good = { index: 0, path: [], checkpoint: utf8('c\n') }
    for (const bad of [
      { index: -1 },
      { index: 0.5 },
      { extra: new Uint8Array() },
      { extra: new Uint8Array(MAX_EXTRA_SIZE + 1) },
      { path: [new Uint8Array(31)] },
      { path: Array.from({ length: 54 }, () => H1) },
      { checkpoint: new Uint8Array() },
    ]) {
      expect(codeOf(() => formatProofFile({ ...good, ...bad }))).toBe('invalid_proof_file')
    }
    expect(
      formatProofFile({ ...good, extra: new Uint8Array(MAX_EXTRA_SIZE) }).indexOf(0x0a, 23),
    ).toBeLessThan(2 ** 16)
  })

  test('any proof that can be formatted parses to itself', () => {
    const bytes = (minLength: number, maxLength: number) => fc.uint8Array({ minLength, maxLength })
    const file = fc.record(
      {
        index: fc.maxSafeNat(),
        extra: bytes(1, 50),
        path: fc.array(bytes(32, 32), { maxLength: 53 }),
        checkpoint: bytes(1, 100),
      },
      { requiredKeys: ['index', 'path', 'checkpoint'] },
    )
    fc.assert(
      fc.property(file, (f) => {
        expect(parseProofFile(formatProofFile(f))).toEqual(f)
      }),
    )
  })
})

describe('proofs of entries', () => {
  const leaves = TESSERA.entries.map((entry) => hashLeaf(utf8(entry)))
  const policy = policyFromVkeys([TESSERA.vkey])
  const proofOf = (index: number, size: number) =>
    formatProofFile({
      index,
      path: pathOf(leaves.slice(0, size), index),
      checkpoint: utf8(TESSERA.checkpoints[size]!),
    })

  test('every entry of the Tessera log is proven under every one of its checkpoints', () => {
    for (let size = 1; size <= 15; size++) {
      for (let index = 0; index < size; index++) {
        const proof = proofOf(index, size)
        const verified = verifyProof({ entry: utf8(TESSERA.entries[index]!) }, proof, policy)
        expect(verified).toMatchObject({
          index,
          leafHash: leaves[index],
          checkpoint: { size },
          cosigners: [],
        })
        expect(verifyProof({ leafHash: leaves[index]! }, parseProofFile(proof), policy)).toEqual(verified)
      }
    }
  })

  test('no other entry, index or checkpoint passes under the same proof', () => {
    const file = parseProofFile(proofOf(4, 15))
    const check = (change: object, entry = TESSERA.entries[4]!) =>
      codeOf(() => verifyProof({ entry: utf8(entry) }, { ...file, ...change }, policy))
    expect(check({})).toBeUndefined()
    expect(check({}, 'six')).toBe('proof_root_mismatch')
    expect(check({ index: 5 })).toBe('proof_root_mismatch')
    expect(check({ index: 15 })).toBe('proof_out_of_range')
    expect(check({ path: file.path.slice(1) })).toBe('proof_wrong_length')
    expect(check({ path: [...file.path, H1] })).toBe('proof_wrong_length')
    expect(check({ checkpoint: utf8(TESSERA.checkpoints[14]!) })).toMatch(/^proof_/)
    expect(check({ checkpoint: utf8(TESSERA.checkpoints[0]!) })).toBe('proof_out_of_range')
    expect(codeOf(() => verifyProof({ leafHash: H1.slice(1) }, file, policy))).toBe('proof_bad_hash')
  })

  test('a mutated proof is refused with an error of ours, or proves the same entry', () => {
    const original = proofOf(9, 15)
    fc.assert(
      fc.property(fc.nat(2), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255), (how, at, value) => {
        const bytes = mutate(original, how, at, value)
        const parsing = codeOf(() => {
          expect(toBase64(formatProofFile(parseProofFile(bytes)))).toBe(toBase64(bytes))
        })
        expect([undefined, 'invalid_proof_file']).toContain(parsing)
        codeOf(() => {
          expect(verifyProof({ leafHash: leaves[9]! }, bytes, policy).index).toBe(9)
        })
      }),
      { numRuns: 500 },
    )
  })

  test('extra data changes nothing in what is proven', () => {
    const file = parseProofFile(proofOf(4, 15))
    const claim = { leafHash: leaves[4]! }
    expect(verifyProof(claim, { ...file, extra: utf8('anything') }, policy)).toEqual(
      verifyProof(claim, file, policy),
    )
  })
})

test('an entry appended, signed, cosigned and written to a file is proven from the file and the policy alone', async () => {
  const entries = Array.from({ length: 300 }, (_, i) => utf8(`entry ${i}`))
  const leaves = entries.map(hashLeaf)
  const { root } = appendLeaves(EMPTY_EDGE, Uint8Array.from(leaves.flatMap((hash) => [...hash])))
  const key = (name: string, type: 0x01 | 0x04 | 0x06, fill: number) =>
    localSigner(generateSkey(name, type, new Uint8Array(32).fill(fill)))
  const signers = [
    key('log.example/a', 0x01, 1),
    key('log.example/a', 0x06, 2),
    key('w.example/1', 0x04, 3),
    key('w.example/2', 0x06, 4),
  ]
  const [log1, log6, w1, w2] = signers as [Signer, Signer, Signer, Signer]
  const text = formatCheckpoint({ origin: 'log.example/a', size: 300, root, extensions: [] })
  const checkpoint = await signNote(text, signers, 1_800_000_000)
  const policy = parsePolicy(
    `log ${log1.vkey}\nlog ${log6.vkey}\nwitness w1 ${w1.vkey}\nwitness w2 ${w2.vkey}\ngroup both all w1 w2\nquorum both\n`,
  )
  for (const index of [0, 255, 256, 299]) {
    const proof = formatProofFile({ index, path: pathOf(leaves, index), checkpoint })
    const verified = verifyProof({ entry: entries[index]! }, proof, policy)
    expect(verified.cosigners.map((c) => c.timestamp)).toEqual([1_800_000_004, 1_800_000_006])
    expect(verified.logKeys).toHaveLength(2)
    expect(codeOf(() => verifyProof({ entry: utf8('forged') }, proof, policy))).toBe('proof_root_mismatch')
  }
  const weaker = await signNote(text, [log1, log6, w1], 0)
  const proof = formatProofFile({ index: 0, path: pathOf(leaves, 0), checkpoint: weaker })
  expect(codeOf(() => verifyProof({ entry: entries[0]! }, proof, policy))).toBe('policy_quorum_not_met')
})

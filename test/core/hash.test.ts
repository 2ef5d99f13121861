import { expect, test } from 'vitest'
import { encodeUtf8, fromHex, toHex } from '../../src/core/bytes.ts'
import { asHash, EMPTY_ROOT, hashAt, hashLeaf, hashNode } from '../../src/core/hash.ts'
import { codeOf, readVectors } from '../support/note-vectors.ts'

const EIGHT = readVectors<{ entries: string[]; nodes: string[][]; roots: string[] }>('eight-leaves.json')

test('leaves and nodes of the eight-leaf tree hash as in Certificate Transparency', () => {
  expect(EIGHT.entries.map((entry) => toHex(hashLeaf(fromHex(entry))))).toEqual(EIGHT.nodes[0])
  for (const [level, hashes] of EIGHT.nodes.slice(1).entries()) {
    const below = EIGHT.nodes[level]!.map(fromHex)
    expect(hashes.map((_, i) => toHex(hashNode(below[2 * i]!, below[2 * i + 1]!)))).toEqual(hashes)
  }
  expect(toHex(EMPTY_ROOT)).toBe(EIGHT.roots[0])
})

test('a leaf cannot pose as a node, nor the empty leaf as the empty tree', () => {
  const [left, right] = [hashLeaf(encodeUtf8('Hello')), hashLeaf(encodeUtf8('World'))]
  expect(hashLeaf(Uint8Array.of(...left, ...right))).not.toEqual(hashNode(left, right))
  expect(hashNode(left, right)).not.toEqual(hashNode(right, left))
  expect(hashLeaf(new Uint8Array())).not.toEqual(EMPTY_ROOT)
  expect(toHex(hashLeaf(encodeUtf8('L123456')))).toBe(
    '395aa064aa4c29f7010acfe3f25db9485bbd4b91897b6ad7ad547639252b4d56',
  )
})

test('only 32 bytes are a hash', () => {
  const hash = new Uint8Array(32)
  expect(asHash(hash)).toBe(hash)
  for (const size of [0, 31, 33, 64]) {
    expect(codeOf(() => asHash(new Uint8Array(size)))).toBe('proof_bad_hash')
    expect(codeOf(() => hashNode(new Uint8Array(size), hash))).toBe('proof_bad_hash')
    expect(codeOf(() => hashNode(hash, new Uint8Array(size)))).toBe('proof_bad_hash')
  }
})

test('a node hash does not change when its inputs do, nor by hashing another', () => {
  const [left, right] = [hashLeaf(Uint8Array.of(1)), hashLeaf(Uint8Array.of(2))]
  const node = hashNode(left, right)
  const before = toHex(node)
  left.fill(0)
  hashNode(right, right)
  expect(toHex(node)).toBe(before)
})

test('hashAt copies, even out of a Buffer', () => {
  const hashes = Buffer.alloc(96, 1)
  const hash = hashAt(hashes, 1)
  hashes.fill(2)
  expect(hash).toEqual(new Uint8Array(32).fill(1))
})

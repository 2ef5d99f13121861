// The tree as RFC 6962 §2.1 writes it: recursive, slow, and sharing no code with src/core.
import { createHash } from 'node:crypto'

export type ReferenceTree = {
  /** MTH of the leaves `start` to `end`, exclusive. */
  root(start: number, end: number): Uint8Array
  /** PATH(index, D[0:size]) of RFC 6962 §2.1.1. */
  inclusion(index: number, size: number): Uint8Array[]
  /** PROOF(from, D[0:to]) of RFC 6962 §2.1.2. */
  consistency(from: number, to: number): Uint8Array[]
  /** SUBTREE_PROOF(start, end, D[0:size]) of draft-ietf-plants-merkle-tree-certs §4.4.1. */
  subtree(start: number, end: number, size: number): Uint8Array[]
}

/** Reference over leaf hashes, given by index. Perfect subtrees are remembered. */
export function referenceTree(leafHash: (index: number) => Uint8Array): ReferenceTree {
  const known = new Map<string, Uint8Array>()

  function root(start: number, end: number): Uint8Array {
    const size = end - start
    if (size === 0) return sha256()
    if (size === 1) return leafHash(start)
    const name = `${start}-${end}`
    const found = known.get(name)
    if (found) return found
    const k = split(size)
    const hash = sha256(Uint8Array.of(1), root(start, start + k), root(start + k, end))
    if (Number.isInteger(Math.log2(size))) known.set(name, hash)
    return hash
  }

  function path(m: number, start: number, end: number): Uint8Array[] {
    if (end - start === 1) return []
    const middle = start + split(end - start)
    return m < middle
      ? [...path(m, start, middle), root(middle, end)]
      : [...path(m, middle, end), root(start, middle)]
  }

  function subproof(m: number, start: number, end: number, complete: boolean): Uint8Array[] {
    if (m === end) return complete ? [] : [root(start, end)]
    const middle = start + split(end - start)
    return m <= middle
      ? [...subproof(m, start, middle, complete), root(middle, end)]
      : [...subproof(m, middle, end, false), root(start, middle)]
  }

  function subtreeProof(a: number, b: number, start: number, end: number, complete: boolean): Uint8Array[] {
    if (a === start && b === end) return complete ? [] : [root(start, end)]
    const middle = start + split(end - start)
    if (b <= middle) return [...subtreeProof(a, b, start, middle, complete), root(middle, end)]
    if (a >= middle) return [...subtreeProof(a, b, middle, end, complete), root(start, middle)]
    return [...subtreeProof(middle, b, middle, end, false), root(start, middle)]
  }

  return {
    root,
    inclusion: (index, size) => path(index, 0, size),
    consistency: (from, to) => subproof(from, 0, to, true),
    subtree: (start, end, size) => (start === end ? [] : subtreeProof(start, end, 0, size, true)),
  }
}

/** Leaf hash of the entry that is the decimal `index`; a fixed tree for tests that do not care which. */
export function numberedLeaf(index: number): Uint8Array {
  return sha256(Uint8Array.of(0), Buffer.from(String(index)))
}

/**
 * Hashes of the nodes of a tree far too large to build: all leaves are alike but for the marked ones, so that a subtree
 * without marks depends on its level only, and one with marks differs from its neighbours.
 */
export function sparseTree(
  marked: readonly number[],
): (node: { level: number; index: number }) => Uint8Array {
  const plain = [sha256(Uint8Array.of(0))]
  for (let level = 1; level <= 53; level++)
    plain.push(sha256(Uint8Array.of(1), plain[level - 1]!, plain[level - 1]!))

  return function hashOf({ level, index }): Uint8Array {
    const width = 2 ** level
    if (!marked.some((leaf) => Math.floor(leaf / width) === index)) return plain[level]!
    if (level === 0) return numberedLeaf(index)
    const left = hashOf({ level: level - 1, index: 2 * index })
    return sha256(Uint8Array.of(1), left, hashOf({ level: level - 1, index: 2 * index + 1 }))
  }
}

function split(size: number): number {
  let k = 1
  while (2 * k < size) k *= 2
  return k
}

function sha256(...parts: readonly Uint8Array[]): Uint8Array {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return new Uint8Array(hash.digest())
}

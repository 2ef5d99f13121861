// SHA-256 hashes of the Merkle tree (RFC 6962 §2.1): the first byte tells leaves from nodes, so that neither can pose as the other.
import { fromHex } from './bytes.ts'
import { primitives } from './crypto.ts'
import { ProofError } from './errors.ts'

/** 32 bytes. */
export type Hash = Uint8Array

export const HASH_SIZE = 32

/** Root of the tree without leaves: SHA-256 of nothing. */
export const EMPTY_ROOT: Hash = fromHex('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855')

// One buffer for all node hashes: hashing is synchronous and never re-entered, and a fresh one costs a third of the speed.
const node = new Uint8Array(1 + 2 * HASH_SIZE).fill(1, 0, 1)

// The same for the leaves of most logs (a third of the time of a fresh one); its first byte stays 0.
const smallLeaf = new Uint8Array(1 + 2_048)

/** SHA-256(0x00 || entry). */
export function hashLeaf(entry: Uint8Array): Hash {
  const size = 1 + entry.length
  const leaf = size <= smallLeaf.length ? smallLeaf : new Uint8Array(size)
  leaf.set(entry, 1)
  return primitives.sha256(leaf.subarray(0, size))
}

/**
 * SHA-256(0x01 || left || right).
 * @throws ProofError `proof_bad_hash` unless both are 32 bytes
 */
export function hashNode(left: Hash, right: Hash): Hash {
  if (left.length !== HASH_SIZE || right.length !== HASH_SIZE) throw badHash(left.length, right.length)
  node.set(left, 1)
  node.set(right, 1 + HASH_SIZE)
  return primitives.sha256(node)
}

/**
 * The bytes as a hash.
 * @throws ProofError `proof_bad_hash` unless they are 32
 */
export function asHash(bytes: Uint8Array): Hash {
  if (bytes.length !== HASH_SIZE) throw badHash(bytes.length)
  return bytes
}

/** Copy of the hash at `position` in concatenated hashes; plain even if they are a Buffer. */
export function hashAt(hashes: Uint8Array, position: number): Hash {
  return new Uint8Array(hashes.subarray(position * HASH_SIZE, (position + 1) * HASH_SIZE))
}

function badHash(...lengths: number[]): ProofError {
  return new ProofError('proof_bad_hash', `A hash is 32 bytes, not ${lengths.join(' and ')}.`, { lengths })
}

// What a proof is asked or checked for: the bytes of an entry, or its leaf hash.
import { readFile } from 'node:fs/promises'
import { type Claim, hashLeaf } from '../client/index.ts'
import { encodeUtf8, fromBase64, fromHex } from '../core/bytes.ts'
import type { Hash } from '../core/hash.ts'
import { UsageError } from './errors.ts'

/** @throws UsageError unless the text is a leaf hash in hex or base64 */
export function parseLeafHash(text: string): Claim & { leafHash: Hash } {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return { leafHash: fromHex(text.toLowerCase()) }
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return { leafHash: fromBase64(text) }
  throw new UsageError(
    `${JSON.stringify(text)} is no leaf hash: write 64 hex digits or 44 characters of base64`,
  )
}

export async function readEntry(file: string): Promise<Claim> {
  return { entry: new Uint8Array(await readFile(file)) }
}

/** @throws FormatError `invalid_utf8` */
export function textEntry(text: string): Claim {
  return { entry: encodeUtf8(text) }
}

export function leafHashOf(claim: Claim): Hash {
  return 'entry' in claim ? hashLeaf(claim.entry) : claim.leafHash
}

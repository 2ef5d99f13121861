// What a proof is asked or checked for: the bytes of an entry, or its leaf hash.
import { readFile } from 'node:fs/promises'
import { type Command, Option } from 'commander'
import { type Claim, hashLeaf } from '../client/index.ts'
import { encodeUtf8, fromBase64, fromHex } from '../core/bytes.ts'
import type { Hash } from '../core/hash.ts'
import { UsageError } from './errors.ts'

export type ClaimOptions = {
  readonly entry?: string
  readonly line?: string
  readonly text?: string
  readonly leafHash?: string
  readonly hash?: string
}

export function withClaim(command: Command): Command {
  return (
    command
      .option('--entry <file>', 'a file that is the entry')
      .option('--line <text>', 'a text that is the entry')
      .option('--leaf-hash <hash>', 'the leaf hash of the entry, in hex or base64')
      // Their former names.
      .addOption(new Option('--text <text>').hideHelp())
      .addOption(new Option('--hash <hash>').hideHelp())
  )
}

/** What was given; undefined when nothing was. @throws UsageError for more than one; FormatError `invalid_utf8` */
export async function givenClaim(options: ClaimOptions): Promise<Claim | undefined> {
  const { entry, line, text, leafHash, hash } = options
  if ([entry, line, text, leafHash, hash].filter((given) => given !== undefined).length > 1) {
    throw new UsageError('give one of: --entry, --line, --leaf-hash')
  }
  if (entry !== undefined) return { entry: new Uint8Array(await readFile(entry)) }
  const words = line ?? text
  if (words !== undefined) return { entry: encodeUtf8(words) }
  const digits = leafHash ?? hash
  return digits === undefined ? undefined : parseLeafHash(digits)
}

export function leafHashOf(claim: Claim): Hash {
  return 'entry' in claim ? hashLeaf(claim.entry) : claim.leafHash
}

/** @throws UsageError unless the text is a leaf hash in hex or base64 */
function parseLeafHash(text: string): Claim {
  if (/^[0-9a-fA-F]{64}$/.test(text)) return { leafHash: fromHex(text.toLowerCase()) }
  if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return { leafHash: fromBase64(text) }
  throw new UsageError(
    `${JSON.stringify(text)} is no leaf hash: write 64 hex digits or 44 characters of base64`,
  )
}

import { readFileSync } from 'node:fs'
import { encodeUtf8 } from '../../src/core/bytes.ts'
import { ProoflogError } from '../../src/core/errors.ts'
import { formatNote, type NoteSignature } from '../../src/core/note.ts'
import type { Signer } from '../../src/core/signer.ts'

/** A signed note made by another implementation; provenance in test/vectors/README.md. */
export type NoteVector = {
  readonly vkeys: string[]
  readonly skeys?: string[]
  readonly seed?: string
  readonly note: string
}

/** Reads a file of test/vectors. */
export function readVectors<T>(name: string): T {
  return JSON.parse(readFileSync(new URL(`../vectors/${name}`, import.meta.url), 'utf8')) as T
}

export const NOTES =
  readVectors<
    Record<
      'specExample' | 'goNote' | 'cosignatureExample' | 'sumdb' | 'monkeys5' | 'monkeys8' | 'mldsa',
      NoteVector
    >
  >('signed-notes.json')

export const TESSERA = readVectors<{ skey: string; vkey: string; entries: string[]; checkpoints: string[] }>(
  'tessera-checkpoints.json',
)

/** The code of the ProoflogError that `run` throws; undefined if it returns. Anything else thrown is thrown on. */
export function codeOf(run: () => unknown): string | undefined {
  try {
    run()
    return undefined
  } catch (error) {
    if (error instanceof ProoflogError) return error.code
    throw error
  }
}

/** `bytes` with one byte replaced, inserted or removed: `how` 0, 1 or 2, at the fraction `at` of their length. */
export function mutate(bytes: Uint8Array, how: number, at: number, value: number): Uint8Array {
  const i = Math.min(bytes.length - 1, Math.floor(at * bytes.length))
  const middle = how === 0 ? [value] : how === 1 ? [value, ...bytes.subarray(i, i + 1)] : []
  return Uint8Array.from([...bytes.subarray(0, i), ...middle, ...bytes.subarray(i + 1)])
}

/** The note of `text`, signed by every signer at `timestamp` (of each type one second later, to tell them apart). */
export async function signNote(
  text: string,
  signers: readonly Signer[],
  timestamp: number,
): Promise<Uint8Array> {
  const signatures: NoteSignature[] = []
  for (const signer of signers) signatures.push(await signer.sign(text, timestamp + signer.type))
  return formatNote(text, signatures)
}

/** UTF-8 of a text. */
export const utf8 = encodeUtf8

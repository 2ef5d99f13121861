// A log whose trees, proofs and checkpoints a test writes itself, for whoever has to judge them.
import { randomBytes } from 'node:crypto'
import { formatCheckpoint } from '../../src/core/checkpoint.ts'
import { generateSkey, type KeyType, parseVkey, vkeyOf } from '../../src/core/keys.ts'
import type { ListedLog } from '../../src/core/log-list.ts'
import { installMlDsa } from '../../src/core/ml-dsa.ts'
import { formatNote, type NoteSignature } from '../../src/core/note.ts'
import { localSigner } from '../../src/core/signer.ts'
import { formatAddCheckpoint } from '../../src/witness/wire.ts'
import { numberedLeaf, referenceTree } from './reference-tree.ts'

installMlDsa()

export interface SignedTree {
  readonly origin: string
  readonly vkeys: readonly string[]
  readonly listed: readonly ListedLog[]
  root(size: number): Uint8Array
  consistency(from: number, to: number): Uint8Array[]
  subtree(start: number, end: number, size: number): { root: Uint8Array; proof: Uint8Array[] }
  /** A checkpoint of these numbers, whatever they are. */
  checkpoint(size: number, more?: CheckpointParts): Promise<Uint8Array>
  /** The request that moves a witness from one size to another. */
  advance(from: number, to: number, more?: CheckpointParts): Promise<Uint8Array>
}

export interface CheckpointParts {
  readonly root?: Uint8Array
  readonly extensions?: readonly string[]
  /** After the log's own. */
  readonly signatures?: readonly NoteSignature[]
  /** Keys that sign, as positions in vkeys; all unless given. */
  readonly by?: readonly number[]
}

/** @param types of the log's keys. @param branch another history begins at this index */
export function signedTree(
  origin: string,
  {
    types = [0x01],
    branch = Infinity,
    skeys,
  }: { types?: readonly KeyType[]; branch?: number; skeys?: readonly string[] } = {},
): SignedTree & { readonly skeys: readonly string[] } {
  const secrets = skeys ?? types.map((type) => generateSkey(origin, type, randomBytes(32)))
  const signers = secrets.map(localSigner)
  const vkeys = secrets.map(vkeyOf)
  const tree = referenceTree((index) => numberedLeaf(index < branch ? index : index + 1_000_000))
  const root = (size: number): Uint8Array => tree.root(0, size)

  async function checkpoint(size: number, parts: CheckpointParts = {}): Promise<Uint8Array> {
    const text = formatCheckpoint({
      origin,
      size,
      root: parts.root ?? root(size),
      extensions: parts.extensions ?? [],
    })
    const lines: NoteSignature[] = []
    for (const [i, signer] of signers.entries())
      if (parts.by?.includes(i) ?? true) lines.push(await signer.sign(text, 1_700_000_000))
    return formatNote(text, [...lines, ...(parts.signatures ?? [])])
  }

  const consistency = (from: number, to: number): Uint8Array[] =>
    from === 0 || from >= to ? [] : tree.consistency(from, to)
  return {
    origin,
    vkeys,
    skeys: secrets,
    listed: vkeys.map((vkey) => ({ key: parseVkey(vkey), origin })),
    root,
    consistency,
    subtree: (start, end, size) => ({ root: tree.root(start, end), proof: tree.subtree(start, end, size) }),
    checkpoint,
    advance: async (from, to, parts) =>
      formatAddCheckpoint({ oldSize: from, proof: consistency(from, to), note: await checkpoint(to, parts) }),
  }
}

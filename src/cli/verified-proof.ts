import type { VerifiedProof } from '../client/index.ts'
import { toBase64, toHex } from '../core/bytes.ts'

/** What a verified proof says, as lines for a person. */
export function describeProof(proof: VerifiedProof): string {
  const { index, leafHash, checkpoint, cosigners } = proof
  const times = proof.logKeys.flatMap(({ timestamp }) => (timestamp ? [timeOf(timestamp)] : []))
  const lines = [
    ['index', String(index)],
    ['leaf hash', toHex(leafHash)],
    ['log', checkpoint.origin],
    ['size', String(checkpoint.size)],
    ['root', toBase64(checkpoint.root)],
    ['signed', times[0] ?? 'without a time'],
    ...cosigners.map(({ name, timestamp }) => ['cosigned', `${name} ${timeOf(timestamp)}`]),
  ]
  return lines.map(([name = '', value = '']) => `${name.padEnd(10)}${value}\n`).join('')
}

/** The same for a program. */
export function proofFields({ index, leafHash, checkpoint, cosigners, logKeys }: VerifiedProof): object {
  return {
    index,
    leaf_hash: toHex(leafHash),
    origin: checkpoint.origin,
    tree_size: checkpoint.size,
    sha256_root_hash: toBase64(checkpoint.root),
    signatures: logKeys.map(({ vkey, timestamp }) => ({ vkey, timestamp: timestamp ?? null })),
    cosigners: cosigners.map(({ name, timestamp }) => ({ name, timestamp })),
  }
}

function timeOf(seconds: number): string {
  const time = new Date(seconds * 1000)
  // A signer may claim a time that no calendar has.
  return Number.isNaN(time.getTime()) ? `at ${seconds} s` : time.toISOString().replace('.000Z', 'Z')
}

// How many checkpoints a witness cosigns: a process of its own on the Postgres with fsync, asked in turn for 1,000 logs that
// all grow by one entry at a time.
import { randomBytes } from 'node:crypto'
import { formatCheckpoint } from '../core/checkpoint.ts'
import { hashLeaf, hashNode, type Hash } from '../core/hash.ts'
import { generateSkey, parseVkey } from '../core/keys.ts'
import { formatLogList } from '../core/log-list.ts'
import { formatNote } from '../core/note.ts'
import { foldPlan, foldRange } from '../core/proof.ts'
import { localSigner, type Signer } from '../core/signer.ts'
import { type NodeId, planConsistency } from '../core/tree.ts'
import { formatAddCheckpoint } from '../witness/wire.ts'
import type { Ground } from './ground.ts'
import { httpRequest, runLoad } from './http-load.ts'
import { quantile, type Row } from './stats.ts'

const LOGS = 1_000
const CONNECTIONS = 64
/** Requests made beforehand for each second: more than a witness answers. */
const MADE_PER_SECOND = 4_000

/** @param mlDsa whether it cosigns with ML-DSA-44 too */
export async function witnessRow(
  ground: Ground,
  name: string,
  mlDsa: boolean,
  seconds: number,
): Promise<Row> {
  // What another run cosigned stays in the database: its logs are others.
  const run = randomBytes(4).toString('hex')
  const signers = Array.from({ length: LOGS }, (_, i) => {
    const origin = `bench.example/${run}/${i}`
    return localSigner(generateSkey(origin, 0x01, randomBytes(32)))
  })
  const list = signers.map(({ name: origin, vkey }) => ({ key: parseVkey(vkey), origin }))
  const args = ['--rate', '1000000', ...(mlDsa ? [] : ['--no-ml-dsa'])]
  const witness = await ground.witness(name, formatLogList(list), args)
  try {
    const rounds = Math.ceil((MADE_PER_SECOND * seconds) / LOGS)
    const requests: Buffer[] = []
    for (let size = 0; size < rounds; size++)
      for (const signer of signers) requests.push(await requestOf(signer, size))
    const result = await runLoad({
      port: witness.port,
      connections: CONNECTIONS,
      seconds,
      request(n) {
        const request = requests[n]
        if (request === undefined) throw new Error(`the witness answered all ${requests.length} requests`)
        return request
      },
    })
    return {
      name,
      rate: result.requests / result.seconds,
      unit: 'checkpoints/s',
      p50_ms: quantile(result.latencies, 0.5),
      p99_ms: quantile(result.latencies, 0.99),
      ratio: null,
      of: null,
      target: mlDsa ? 'reported' : '>= 500',
    }
  } finally {
    await witness.stop()
  }
}

/** From `size` entries to one more. */
async function requestOf(signer: Signer, size: number): Promise<Buffer> {
  const root = foldRange({ start: 0, end: size + 1 }, nodeHash)
  const text = formatCheckpoint({ origin: signer.name, size: size + 1, root, extensions: [] })
  const note = formatNote(text, [await signer.sign(text, 0)])
  const proof = size === 0 ? [] : foldPlan(planConsistency(size, size + 1), nodeHash)
  return httpRequest('POST', '/add-checkpoint', {}, formatAddCheckpoint({ oldSize: size, proof, note }))
}

const nodes = new Map<string, Hash>()

/** All logs have the same entries; their keys and origins differ. */
function nodeHash({ level, index }: NodeId): Hash {
  const name = `${level}/${index}`
  const known = nodes.get(name)
  if (known) return known
  const hash =
    level === 0
      ? hashLeaf(new TextEncoder().encode(String(index)))
      : hashNode(
          nodeHash({ level: level - 1, index: 2 * index }),
          nodeHash({ level: level - 1, index: 2 * index + 1 }),
        )
  nodes.set(name, hash)
  return hash
}

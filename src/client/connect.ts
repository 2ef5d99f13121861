// The client of one log. It believes nothing that it has not verified: checkpoints against the policy and the remembered
// head, entries and proofs against the checkpoint. All but appending and indexOf works with any host of static tiles.
import { encodeUtf8, toHex } from '../core/bytes.ts'
import { type Hash, hashAt } from '../core/hash.ts'
import { MAX_NOTE_SIZE } from '../core/note.ts'
import { type Policy, policyFromVkeys } from '../core/policy.ts'
import { formatProofFile } from '../core/proof-file.ts'
import { TILE_WIDTH, tileOfNode } from '../core/tile.ts'
import { planInclusion } from '../core/tree.ts'
import { type VerifiedProof, verifyProof } from '../core/verify-proof.ts'
import {
  appendEntries,
  appendEntry,
  type AppendManyOptions,
  type BatchReceipt,
  type Receipt,
} from './append.ts'
import { authenticEntries, type LogEntry } from './entries.ts'
import { ClientError, EvidenceError } from './errors.ts'
import { advanceHead, type Head, type HeadStore, memoryHeadStore } from './head.ts'
import { parseFields } from './json.ts'
import { hashesOfPlan, type Tiles, tilesOver } from './tiles.ts'
import { createTransport, type Transport, type TransportOptions } from './transport.ts'

/** Whom to believe: a policy, or the vkeys of the log, of which one must have signed. */
export type Trust = { readonly policy: Policy } | { readonly vkeys: readonly string[] }

/** `url` is the prefix of the log, such as `https://log.example.com/logs/default`. */
export type ClientOptions = TransportOptions &
  Trust & {
    /** Where the remembered head is kept; in memory unless given. */
    readonly heads?: HeadStore | undefined
  }

/** A `.tlog-proof` file, and what it says: it was verified against the policy before it was returned. */
export type ProvedEntry = { readonly file: Uint8Array; readonly proof: VerifiedProof }

/** All methods throw ClientError; those that read throw EvidenceError and the errors of core's checkPolicy besides. */
export interface Client {
  /** The newest checkpoint, verified, a continuation of the remembered one, and remembered from now on. */
  checkpoint(): Promise<Head>
  /** Commits one entry (text: its UTF-8). Repeats the request until its outcome is known. @throws FormatError `entry_too_large` */
  append(entry: Uint8Array | string): Promise<Receipt>
  /** Commits many, in batches; see {@link AppendManyOptions} for their order. @throws FormatError `entry_too_large` */
  appendMany(
    entries: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
    options?: AppendManyOptions,
  ): AsyncGenerator<BatchReceipt, void, undefined>
  /** The first verified checkpoint that covers `index`. @throws ClientError `wait_timeout` after `timeout` ms (60,000) */
  wait(index: number, options?: { readonly timeout?: number }): Promise<Head>
  /** Builds the proof of one entry from tiles. @throws ClientError `not_found` for what no checkpoint covers yet */
  prove(index: number): Promise<ProvedEntry>
  /** First index of a leaf hash, as the log says: prove it to be sure. @throws ClientError `not_found` */
  indexOf(leafHash: Hash): Promise<number>
  /** Entries `start` (0) to `end` (the size of the newest checkpoint), exclusive, each proved to be in the log. */
  entries(start?: number, end?: number): AsyncGenerator<LogEntry, void, undefined>
}

const JSON_LIMIT = 65_536
const REWIND_TRIES = 3
const REWIND_PAUSE = 500
const LONGEST_POLL = 1_000

/** @throws ClientError `invalid_url`; FormatError `invalid_policy`, `invalid_vkey` */
export function createClient(options: ClientOptions): Client {
  const transport = createTransport(options)
  const tiles = tilesOver(transport)
  const checkpoint = newestHead(transport, tiles, options)
  return {
    checkpoint,
    append: (entry) => appendEntry(transport, typeof entry === 'string' ? encodeUtf8(entry) : entry),
    appendMany: (entries, many) => appendEntries(transport, entries, many),
    wait: (index, { timeout = 60_000 } = {}) => waitFor(checkpoint, index, timeout),
    prove: async (index) => proveEntry(tiles, await checkpoint(), index, policyOf(options)),
    indexOf: (leafHash) => indexOf(transport, leafHash),
    entries: (start, end) => readEntries(tiles, checkpoint, start, end),
  }
}

/** @throws FormatError `invalid_policy`, `invalid_vkey` */
export function policyOf(trust: Trust): Policy {
  return 'policy' in trust ? trust.policy : policyFromVkeys(trust.vkeys)
}

/** @throws ClientError */
export function fetchCheckpoint(transport: Transport): Promise<Uint8Array> {
  return transport.request({ path: 'checkpoint', limit: MAX_NOTE_SIZE })
}

function newestHead(transport: Transport, tiles: Tiles, options: ClientOptions): () => Promise<Head> {
  const trust = { policy: policyOf(options), store: options.heads ?? memoryHeadStore(), tiles }
  const { pause = sleep } = options
  const advance = async (tries: number): Promise<Head> => {
    try {
      return await advanceHead(await fetchCheckpoint(transport), trust)
    } catch (error) {
      // Of several servers behind one address, one may be a moment behind the others.
      const behind = error instanceof EvidenceError && error.code === 'head_rewound'
      if (!behind || tries === 1) throw error
      await pause(REWIND_PAUSE)
      return advance(tries - 1)
    }
  }
  // One after the other: two at once could store the older head last.
  let last: Promise<unknown> = Promise.resolve()
  return () => {
    const next = last.then(() => advance(REWIND_TRIES))
    last = next.catch(() => undefined)
    return next
  }
}

async function waitFor(checkpoint: () => Promise<Head>, index: number, timeout: number): Promise<Head> {
  const deadline = performance.now() + timeout
  for (let pause = 50; ; pause = Math.min(pause * 2, LONGEST_POLL)) {
    const head = await checkpoint()
    if (head.checkpoint.size > index) return head
    if (performance.now() + pause > deadline) {
      const message = `No checkpoint covers entry ${index} yet (size ${head.checkpoint.size}); it is in the log: ask again later.`
      throw new ClientError('wait_timeout', message, { index, size: head.checkpoint.size })
    }
    await sleep(pause)
  }
}

async function proveEntry(tiles: Tiles, head: Head, index: number, policy: Policy): Promise<ProvedEntry> {
  const { size } = head.checkpoint
  if (index >= size) {
    throw new ClientError('not_found', `The newest checkpoint (size ${size}) covers no entry ${index} yet.`, {
      index,
      size,
    })
  }
  const path = await hashesOfPlan(tiles, planInclusion(index, size), size)
  const leaves = tileOfNode({ level: 0, index }, size)
  const leafHash = hashAt(await tiles.tile(leaves), index % TILE_WIDTH)
  const file = formatProofFile({ index, path, checkpoint: head.note })
  return { file, proof: verifyProof({ leafHash }, file, policy) }
}

async function indexOf(transport: Transport, leafHash: Hash): Promise<number> {
  const path = `proofs/inclusion?hash=${toHex(leafHash)}`
  return parseFields(await transport.request({ path, limit: JSON_LIMIT }), path).size('leaf_index')
}

async function* readEntries(
  tiles: Tiles,
  checkpoint: () => Promise<Head>,
  start = 0,
  end?: number,
): AsyncGenerator<LogEntry, void, undefined> {
  const { checkpoint: tree } = await checkpoint()
  yield* authenticEntries(tiles, tree, start, end ?? tree.size)
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, ms)
  })
}

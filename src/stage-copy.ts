// Copies a log into the database under proof, unseen; goes on from what an interrupted attempt left.
import { mkdirSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { dirname } from 'node:path'
import { z } from 'zod'
import { CopyError } from './copy-error.ts'
import { appendLeaves, edgeFrom, edgeRoot } from './core/append.ts'
import { decodeUtf8, encodeUtf8, equalBytes } from './core/bytes.ts'
import { readIfThere, replaceFile } from './files/durable.ts'
import { checkExtends, type SourceHead } from './source-head.ts'
import { provenBatches } from './static/proven-batches.ts'
import { type StagedLog, stageLog } from './store/staging.ts'

export interface StagedCopy {
  readonly staged: StagedLog
  /** Entries that an earlier attempt had copied. */
  readonly resumedAt: number
  /** Forgets how to go on: the copy became a log. */
  done(): Promise<void>
}

export interface StageOptions {
  /** The owner of the database. */
  readonly ownerUrl: string
  /** Remembers the attempt. */
  readonly stateFile: string
  readonly source: SourceHead
  readonly onProgress: (done: number, total: number) => void
}

/** Bundles of a transaction: 16,384 entries. */
const BUNDLES = 64

const stateSchema = z.object({ log_id: z.int().positive(), origin: z.string() })

/**
 * Every entry of the source is in the database when it resolves, with the root that its checkpoint signs.
 * @throws CopyError `copy_differs`, `copy_behind`; EvidenceError, ClientError; LogError `store_unavailable`, `log_changed`
 */
export async function stageCopy(options: StageOptions): Promise<StagedCopy> {
  const { ownerUrl, stateFile, source } = options
  const { origin } = source.checked.checkpoint
  const staged = await stageLog(ownerUrl, await rememberedId(stateFile, origin))
  try {
    mkdirSync(dirname(stateFile), { recursive: true, mode: 0o700 })
    await replaceFile(stateFile, encodeUtf8(`${JSON.stringify({ log_id: staged.logId, origin })}\n`), 0o600)
    await copyEntries(staged, options)
    return { staged, resumedAt: staged.size, done: () => rm(stateFile, { force: true }) }
  } catch (error) {
    await staged.close()
    throw error
  }
}

async function copyEntries(
  staged: StagedLog,
  { source, stateFile, onProgress }: StageOptions,
): Promise<void> {
  const { checkpoint } = source.checked
  let edge = edgeFrom(staged.size, await staged.edgeTiles())
  const left = `what an earlier attempt copied (remove ${stateFile} to begin anew)`
  await checkExtends(source, { size: edge.size, root: edgeRoot(edge) }, left)
  for await (const { start, entries, leafHashes } of provenBatches(
    source.tiles,
    checkpoint,
    edge.size,
    BUNDLES,
  )) {
    const grown = appendLeaves(edge, leafHashes)
    await staged.add(start, { entries, leafHashes }, grown.tiles)
    edge = grown.edge
    onProgress(edge.size, checkpoint.size)
  }
  if (equalBytes(edgeRoot(edge), checkpoint.root)) return
  throw new CopyError(
    'copy_differs',
    `the entries do not give the root of the checkpoint of size ${checkpoint.size}`,
  )
}

async function rememberedId(stateFile: string, origin: string): Promise<number | undefined> {
  const bytes = await readIfThere(stateFile)
  if (bytes === undefined) return undefined
  const state = stateSchema.safeParse(JSON.parse(decodeUtf8(bytes)))
  if (state.success && state.data.origin === origin) return state.data.log_id
  throw new CopyError(
    'copy_differs',
    `${stateFile} is of another copy that was begun under this name: finish that one, or remove the file`,
  )
}

// Copies a log into the database under proof, unseen; goes on from what an interrupted attempt left.
import { CopyError } from './copy-error.ts'
import { appendLeaves, edgeFrom, edgeRoot } from './core/append.ts'
import { equalBytes } from './core/bytes.ts'
import { checkExtends, type SourceHead } from './source-head.ts'
import { provenBatches } from './static/proven-batches.ts'
import { type StagedLog, stageLog } from './store/staging.ts'

export interface StageOptions {
  /** The owner of the database. */
  readonly ownerUrl: string
  /** Of the log that it shall be. */
  readonly name: string
  /** Leave alone what an earlier attempt copied. */
  readonly anew: boolean
  readonly source: SourceHead
  readonly onProgress: (done: number, total: number) => void
}

/** Bundles of a transaction: 16,384 entries. */
const BUNDLES = 64

/**
 * Every entry of the source is in the database when it resolves, with the root that its checkpoint signs.
 * @throws CopyError `copy_differs`, `copy_behind`; EvidenceError, ClientError; LogError `store_unavailable`, `log_changed`
 */
export async function stageCopy(options: StageOptions): Promise<StagedLog> {
  const { ownerUrl, name, anew, source } = options
  const staged = await stageLog(ownerUrl, { name, origin: source.checked.checkpoint.origin, anew })
  try {
    await copyEntries(staged, options)
    return staged
  } catch (error) {
    await staged.close()
    throw error
  }
}

async function copyEntries(staged: StagedLog, { source, onProgress }: StageOptions): Promise<void> {
  const { checkpoint } = source.checked
  let edge = edgeFrom(staged.size, await staged.edgeTiles())
  const left = 'what an earlier attempt copied (begin --anew to leave it alone)'
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

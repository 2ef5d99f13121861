// Query parameters, for the reference page. query.ts reads them, more strictly than a schema can say.
import { z } from 'zod'

const number = z.int().min(0)
const hash = z.string().describe('a leaf hash: 64 lower-case hex digits, or 44 characters of base64')

export const waitQuery = z.object({
  wait: z
    .enum(['committed', 'published', 'witnessed'])
    .optional()
    .describe('what to wait for; committed by default'),
  timeout: z.int().min(1).max(60).optional().describe('seconds to wait for a checkpoint; 10 by default'),
})
export const entriesQuery = z.object({
  start: number.optional().describe('first index; 0 by default'),
  limit: z.int().min(1).max(256).optional().describe('100 by default'),
  leaf_hash: hash
    .optional()
    .describe('instead of start and limit: the entry with this leaf hash, hex or base64'),
})
export const inclusionQuery = z.object({
  index: number.optional().describe('index of the entry; or give leaf_hash'),
  leaf_hash: hash.optional(),
  hash: hash.optional().describe('another name of leaf_hash'),
  size: number.optional().describe('size of the tree; the published one by default'),
})
export const consistencyQuery = z.object({ from: number, to: number })
export const subtreeQuery = z.object({ start: number, end: number, size: number })
export const treeHeadsQuery = z.object({
  before: number.optional().describe('only tree heads with a smaller seq'),
  limit: z.int().min(1).max(100).optional().describe('20 by default'),
})

import { z } from 'zod'

const size = z.int().min(0)
const time = z.iso.datetime()

const finding = z.strictObject({
  log: z.string().nullable(),
  table: z.string().describe('in the schema `log`; `guard` is kept outside the database'),
  column: z.string().describe('or `row`: one that is missing, or should not be there'),
  level: z.int().optional(),
  index: z.int().optional(),
  seq: z.int().optional(),
  size: z.int().optional(),
  count: z.int().optional().describe('rows that follow each other from there; 1 if absent'),
  expected: z.string(),
  found: z.string(),
  message: z.string().describe('all of it in one line'),
})

export const selfCheckReport = z.strictObject({
  working: z.boolean().describe('this process checks the log'),
  findings: z.array(finding),
  more: size.describe('findings that were not kept'),
  entries_checked: size.describe('since the start of the process'),
  newest: z.strictObject({ checked_at: time, from: size, tree_size: size }).nullable(),
  pass: z
    .strictObject({ next: size, tree_size: size })
    .nullable()
    .describe('the pass over all entries that is under way'),
  last_pass: z
    .strictObject({ started_at: time, finished_at: time, tree_size: size })
    .nullable()
    .describe('the last pass over all entries that this process completed'),
})

export const selfCheckEvents = z.string().describe('data: {"log", "findings", "more"}')

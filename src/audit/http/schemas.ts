// The shapes of bodies, queries and answers of the audit routes, for the reference page.
import { z } from 'zod'
import { OUTCOMES } from '../event/schema.ts'

const number = z.int().min(0)
const time = z.string().describe('RFC 3339')
const flag = z.enum(['true', 'false'])
export const binary = z.string().describe('raw bytes').meta({ format: 'binary' })
export const text = z.string()
const anything = z.record(z.string(), z.unknown())

export const jsonSchema = anything.describe('JSON Schema 2020-12')
export const eventBody = anything.describe('an event as in /schemas/event.json, or an array of them')
export const otlpJson = anything.describe('opentelemetry.proto.collector.logs.v1, as JSON')
export const eventList = z.strictObject({
  events: z.array(anything),
  next: number.nullable().describe('`before` (or `after`) of the next page'),
  indexed: number.describe('entries below this index have been indexed'),
  tree_size: number,
})
export const viewedEvent = anything.describe(
  'the event, with index, leaf_hash, hidden (how many personal fields are not shown) and the three clocks',
)
export const counted = z.strictObject({ count: number })
export const cloudEvent = anything.describe('cloudevents.io, JSON format 1.0')
export const hecEvent = anything.describe(
  '{"event": …, "time": seconds, "host": …, "source": …, "sourcetype": …, "fields": {…}}',
)
export const hecReply = anything.describe('{"text": "Success", "code": 0}')
export const hecAcks = z.object({ acks: z.array(number) })
export const hecAckQuery = z.object({ channel: z.string().optional() })
export const k8sQuery = z.object({ timeout: z.string().optional() })

export const eventsQuery = z.object({
  wait: z
    .enum(['committed', 'published', 'witnessed'])
    .optional()
    .describe('what to wait for; committed by default'),
  timeout: z.int().min(1).max(60).optional().describe('seconds to wait for a checkpoint; 10 by default'),
  proof: z.literal('true').optional().describe('answer with proofs too; needs wait'),
  receipts: z
    .enum(['full', 'count'])
    .optional()
    .describe('count: no receipt for each event, only how many there were'),
})
export const eventReceipts = z.strictObject({
  log: z.string(),
  receipts: z.array(
    z.strictObject({
      id: z.string(),
      index: number,
      leaf_hash: z.base64(),
      duplicate: z.boolean(),
      flags: z.array(z.string()).optional(),
      quarantine: z.strictObject({ code: z.string(), message: z.string() }).optional(),
      proof: z.string().optional(),
    }),
  ),
  tree_size: number.optional(),
  count: number.optional(),
  duplicates: number.optional(),
  quarantined: number.optional(),
})
export const auditReceipts = z.strictObject({ receipts: z.array(anything) })

const filters = {
  action: z.string().optional().describe('`user.*` for all that begin so; of several, one has to hold'),
  actor: z.string().optional().describe('id, name, e-mail or ref; personal'),
  target: z.string().optional().describe('id, name or type'),
  outcome: z.enum(OUTCOMES).optional(),
  ip: z.string().optional().describe('personal'),
  session: z.string().optional(),
  trace: z.string().optional(),
  correlation: z.string().optional(),
  severity: z.int().min(1).max(24).optional().describe('at least'),
  source: z.string().optional(),
  service: z.string().optional(),
  id: z.string().optional().describe('of the event'),
  type: z.enum(['event', 'raw', 'erasure', 'custody']).optional(),
  from: time.optional().describe('time of the event, inclusive'),
  to: time.optional().describe('exclusive'),
  text: z.string().optional().describe('words, all of which must occur'),
}
export const searchQuery = z.object({
  ...filters,
  before: number.optional().describe('only indexes below'),
  since: number.optional().describe('only indexes from here on'),
  limit: z.int().min(1).max(1_000).optional().describe('50 by default'),
  reveal: flag.optional().describe('show personal fields'),
})
export const timelineQuery = z.object({
  session: z.string().optional(),
  trace: z.string().optional(),
  correlation: z.string().optional(),
  actor: z.string().optional(),
  after: number.optional().describe('only indexes above'),
  limit: z.int().min(1).max(1_000).optional().describe('100 by default'),
  reveal: flag.optional(),
})
export const eventQuery = z.object({ reveal: flag.optional() })
export const bundleQuery = z.object({
  disclose: z.string().optional().describe('personal fields to disclose: paths with commas between, or all'),
})
export const eventBundle = z.strictObject({
  v: z.literal(1),
  entry: z.base64().describe('the bytes of the entry'),
  disclosures: z.array(z.string()).describe('RFC 9901'),
  proof: z.string().describe('a .tlog-proof file'),
})
export const exportBody = z.looseObject({
  format: z.enum(['ndjson', 'csv', 'ocsf']),
  reveal: z.boolean().optional(),
})
export const searchStatus = z.strictObject({
  indexed: number,
  published: number,
  lag_entries: number,
  lag_seconds: z.number().nullable(),
  rebuilding: z.boolean(),
})

/** What the database can hold: no NUL, and no half of a surrogate pair. */
function storable(max: number) {
  return z
    .string()
    .min(1)
    .max(max)
    .refine((given) => !/\0|\p{Surrogate}/u.test(given), 'holds a NUL or half of a surrogate pair')
}
const subjectKind = z
  .enum(['actor', 'ip', 'source', 'raw', 'ref'])
  .describe('what the identifier is; actor by default, ref is the random name in leaves')
export const newErasure = z.strictObject({
  subject: storable(512).describe('identifier of the person, as the senders use it'),
  kind: subjectKind.optional(),
  basis: storable(500).describe('why, such as `GDPR Art. 17(1)(a)`; stays in the log: name no person'),
  ticket: storable(256).optional().describe('stays in the log: name no person'),
})
export const erasure = anything.describe(
  'id, state, ref of the subject, basis, ticket, who asked and who approved, what was erased',
)
export const erasureList = z.strictObject({ erasures: z.array(erasure) })
export const newHold = z.strictObject({
  subject: storable(512).optional().describe('identifier of the person; the whole log without it'),
  kind: subjectKind.optional(),
  reason: storable(500).describe('name no person'),
})
export const hold = anything.describe(
  'id, ref of the subject or null for the whole log, reason, by whom and when',
)
export const holdList = z.strictObject({ holds: z.array(hold) })

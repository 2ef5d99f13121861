// The shapes of bodies, queries and answers of the audit routes, for the reference page.
import { z } from 'zod'
import { eventJsonSchema } from '../event/json-schema.ts'
import { OUTCOMES } from '../event/schema.ts'

const number = z.int().min(0)
const time = z.string().describe('RFC 3339')
const flag = z.enum(['true', 'false'])
export const binary = z.string().describe('raw bytes').meta({ format: 'binary' })
export const text = z.string()
const anything = z.record(z.string(), z.unknown())

export const jsonSchema = anything.describe('JSON Schema 2020-12')
/** Without the name that its own document has: here it stands in several places. */
export const eventBody = z.unknown().meta({ ...eventJsonSchema(), $schema: undefined, $id: undefined })
export const otlpJson = anything.describe(
  'Messages of `opentelemetry.proto.collector.logs.v1` as JSON: opentelemetry.io/docs/specs/otlp; here: docs/senders/opentelemetry-collector.md',
)
export const k8sEventList = z.looseObject({
  kind: z.literal('EventList'),
  apiVersion: z.literal('audit.k8s.io/v1'),
  items: z.array(anything).describe('events as kube-apiserver has them: docs/senders/kubernetes.md'),
})
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
export const cloudEvent = z.looseObject({
  specversion: z.literal('1.0'),
  id: z.string(),
  source: z.string(),
  type: z.string().describe('becomes the action'),
  subject: z.string().optional(),
  time: time.optional(),
  datacontenttype: z.string().optional(),
  data: z
    .unknown()
    .optional()
    .describe('the params of the event; an event itself with a dataschema that ends in /schemas/event.json'),
  data_base64: z.base64().optional(),
})
export const hecEvent = z.looseObject({
  event: z.unknown().describe('a text, or an object that is read as an event'),
  time: z.number().or(z.string()).optional().describe('seconds since 1970'),
  host: z.string().optional(),
  source: z.string().optional(),
  sourcetype: z.string().optional(),
  index: z.string().optional(),
  fields: anything.optional(),
})
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
/** Filters are read as those of a search are, which says better what is wrong with one. */
const several = z.string().or(z.array(z.string())).optional()
export const exportRequest = exportBody.extend({
  reveal: z.boolean().optional().describe('show personal fields; needs the scope `pii:reveal`'),
  ...filters,
  action: several.describe('`user.*` for all that begin so; of several, one has to hold'),
  source: several.describe('of several, one has to hold'),
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
export const erasure = z.strictObject({
  id: z.string(),
  ref: z.string().describe('random name of the person in leaves'),
  kind: z.string(),
  state: z.enum(['pending', 'rejected', 'approved', 'shredded', 'done']),
  basis: z.string(),
  ticket: z.string().nullable(),
  requested_by: z.string(),
  requested_at: time,
  decided_by: z.string().nullable(),
  decided_at: time.nullable(),
  reason: z.string().nullable().describe('why it was rejected'),
  entries: number.nullable().describe('how many hold nothing of the person any more'),
  fields: z.array(z.string()).nullable(),
  ranges: z.array(z.array(number)).nullable().describe('indexes of the entries, from and to'),
  index: number.nullable().describe('of the entry about it'),
  done_at: time.nullable(),
})
export const erasureList = z.strictObject({ erasures: z.array(erasure) })
export const newHold = z.strictObject({
  subject: storable(512).optional().describe('identifier of the person; the whole log without it'),
  kind: subjectKind.optional(),
  reason: storable(500).describe('name no person'),
})
export const hold = z.strictObject({
  id: z.string(),
  ref: z.string().nullable().describe('random name of the person in leaves; null for the whole log'),
  reason: z.string(),
  placed_by: z.string(),
  placed_at: time,
  released_by: z.string().nullable(),
  released_at: time.nullable(),
})
export const holdList = z.strictObject({ holds: z.array(hold) })

// The shapes of answers and bodies, for the reference page and for the tests that hold the answers to them.
import { z } from 'zod'
import { ROLE_NAMES } from '../access/roles.ts'
import { SCOPES } from '../access/scopes.ts'
import { validKeyName } from '../core/keys.ts'
import { LOG_NAME } from '../core/log-name.ts'

const size = z.int().min(0)
const hash = z.base64().length(44).describe('32 bytes in base64')
const bytes = z.base64().describe('bytes in base64')
const time = z.iso.datetime()
const logName = z
  .string()
  .regex(LOG_NAME, 'must be the name of a log: 1 to 63 of a-z, 0-9 and -, not - at either end')
const keyId = z.string().regex(/^[0-9a-f]{8}$/)
const state = z
  .enum(['open', 'draining', 'frozen'])
  .describe('draining takes no more entries, frozen has ended; said by the server, signed by nobody')
const note = z.string().describe('the checkpoint: a signed note (c2sp.org/tlog-checkpoint)')

const quorum = z
  .enum(['met', 'missed', 'none'])
  .describe('whether cosignatures satisfy the policy of the log; none when it asks for none')
const witness = z.strictObject({
  name: z.string(),
  cosigned: z.boolean().describe('the newest checkpoint has its cosignature'),
  failure: z
    .strictObject({ reason: z.string(), message: z.string() })
    .nullable()
    .describe('why its last answer to this process was no cosignature'),
})

export const binary = z.string().describe('raw bytes').meta({ format: 'binary' })
export const text = z.string()

export const logSummary = z.strictObject({
  name: logName,
  origin: z.string(),
  vkeys: z
    .array(z.string())
    .describe('every key that ever signed or may sign, as c2sp.org/signed-note verifier keys'),
  signing: z.array(keyId).describe('ids of those that sign now'),
  state,
  successor: logName.nullable().describe('the log that continues this one'),
  size: size.nullable().describe('of the published checkpoint; null before the first one'),
  root: hash.nullable(),
  signed_at: time.nullable(),
  level: z.enum(['tamper-detecting', 'tamper-evident', 'witnessed']).describe('what can be promised now'),
  problems: z.array(z.strictObject({ code: z.string(), message: z.string() })),
  quorum,
  witnesses: z.array(witness).describe('those of the policy'),
  policy: z
    .string()
    .nullable()
    .describe(
      'a policy file (c2sp.org/tlog-policy) for verifiers; null while it cannot be read, see problems',
    ),
  public: z.boolean().describe('entries can be read without a key'),
  dedup: z.boolean().describe('the same bytes get the same index'),
  created_at: time,
})
export const logList = z.strictObject({ logs: z.array(logSummary) })
export const newLog = z.strictObject({
  name: logName,
  // A key name, because the keys of a log carry its origin as their name (c2sp.org/signed-note).
  origin: z
    .string()
    .max(255)
    .refine(isOrigin, 'must be 1 to 255 bytes without white space and plus signs')
    .optional(),
  public: z.boolean().optional(),
  dedup: z.boolean().optional(),
  successor_of: logName.optional().describe('a log that this one continues; it says so from then on'),
})
export const newState = z.strictObject({ state })

export const newEntry = z.union([
  z.strictObject({ entry: bytes }),
  z.strictObject({ text: z.string().describe('its UTF-8 is the entry') }),
])
const covered = {
  tree_size: size
    .optional()
    .describe('size of a checkpoint that covers it, with wait=published or wait=witnessed'),
}
export const receipt = z.strictObject({ index: size, leaf_hash: hash, duplicate: z.boolean(), ...covered })
export const batchReceipt = z.strictObject({
  count: size,
  duplicates: size.describe('how many were in the log already'),
  first_index: size.optional().describe('when the indexes are first_index, first_index + 1, …'),
  indexes: z.array(size).optional().describe('otherwise; in the order of the entries sent'),
  ...covered,
})

export const entry = z.strictObject({ index: size, leaf_hash: hash, entry: bytes })
export const entryList = z.strictObject({ tree_size: size, entries: z.array(entry) })

export const inclusionProof = z.strictObject({ leaf_index: size, tree_size: size, audit_path: z.array(hash) })
export const entryProof = z.strictObject({ ...inclusionProof.shape, checkpoint: note })
export const consistencyProof = z.strictObject({ from: size, to: size, consistency: z.array(hash) })
export const subtreeProof = z.strictObject({
  start: size,
  end: size,
  tree_size: size,
  subtree_hash: hash,
  subtree_proof: z.array(hash),
})
export const treeHead = z.strictObject({
  tree_size: size,
  timestamp: size.describe('when it was signed, POSIX milliseconds'),
  sha256_root_hash: hash,
  checkpoint: note,
  seq: size.describe('position among the published tree heads, from 0'),
  quorum: quorum.describe('as it is now for the newest one, as it was when it was published for older ones'),
})
export const treeHeadList = z.strictObject({
  sths: z.array(treeHead),
  next: size.nullable().describe('`before` for the next page; null on the last one'),
})

const rate = z
  .int()
  .min(0)
  .max(10_000_000)
  .nullable()
  .describe('events, or requests that append nothing, a second; 0 for no limit, null for that of everybody')

export const newKey = z
  .strictObject({
    name: z.string().min(1).max(200),
    role: z.enum(ROLE_NAMES).optional().describe('instead of scopes'),
    scopes: z.array(z.enum(SCOPES)).min(1).optional(),
    logs: z
      .array(logName)
      .min(1)
      .nullable()
      .optional()
      .describe('names of logs the key is bound to; null or absent for all'),
    expires_at: z.iso.datetime({ offset: true }).nullable().optional(),
    source: z
      .string()
      .min(1)
      .max(200)
      .nullable()
      .optional()
      .describe('what its events are filed under; its name if absent'),
    rate_append: rate.optional(),
    rate_read: rate.optional(),
  })
  .refine(({ role, scopes }) => (role === undefined) !== (scopes === undefined), 'give either role or scopes')
export const key = z.strictObject({
  id: z.string(),
  name: z.string(),
  scopes: z.array(z.enum(SCOPES)),
  logs: z.array(z.string()).nullable(),
  source: z.string().describe('what its events are filed under'),
  created_by: z.string().nullable().describe('id of the key, or of the holder of a token, that made it'),
  rate_append: rate,
  rate_read: rate,
  created_at: time,
  expires_at: time.nullable(),
  revoked_at: time.nullable(),
})
export const createdKey = z.strictObject({
  ...key.shape,
  key: z.string().describe('shown here and never again'),
})
export const keyList = z.strictObject({ keys: z.array(key) })

export const health = z.strictObject({ status: z.literal('ok') })
export const readiness = z.strictObject({
  status: z.literal('ready'),
  logs: z.array(z.string()),
  witnesses: z
    .array(z.strictObject({ log: z.string(), quorum, ...witness.shape }))
    .describe(
      'of logs with a policy; one that fails makes the service unready only where its log is held back',
    ),
  mirrors: z
    .array(
      z.strictObject({
        log: z.string(),
        mirror: z.string().describe('its address'),
        size: size.nullable().describe('up to which it has signed'),
        behind: size.describe('entries of the newest checkpoint that it has not signed'),
        problem: z.string().nullable().describe('why the last try failed'),
      }),
    )
    .describe('of logs whose checkpoints this process publishes; a mirror that is behind holds up nothing'),
})
export const problem = z.looseObject({
  type: z.string().describe('link to the code on the reference page'),
  title: z.string(),
  status: z.int(),
  code: z.string().describe('stable; what programs should look at'),
  detail: z.string().describe('what was wrong with this request, and what to do'),
})

function isOrigin(text: string): boolean {
  return Buffer.byteLength(text) <= 255 && validKeyName(text)
}

// docs/events.md: every field of an event, from the schema and the default of the privacy policy.
import { EVENT_FIELDS, type Field, type Fields } from './fields.ts'
import { DEFAULT_PRIVACY, type PrivacyRule } from './privacy.ts'
import { MAX_DEPTH, MAX_EVENT_SIZE } from './types.ts'

const RULES: Readonly<Record<PrivacyRule, string>> = {
  clear: 'clear',
  personal: 'personal',
  person: 'personal of persons',
}

const INTRODUCTION = `# Audit events

<!-- Written from src/audit/event/schema.ts by eventReference(); a test compares it. Do not edit. -->

An event is a JSON object with at least \`time\` and \`action\`. This page lists its fields; \`GET /schemas/event.json\` is the same as
JSON Schema 2020-12.

\`\`\`json
{
  "id": "01J9Z5T0Q6W8",
  "time": "2026-01-31T12:00:00.120Z",
  "action": "document.delete",
  "outcome": "success",
  "actor": { "id": "u-1815", "type": "user", "name": "Ada Lovelace", "email": "ada@example.org" },
  "targets": [{ "id": "doc-42", "type": "document" }],
  "src": { "ip": "203.0.113.7" },
  "http": { "method": "DELETE", "path": "/documents/42", "status": 204 },
  "auth": { "method": "webauthn", "mfa": true, "session_id": "s-77" },
  "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736"
}
\`\`\`

- **Nothing is dropped.** A member that is not listed here is kept under \`extra\`, named by its dotted path
  (\`extra["actor.department"]\`). Only null, and the empty text of a field that cannot be empty, mean "not sent".
- **What cannot be read as an event is kept as it came**, in quarantine, when it came among others; alone it is refused with the
  path of the field and what was expected there. Reasons are: bytes that are not UTF-8, no JSON, a name twice in an object, half a
  surrogate pair, a number beyond the largest double, nesting deeper than ${MAX_DEPTH}, more than ${MAX_EVENT_SIZE.toLocaleString('en-US')} bytes as canonical JSON,
  no time or no action, a field of another type or out of its bounds.
- **Integers beyond ±9007199254740991** become text, as they were spelled.
- **Times** of 1970 or 2100 are kept. A number counts seconds below 10^11, milliseconds below 10^14, microseconds below 10^17, and
  else nanoseconds. Without \`time\`, \`date\` is the time (the key that Fluent Bit writes).
- **\`source\`** is not a field: it comes from the key of the sender.

The last column says where a field is kept: *clear* ones are in the log for ever, *personal* ones outside of it, where they can be
erased. *Personal of persons* are those of an actor whose type is neither \`service\` nor \`system\`, and of a target of type \`user\`. Each
log can have a policy of its own. A clear field that has no room in an entry (64 KiB) is kept like a personal one.

## Fields
`

/** The text of docs/events.md. */
export function eventReference(): string {
  return `${INTRODUCTION}\n| field | value | what it says | kept |\n|---|---|---|---|\n${rowsOf(EVENT_FIELDS).join('\n')}\n`
}

function rowsOf(fields: Fields): string[] {
  return fields.list.flatMap((field) => {
    const rule = DEFAULT_PRIVACY.rules.get(field.path)
    const row = `| \`${field.path}\` | ${valueOf(field)} | ${field.what} | ${rule === undefined ? '' : RULES[rule]} |`
    return field.kind === 'group' || field.kind === 'list' ? [row, ...rowsOf(field.members)] : [row]
  })
}

const VALUES: Readonly<Record<Exclude<Field['kind'], 'text' | 'whole' | 'list'>, string>> = {
  flag: 'true or false',
  time: 'time',
  outcome: '`success`, `failure` or `unknown`',
  json: 'any JSON',
  open: 'object',
  ours: 'list of paths',
  group: 'object',
}

function valueOf(field: Field): string {
  if (field.kind === 'text') return `text, ${field.min} to ${field.max} characters`
  if (field.kind === 'whole') return `whole number, ${field.min} to ${field.max}`
  if (field.kind === 'list') return `list of objects, ${field.max} at most`
  return VALUES[field.kind]
}

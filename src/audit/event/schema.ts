// The audit event, version 1: the native JSON format and what every adapter maps to. The published JSON Schema, the event
// reference, the reader and the split by privacy all come from this one description.
import { z } from 'zod'

const text = (max: number, what: string) => z.string().min(1).max(max).optional().describe(what)
const whole = (min: number, max: number, what: string) => z.int().min(min).max(max).optional().describe(what)
const flag = (what: string) => z.boolean().optional().describe(what)

export const OUTCOMES = ['success', 'failure', 'unknown'] as const

const person = {
  id: text(512, 'Stable identifier in the system of the sender.'),
  type: text(
    64,
    'Kind of the party: `user`, `service`, `system`, or a word of the sender. `service` and `system` are no persons; ' +
      'whatever else it says, and when it says nothing, an actor counts as a person.',
  ),
  name: text(512, 'Name as people read it.'),
  email: text(512, 'E-mail address.'),
}

const actor = z.object({
  ...person,
  on_behalf_of: z
    .object(person)
    .optional()
    .describe('Whom the actor acted for: impersonation, delegation, support access.'),
})

const target = z.object({
  id: text(512, 'Identifier of what was acted upon.'),
  type: text(64, 'Kind of it, such as `document` or `role`. A target of type `user` is a person.'),
  name: text(512, 'Its name as people read it.'),
})

const geo = z.object({
  country: text(64, 'Country, as ISO 3166-1 alpha-2 where it is known.'),
  region: text(128, 'Region, as ISO 3166-2 where it is known.'),
  city: text(128, 'City.'),
})

const src = z.object({
  ip: text(64, 'IP address that the request came from.'),
  port: whole(0, 65_535, 'Port that it came from.'),
  host: text(256, 'Name of the host that it came from.'),
  geo: geo.optional().describe('Where that address is. Listed in `enriched` when this log looked it up.'),
})

const http = z.object({
  method: text(32, 'Method of the request.'),
  path: text(4_096, 'Path of the request, without the query.'),
  query: text(8_192, 'Query of the request, without the question mark.'),
  status: whole(0, 999, 'Status of the answer.'),
  user_agent: text(2_048, 'User-Agent header.'),
  host: text(256, 'Host that was asked.'),
})

const device = z.object({
  id: text(256, 'Identifier of the device.'),
  managed: flag('Whether the organisation manages the device.'),
  compliant: flag('Whether the device met the rules of the organisation.'),
  posture: z.json().optional().describe('What else was found of the state of the device.'),
})

const auth = z.object({
  method: text(128, 'How the actor was authenticated: `password`, `webauthn`, `saml`, ….'),
  mfa: flag('Whether more than one factor was asked for.'),
  session_id: text(
    256,
    'Session, to follow it over events and sources. Send a name of the session, never its secret.',
  ),
  event_id: text(256, 'Identifier of the event in which the actor was authenticated.'),
  token_id: text(256, 'Identifier of the token or key that was shown, never the token.'),
})

const service = z.object({
  name: text(256, 'Program that reports the event.'),
  version: text(128, 'Version of that program.'),
})

export const auditEvent = z.object({
  id: text(256, 'Identifier of the event. The same event sent again under the same id is kept once.'),
  time: z
    .string()
    .describe(
      'When it happened, by the clock of the sender: RFC 3339 with an offset; or a number since 1970, of seconds, milli-, micro- or ' +
        'nanoseconds by its size. Kept in UTC with up to nine digits of fraction.',
    ),
  observed_time: z.string().optional().describe('When an agent on the way saw it, spelled as `time`.'),
  action: z.string().min(1).max(256).describe('What was done, such as `user.login` or `document.delete`.'),
  outcome: z
    .enum(OUTCOMES)
    .describe('`unknown` when it is not sent; another word is kept under `extra.outcome`.'),
  actor: actor.optional().describe('Who did it.'),
  targets: z.array(target).max(64).optional().describe('What it was done to, 64 at most.'),
  src: src.optional().describe('Where it came from.'),
  http: http.optional().describe('The HTTP request, if it was one.'),
  params: z.json().optional().describe('Parameters of the action: any JSON.'),
  device: device.optional().describe('The device of the actor, and its posture.'),
  auth: auth.optional().describe('How the actor was known.'),
  trace_id: text(128, 'Trace, to follow a request over services.'),
  span_id: text(128, 'Span within the trace.'),
  correlation_id: text(256, 'What this event belongs to, in words of the sender.'),
  causation_id: text(256, 'Event or message that caused this one.'),
  severity: whole(
    1,
    24,
    'Severity number of OpenTelemetry: 1–4 trace, 5–8 debug, 9–12 info, 13–16 warn, 17–20 error, 21–24 fatal.',
  ),
  service: service.optional().describe('The program that reports it.'),
  message: z.string().max(65_536).optional().describe('The event in a sentence for people.'),
  enriched: z
    .array(z.string().min(1).max(64))
    .max(16)
    .optional()
    .describe(
      'Paths of the fields that this log added itself. Not read from senders: theirs goes to `extra`.',
    ),
  extra: z
    .record(z.string(), z.json())
    .optional()
    .describe(
      'Fields that this vocabulary has no name for; unknown fields are moved here under their dotted path.',
    ),
})

export type AuditEvent = Readonly<z.infer<typeof auditEvent>>

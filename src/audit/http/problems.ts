// What the audit rooms refuse, as HTTP says it.
import type { AuditErrorCode } from '../event/errors.ts'
import type { QuarantineCode } from '../event/types.ts'

interface ProblemKind {
  readonly status: 400 | 403 | 404 | 409 | 413 | 415 | 429 | 503
  readonly title: string
}

const UNREADABLE: Readonly<Record<Exclude<QuarantineCode, 'invalid_event' | 'too_large'>, ProblemKind>> = {
  not_json: { status: 400, title: 'The event is not JSON; nothing was stored' },
  not_utf8: { status: 400, title: 'The event is not UTF-8; nothing was stored' },
  duplicate_name: { status: 400, title: 'The event names a member twice; nothing was stored' },
  lone_surrogate: { status: 400, title: 'The event holds half of a surrogate pair; nothing was stored' },
  unsafe_number: {
    status: 400,
    title: 'The event holds a number that no double can hold; nothing was stored',
  },
  too_deep: { status: 400, title: 'The event is nested too deeply; nothing was stored' },
  too_many_fields: { status: 413, title: 'The event has too many personal fields; nothing was stored' },
}

/** Every code that the audit rooms throw, and the answer to it. */
export const AUDIT_PROBLEMS: Readonly<Record<AuditErrorCode | QuarantineCode, ProblemKind>> = {
  ...UNREADABLE,
  invalid_event: { status: 400, title: 'This is not an event; nothing was stored' },
  too_large: { status: 413, title: 'The event is too large; nothing was stored' },
  event_too_large: { status: 413, title: 'The event is too large; nothing was stored' },
  too_many_events: { status: 413, title: 'Too many events in one request; nothing was stored' },
  invalid_otlp: { status: 400, title: 'This is not an OTLP logs request; nothing was stored' },
  invalid_event_list: { status: 400, title: 'This is not a Kubernetes EventList; nothing was stored' },
  invalid_cloudevent: { status: 400, title: 'This is not a CloudEvent; nothing was stored' },
  invalid_compression: { status: 400, title: 'The compressed body cannot be read; nothing was stored' },
  unsupported_encoding: { status: 415, title: 'This content encoding is not accepted here' },
  body_expands: { status: 413, title: 'The body is too large once decompressed; nothing was stored' },
  forged_event: { status: 400, title: 'An entry reads as an event; nothing was stored' },
  id_conflict: { status: 409, title: 'The log holds another event with this id; nothing was stored' },
  signature_rejected: { status: 400, title: 'A signature does not verify; nothing was stored' },
  vault_unavailable: { status: 503, title: 'The vault cannot be asked now; nothing was stored' },
  vault_key_missing: { status: 503, title: 'The key of the vault is missing' },
  vault_damaged: { status: 503, title: 'What the vault holds of this event was changed' },
  subject_not_found: { status: 404, title: 'The log knows nobody by this identifier' },
  subject_held: { status: 409, title: 'A legal hold covers this' },
  erasure_not_found: { status: 404, title: 'There is no such erasure' },
  erasure_conflict: { status: 409, title: 'The erasure is not in a state that allows this' },
  same_person: { status: 403, title: 'Another person has to approve' },
  hold_not_found: { status: 404, title: 'There is no such hold' },
  invalid_query: { status: 400, title: 'This cannot be searched for' },
  search_behind: { status: 503, title: 'The search has not got that far yet' },
  search_unavailable: { status: 503, title: 'The search cannot be asked now' },
  search_busy: { status: 429, title: 'Too many searches are under way' },
  event_not_found: { status: 404, title: 'The published log has no such event' },
  not_an_event: { status: 404, title: 'This entry is no event' },
  reveal_not_allowed: { status: 403, title: 'Personal fields need the scope pii:reveal' },
  journal_unavailable: { status: 503, title: 'It cannot be recorded now who looks, so nobody may' },
}

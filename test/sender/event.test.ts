import { expect, test } from 'vitest'
import { auditEvent } from '../../src/audit/event/schema.ts'
import { httpEvent } from '../../src/sender/http-event.ts'
import type { SenderEvent } from '../../src/sender/index.ts'

test('every member that the SDK has is one that the log knows', () => {
  const event: Required<SenderEvent> = {
    id: 'e1',
    time: '2026-01-31T12:00:00Z',
    action: 'document.delete',
    outcome: 'success',
    actor: {
      id: 'u',
      type: 'user',
      name: 'Ada',
      email: 'a@example.com',
      on_behalf_of: { id: 'c', email: 'c@example.com' },
    },
    targets: [{ id: 'd', type: 'document', name: 'Plan' }],
    src: { ip: '203.0.113.9', port: 1, host: 'h' },
    http: { method: 'GET', path: '/', query: 'a=1', status: 200, user_agent: 'x', host: 'h' },
    params: { a: [1, null] },
    device: { id: 'd', managed: true, compliant: false, posture: { os: 'x' } },
    auth: { method: 'password', mfa: true, session_id: 's', event_id: 'e', token_id: 't' },
    trace_id: 't',
    span_id: 's',
    correlation_id: 'c',
    causation_id: 'c',
    severity: 9,
    service: { name: 's', version: '1' },
    message: 'm',
    extra: { a: 1 },
  }
  expect(auditEvent.parse(event)).toEqual(event)
})

test('what the middlewares write stays within the limits of the log, however long the request is', () => {
  const long = 'x'.repeat(20_000)
  const request = { method: long, target: `/${long}?${long}`, header: () => long, peer: undefined }
  const answer = { status: 200, failed: false, aborted: false }
  const by = { action: undefined, path: undefined, who: undefined, proxies: 1 }
  const event: unknown = JSON.parse(
    JSON.stringify(httpEvent(request, answer, { time: 0, duration: 0.123 }, by)),
  )
  expect(auditEvent.parse(event)).toEqual(event)
  const empty = httpEvent(
    { ...request, method: 'GET', target: '/', header: () => '' },
    answer,
    { time: 0, duration: 1 },
    by,
  )
  expect(auditEvent.safeParse(JSON.parse(JSON.stringify(empty))).success).toBe(true)
})

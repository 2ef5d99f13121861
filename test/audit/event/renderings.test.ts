import { readFileSync } from 'node:fs'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { eventJsonSchema } from '../../../src/audit/event/json-schema.ts'
import { ocsfOf } from '../../../src/audit/event/ocsf.ts'
import { eventReference } from '../../../src/audit/event/reference.ts'
import type { EventView, Json, JsonObject } from '../../../src/audit/event/types.ts'
import { arbitraryEvent } from './arbitrary-event.ts'

const WHERE = { log: 'main', index: 7, leafHash: new Uint8Array(32).fill(0xab) }
const view = (event: JsonObject, more: Partial<EventView> = {}): EventView => ({
  type: 'event',
  id: 'e',
  source: 'app',
  format: 'native',
  event,
  disclosed: [],
  hidden: 0,
  refs: [],
  ...more,
})
const EVENT = { time: '2026-01-31T12:00:00.1234Z', action: 'document.delete', outcome: 'failure' }

test('docs/events.md is what the schema says', () => {
  expect(readFileSync(new URL('../../../docs/events.md', import.meta.url), 'utf8')).toBe(eventReference())
})

describe('the JSON Schema', () => {
  const schema = eventJsonSchema() as {
    properties: Record<string, { description?: string; properties?: object }>
    required: string[]
  }

  test('has a description for every field', () => {
    const missing: string[] = []
    const walk = (
      properties: Record<
        string,
        { description?: string; properties?: object; items?: { properties?: object } }
      >,
      path: string,
    ): void => {
      for (const [name, field] of Object.entries(properties)) {
        if (!field.description) missing.push(path + name)
        walk((field.properties ?? field.items?.properties ?? {}) as typeof properties, `${path}${name}.`)
      }
    }
    walk(schema.properties, '')
    expect(missing).toEqual([])
    expect(Object.keys(schema.properties)).toHaveLength(20)
  })

  test('asks for time and action, and lets senders send what is read', () => {
    expect(schema.required).toEqual(['time', 'action'])
    expect(schema).toMatchObject({
      $schema: 'https://json-schema.org/draft/2020-12/schema',
      properties: {
        time: { type: ['string', 'number'] },
        outcome: { enum: ['success', 'failure', 'unknown'] },
      },
    })
    expect(JSON.stringify(schema)).not.toMatch(/additionalProperties":false|enriched":|\$ref/)
  })

  test('means what the schema means: zod reads it back, and it accepts events', () => {
    const again = z.fromJSONSchema(schema as Parameters<typeof z.fromJSONSchema>[0])
    fc.assert(
      fc.property(arbitraryEvent, (event) => {
        expect(again.safeParse(event).success).toBe(true)
      }),
      { numRuns: 50 },
    )
    expect(again.safeParse({ ...EVENT, severity: 25 }).success).toBe(false)
    expect(again.safeParse({ ...EVENT, time: 1_700_000_000, whatever: 1 }).success).toBe(true)
  })
})

describe('OCSF', () => {
  test('has an event as API Activity, with its place in the log', () => {
    const event = {
      ...EVENT,
      observed_time: '2026-01-31T12:00:01Z',
      actor: { id: 'u', type: 'user', name: 'Ada', email: 'a@example.org', ref: 'r' },
      targets: [
        { id: 'd', type: 'document' },
        { type: 'user', ref: 'r2' },
      ],
      src: { ip: '203.0.113.7', port: 1, geo: { country: 'DE' } },
      http: { method: 'DELETE', path: '/d', status: 403, user_agent: 'curl' },
      params: { force: true },
      device: { id: 'dev', managed: true, compliant: false, posture: { disk: 'encrypted' } },
      auth: { session_id: 's', mfa: true },
      trace_id: 't',
      severity: 17,
      service: { name: 'documents', version: '1' },
      extra: { 'x.y': 1 },
    }
    expect(ocsfOf(view(event), WHERE)).toEqual({
      activity_id: 4,
      activity_name: 'Delete',
      category_uid: 6,
      class_uid: 6003,
      type_uid: 600_304,
      time: Date.parse('2026-01-31T12:00:00.123Z'),
      severity_id: 4,
      severity: 'High',
      status_id: 2,
      status: 'Failure',
      metadata: {
        version: '1.9.0',
        profiles: ['record_integrity'],
        product: { name: 'documents', version: '1', vendor_name: 'app' },
        original_event_uid: 'e',
        log_name: 'app',
        log_provider: 'native',
        logged_time: Date.parse('2026-01-31T12:00:01Z'),
        correlation_uid: 't',
      },
      attestation: {
        uid: 'main/7',
        chain_uid: 'main',
        fingerprint: { algorithm: 'SHA-256', algorithm_id: 3, value: 'ab'.repeat(32) },
      },
      actor: {
        user: { uid: 'u', name: 'Ada', email_addr: 'a@example.org', type: 'user' },
        session: { uid: 's' },
      },
      api: { operation: 'document.delete', request: { data: { force: true } }, service: { name: 'app' } },
      src_endpoint: { ip: '203.0.113.7', port: 1, location: { country: 'DE' } },
      resources: [
        { uid: 'd', type: 'document' },
        { uid: 'r2', type: 'user' },
      ],
      device: { type_id: 0, uid: 'dev', is_managed: true, is_compliant: false },
      http_request: { http_method: 'DELETE', url: { path: '/d' }, user_agent: 'curl' },
      http_response: { code: 403 },
      unmapped: {
        actor: { ref: 'r' },
        device: { posture: { disk: 'encrypted' } },
        auth: { mfa: true },
        extra: { 'x.y': 1 },
      },
    })
  })

  test.each([
    ['user.login', 1],
    ['user.login.failed', 1],
    ['login', 1],
    ['auth.token', 99],
    ['logout', 2],
    ['user.logout', 2],
    ['user.sign_in', 1],
  ])('has %s as Authentication', (action, id) => {
    const event = { ...EVENT, action, actor: { ref: 'r' }, auth: { mfa: false, method: 'password' } }
    expect(ocsfOf(view(event), WHERE)).toMatchObject({
      class_uid: 3002,
      category_uid: 3,
      activity_id: id,
      type_uid: 300_200 + id,
      user: { uid: 'r' },
      is_mfa: false,
      auth_protocol: 'password',
      service: { name: 'app' },
      unmapped: { action },
    })
  })

  test.each([
    ['user.create', 1],
    ['document.viewed', 2],
    ['role.grant', 3],
    ['key.revoked', 4],
    ['logins.list', 2],
    ['authorize', 99],
    ['recreation', 99],
  ])('has %s as API Activity %i', (action, id) => {
    expect(ocsfOf(view({ ...EVENT, action }), WHERE)).toMatchObject({ class_uid: 6003, activity_id: id })
  })

  test('has all that its classes require, however little is shown', () => {
    fc.assert(
      fc.property(arbitraryEvent, fc.boolean(), (event, login) => {
        const shown = { ...event, ...(login && { action: 'user.login' }) } as unknown as JsonObject
        const { id: _, ...members } = shown
        const ocsf = ocsfOf(view(members), WHERE)
        const required = [
          'actor',
          'metadata',
          'severity_id',
          'time',
          'activity_id',
          'category_uid',
          'class_uid',
          'type_uid',
          'src_endpoint',
        ]
        for (const name of [...required, ...(ocsf['class_uid'] === 3002 ? ['user', 'service'] : ['api'])])
          expect(ocsf).toHaveProperty(name)
        expect(ocsf['resources'] ?? []).not.toContain(undefined)
      }),
    )
  })

  test('has what is no event as a base event', () => {
    const raw = view({ reason: 'not_json', size: 3 }, { type: 'raw' })
    expect(ocsfOf(raw, { ...WHERE, time: 5 })).toMatchObject({
      class_uid: 0,
      type_uid: 99,
      time: 5,
      unmapped: { reason: 'not_json', size: 3 },
    })
  })

  test('changes nothing of the view', () => {
    const event = { ...EVENT, actor: { id: 'u' } }
    const before: Json = JSON.parse(JSON.stringify(event)) as Json
    ocsfOf(view(event), WHERE)
    expect(event).toEqual(before)
  })
})

// The event as JSON Schema 2020-12, for those who send it.
import { z } from 'zod'
import { auditEvent } from './schema.ts'

type Schema = Record<string, unknown>

/**
 * What senders may send: wider than what is kept. `outcome` may be left out, times may be numbers, unknown members are allowed
 * at every place (they go to `extra`), and `enriched` is this log's own.
 */
export function eventJsonSchema(): object {
  const schema = withoutRefs(z.toJSONSchema(auditEvent, { target: 'draft-2020-12', io: 'input' })) as Schema
  const {
    enriched: _enriched,
    id,
    time,
    observed_time: observed,
    ...properties
  } = schema['properties'] as Record<string, Schema>
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    $id: 'urn:prooflog:event:1',
    title: 'Audit event, version 1',
    type: 'object',
    required: ['time', 'action'],
    properties: {
      id,
      time: { ...time, type: ['string', 'number'] },
      observed_time: { ...observed, type: ['string', 'number'] },
      ...properties,
    },
  }
}

/** The only references are those to the recursive schema of any JSON, which no constraint at all says better. */
function withoutRefs(schema: unknown): unknown {
  if (typeof schema !== 'object' || schema === null) return schema
  if (Array.isArray(schema)) return schema.map(withoutRefs)
  const members = Object.entries(schema).filter(([name]) => name !== '$ref')
  return Object.fromEntries(members.map(([name, value]) => [name, withoutRefs(value)]))
}

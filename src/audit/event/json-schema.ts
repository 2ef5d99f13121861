// The event as JSON Schema 2020-12, for those who send it.
import { z } from 'zod'
import { auditEvent } from './schema.ts'

type Schema = Record<string, unknown>

/**
 * What senders may send: wider than what is kept. `outcome` may be left out, times may be numbers, unknown members are allowed
 * at every place (they go to `extra`), and `enriched` is this log's own.
 */
export function eventJsonSchema(): object {
  const schema = z.toJSONSchema(auditEvent, {
    target: 'draft-2020-12',
    io: 'input',
    override: ({ zodSchema, jsonSchema }) => {
      if (zodSchema._zod.def.type === 'lazy') anyJson(jsonSchema)
    },
  }) as Schema
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

function anyJson(schema: Schema): void {
  for (const key of Object.keys(schema)) if (key !== 'description') delete schema[key]
}

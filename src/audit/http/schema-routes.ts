// What an event looks like, for programs.
import { json } from '../../http/respond.ts'
import type { Route } from '../../http/route.ts'
import { eventJsonSchema } from '../event/json-schema.ts'
import { jsonSchema } from './schemas.ts'

export function schemaRoutes(): Route[] {
  return [
    {
      method: 'GET',
      path: '/schemas/event.json',
      handle: () => json(eventJsonSchema()),
      doc: {
        tag: 'events in',
        summary: 'JSON Schema of an event',
        answers: { 'application/json': jsonSchema },
      },
    },
  ]
}

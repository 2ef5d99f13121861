// The server that the benchmark loads, in a process of its own: the real service, and two empty routes as ceilings, which pass
// the shell that every route passes. Environment as for the service; prints its address as one JSON line.
import { z } from 'zod'
import { readConfig } from '../config.ts'
import { readBody } from '../http/body.ts'
import { json } from '../http/respond.ts'
import type { Route } from '../http/route.ts'
import { createLogger } from '../logger.ts'
import { serve } from '../serve.ts'

const doc = { tag: 'operation', summary: 'Nothing', answers: { 'application/json': z.strictObject({}) } }
const routes: Route[] = [
  { method: 'GET', path: '/bench/empty', doc, handle: () => json({}) },
  {
    method: 'POST',
    path: '/bench/empty',
    doc,
    async handle(c) {
      await readBody(c, 65_536, 'body_too_large')
      return json({})
    },
  },
]

const config = readConfig(process.env)
const service = await serve(config, createLogger(config), [
  { routes, access: { 'GET /bench/empty': 'public', 'POST /bench/empty': 'entries:append' } },
])
process.stdout.write(
  `${JSON.stringify({ url: service.url, key: service.first?.adminKey, pid: process.pid })}\n`,
)
process.once('SIGTERM', () => {
  void service.stop().then(() => process.exit(0))
})

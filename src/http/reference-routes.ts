import type { OpenApi } from './openapi.ts'
import type { ProblemKinds } from './problem.ts'
import { contentSecurityPolicy, referencePage } from './reference-page.ts'
import { headersFor } from './respond.ts'
import type { Route } from './route.ts'
import { text } from './schemas.ts'

/** The document that describes all routes, and the same to read. @param describe made once, on first use */
export function referenceRoutes(describe: () => OpenApi, kinds: ProblemKinds): Route[] {
  let document: Promise<{ openapi: string; page: string }> | undefined
  async function make(): Promise<{ openapi: string; page: string }> {
    const openapi = describe()
    return { openapi: JSON.stringify(openapi), page: await referencePage(openapi, kinds) }
  }
  const jsonHeaders = headersFor('application/json', 'no-cache')
  const pageHeaders = {
    ...headersFor('text/html; charset=utf-8', 'no-cache'),
    'content-security-policy': contentSecurityPolicy(),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
  }
  return [
    {
      method: 'GET',
      path: '/openapi.json',
      handle: async () => new Response((await (document ??= make())).openapi, { headers: jsonHeaders }),
      doc: {
        tag: 'operation',
        summary: 'This reference as OpenAPI 3.1',
        answers: { 'application/json': text },
      },
    },
    {
      method: 'GET',
      path: '/docs',
      handle: async () => new Response((await (document ??= make())).page, { headers: pageHeaders }),
      doc: { tag: 'operation', summary: 'This reference', answers: { 'text/html; charset=utf-8': text } },
    },
  ]
}

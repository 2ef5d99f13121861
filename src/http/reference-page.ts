// The reference page: the OpenAPI document as plain HTML. No script, nothing loaded from anywhere, so it works offline and
// under the strictest content security policy.
import { createHash } from 'node:crypto'
import { html, raw } from 'hono/html'
import type { OpenApi, Operation } from './openapi.ts'
import type { ProblemKinds } from './problem.ts'

const STYLE = `
:root { color-scheme: light dark; --line: light-dark(#d8dee4, #30363d); --soft: light-dark(#f6f8fa, #161b22); --dim: light-dark(#57606a, #8b949e) }
* { box-sizing: border-box }
body { font: 16px/1.55 system-ui, sans-serif; max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 6rem }
code, pre { font: 0.875em/1.5 ui-monospace, monospace; background: var(--soft); border-radius: 4px; padding: 0.1em 0.3em }
pre { padding: 0.75em 1em; overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere }
nav { display: flex; flex-wrap: wrap; gap: 0.25rem 1rem; padding: 0.5rem 0 }
a { color: inherit; text-underline-offset: 0.2em }
h1 { margin-bottom: 0 } h1 small { font-weight: 400; color: var(--dim) }
h2 { margin-top: 3rem } h2::first-letter { text-transform: uppercase }
article { border: 1px solid var(--line); border-radius: 8px; padding: 0 1.25rem 1rem; margin: 1rem 0 }
article h3 { font-size: 1rem; display: flex; flex-wrap: wrap; gap: 0.75rem; align-items: baseline }
article h3 code { font-size: 0.95em } .method { font: 700 0.8em ui-monospace, monospace; letter-spacing: 0.04em }
.dim, th { color: var(--dim); font-weight: 400 }
table { border-collapse: collapse; width: 100%; margin: 0.75rem 0 }
th, td { text-align: left; vertical-align: top; padding: 0.35rem 1rem 0.35rem 0; border-top: 1px solid var(--line) }
article td:nth-child(2) { white-space: nowrap } article td:last-child { width: 45% }
@media (max-width: 42rem) {
  article tr:has(th) { display: none }
  article tr:has(td) { display: block; border-top: 1px solid var(--line); padding: 0.4rem 0 }
  article td, article td:last-child { display: block; width: auto; border: 0; padding: 0.1rem 0 }
}
:target { scroll-margin-top: 1rem; outline: 2px solid; outline-offset: 4px; border-radius: 4px }
`

/** The page may show itself and load nothing: its one style is named by its hash. */
export function contentSecurityPolicy(): string {
  const hash = createHash('sha256').update(STYLE).digest('base64')
  return `default-src 'none'; style-src 'sha256-${hash}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`
}

export async function referencePage({ info, paths }: OpenApi, kinds: ProblemKinds): Promise<string> {
  const operations = Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), operation })),
  )
  const tags = [...new Set(operations.map(({ operation }) => operation.tags[0] ?? 'other'))]
  const page = await html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>${info.title} HTTP reference</title>
        ${raw(`<style>${STYLE}</style>`)}
      </head>
      <body>
        <h1>${info.title} <small>${info.version}</small></h1>
        <p>${prose(info.description)}</p>
        <p>The same for programs: <a href="/openapi.json">openapi.json</a>.</p>
        <nav>
          ${tags.map((tag) => html`<a href="#${anchor(tag)}">${tag}</a>`)} <a href="#problems">problems</a>
        </nav>
        ${tags.map(
          (tag) =>
            html`<section>
              <h2 id="${anchor(tag)}">${tag}</h2>
              ${operations.filter(({ operation }) => operation.tags[0] === tag).map(operationCard)}
            </section>`,
        )}
        <section>
          <h2 id="problems">problems</h2>
          <table>
            <tr>
              <th>code</th>
              <th>status</th>
              <th>meaning</th>
            </tr>
            ${Object.entries(kinds).map(
              ([code, { status, title }]) =>
                html`<tr id="${code}">
                  <td><code>${code}</code></td>
                  <td>${status}</td>
                  <td>${title}</td>
                </tr>`,
            )}
          </table>
        </section>
      </body>
    </html> `
  return page.toString()
}

function operationCard({ path, method, operation }: { path: string; method: string; operation: Operation }) {
  const { parameters, requestBody, responses } = operation
  return html`<article id="${operation.operationId}">
    <h3><span class="method">${method}</span> <code>${path}</code> <span>${operation.summary}</span></h3>
    <p>${prose(operation.description)}</p>
    ${
      parameters.length === 0
        ? ''
        : html`<table>
            <tr>
              <th>parameter</th>
              <th>in</th>
              <th>type</th>
              <th></th>
            </tr>
            ${parameters.map(
              (parameter) =>
                html`<tr>
                  <td><code>${parameter.name}</code></td>
                  <td>${parameter.in}${parameter.required ? '' : ', optional'}</td>
                  <td><code>${typeText(parameter.schema)}</code></td>
                  <td>${prose(parameter.description ?? '')}</td>
                </tr>`,
            )}
          </table>`
    }
    ${
      requestBody === undefined
        ? ''
        : html`<p class="dim">Body</p>
            ${bodyTables(requestBody.content)}`
    }
    <p class="dim">Answers</p>
    ${Object.entries(responses).map(([status, { description, content }]) =>
      status.startsWith('2')
        ? html`<p><strong>${status}</strong></p>
            ${contentTable(content)}`
        : html`<p><strong>${status}</strong> ${codes(description)}</p>`,
    )}
  </article>`
}

function contentTable(content: Readonly<Record<string, { readonly schema: object }>>) {
  return Object.entries(content).map(
    ([type, { schema }]) =>
      html`<pre>${type}${schemaText(schema) === '' ? '' : `\n${schemaText(schema)}`}</pre>`,
  )
}

/** What is sent has its members told one by one, as parameters are. */
function bodyTables(content: Readonly<Record<string, { readonly schema: object }>>) {
  return Object.entries(content).map(([type, { schema }]) => {
    const { properties, required = [], description = '' } = schema as JsonSchema
    if (properties === undefined)
      return html`${contentTable({ [type]: { schema } })}${description === '' ? '' : html`<p>${prose(description)}</p>`}`
    return html`<pre>${type}</pre>
      <table>
        <tr>
          <th>member</th>
          <th></th>
          <th>type</th>
          <th></th>
        </tr>
        ${Object.entries(properties).map(
          ([name, member]) =>
            html`<tr>
              <td><code>${name}</code></td>
              <td>${required.includes(name) ? '' : 'optional'}</td>
              <td><code>${typeText(member)}</code></td>
              <td>${prose((member as JsonSchema).description ?? '')}</td>
            </tr>`,
        )}
      </table>`
  })
}

function codes(description: string) {
  return description.split(', ').map((code) => html`<a href="#${code}"><code>${code}</code></a> `)
}

/** Plain strings are what their content type says; only structures are shown. */
function schemaText(schema: object): string {
  const text = typeText(schema)
  return text === 'string' ? '' : text
}

interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly description?: string
  readonly properties?: Readonly<Record<string, object>>
  readonly required?: readonly string[]
  readonly items?: object
  readonly anyOf?: readonly object[]
  readonly enum?: readonly unknown[]
  readonly const?: unknown
}

/** A JSON Schema as a short type, such as `{ index: integer, tree_size?: integer }`. */
function typeText(schema: object): string {
  const { type, properties, required, items, anyOf, enum: values, const: constant } = schema as JsonSchema
  if (constant !== undefined) return JSON.stringify(constant)
  if (values !== undefined) return values.map((value) => JSON.stringify(value)).join(' | ')
  if (anyOf !== undefined) return anyOf.map(typeText).join(' | ')
  if (items !== undefined) return `[${typeText(items)}]`
  if (properties === undefined) return [type ?? 'any'].flat().join(' | ')
  const members = Object.entries(properties).map(
    ([name, member]) => `${name}${required?.includes(name) ? '' : '?'}: ${typeText(member)}`,
  )
  return `{ ${members.join(', ')} }`
}

/** Text with `code` in backticks. */
function prose(text: string) {
  return text.split('`').map((part, i) => (i % 2 === 1 ? html`<code>${part}</code>` : part))
}

function anchor(tag: string): string {
  return `tag-${tag.replaceAll(/\W+/g, '-')}`
}

// Binary content mode: attributes in headers, data in the body (HTTP Protocol Binding §3.1).
import { UnreadableEvent } from '../event/errors.ts'
import { parseStrictJson } from '../event/strict-json.ts'
import type { Json, JsonObject } from '../event/types.ts'
import { notCloudEvent } from './cloudevents-event.ts'

const PREFIX = 'ce-'
const NAME = /^[a-z0-9]{1,64}$/
const JSON_TYPE = /^[^/]+\/(?:json|[^/]+\+json)$/

/**
 * Attributes of the `ce-` headers, decoded as §3.1.3.2 has it: quoted strings first, then one round of percent-decoding.
 * @throws AuditError `invalid_cloudevent` for a name that no attribute can have or an encoding that is no UTF-8
 */
export function binaryAttributes(headers: Headers): JsonObject {
  const attributes: [string, string][] = []
  for (const [header, value] of headers) {
    if (!header.startsWith(PREFIX)) continue
    const name = header.slice(PREFIX.length)
    if (!NAME.test(name) || name === 'data')
      throw notCloudEvent('a ce- header names no attribute: names are a-z and 0-9')
    attributes.push([name, decode(value)])
  }
  return Object.fromEntries(attributes)
}

/** JSON as it is, text as text, anything else in base64, as structured mode would have it. @throws AuditError `invalid_cloudevent` */
export function dataOfBody(body: Uint8Array, contentType: string): { data: Json } | { data_base64: string } {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? ''
  if (type !== '' && !JSON_TYPE.test(type)) {
    const text = type.startsWith('text/') ? utf8(body) : undefined
    return text === undefined ? { data_base64: Buffer.from(body).toString('base64') } : { data: text }
  }
  try {
    return { data: parseStrictJson(body) }
  } catch (error) {
    if (error instanceof UnreadableEvent) throw notCloudEvent(`the data cannot be read: ${error.message}`)
    throw error
  }
}

function decode(value: string): string {
  const quoted = /^"((?:[^"\\]|\\.)*)"$/.exec(value)
  const text = quoted?.[1] === undefined ? value : quoted[1].replace(/\\(.)/g, '$1')
  // What is no escape stays as it is: a sender that does not encode at all may have a bare percent sign.
  const encoded = text.replace(/%(?![0-9a-fA-F]{2})/g, '%25')
  try {
    return decodeURIComponent(encoded)
  } catch {
    throw notCloudEvent('a ce- header is not percent-encoded UTF-8')
  }
}

function utf8(body: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(body)
  } catch {
    return undefined
  }
}

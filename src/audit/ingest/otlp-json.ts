// ExportLogsServiceRequest in JSON (opentelemetry-proto, docs/specification.md §JSON Protobuf Encoding): names in lowerCamelCase,
// ids in hex, 64-bit integers as strings or numbers, enums as integers; unknown names are ignored.
import { AuditError, UnreadableEvent } from '../event/errors.ts'
import { parseStrictJson } from '../event/strict-json.ts'
import type { Json, JsonObject } from '../event/types.ts'
import { splitOtlpJson } from './otlp-json-split.ts'
import { attributesOf, idOf, integerOf, membersOf, textOf, valueOf } from './otlp-json-values.ts'
import { MAX_VALUE_DEPTH, type OtlpBatch, type OtlpItem, type OtlpRecord } from './otlp-types.ts'

/** JSON around a record, and four levels for each of its values. */
const MAX_JSON_DEPTH = 12 + 4 * MAX_VALUE_DEPTH
const encoder = new TextEncoder()
const UINT64_MAX = 2n ** 64n - 1n

/**
 * A record that cannot be decoded is an `error` when it is read; what is wrong around the records is thrown.
 * @throws AuditError `invalid_otlp`
 */
export function decodeJson(body: Uint8Array): OtlpBatch[] {
  try {
    return decodeRequest(parse(body), (record) => ({
      read: () => attempt(() => recordOf(record)),
      sent: () => encoder.encode(JSON.stringify(record)),
    }))
  } catch (error) {
    if (!(error instanceof UnreadableEvent)) throw error
    // One record may be to blame: each is read by itself.
    const split = splitOtlpJson(body)
    if (split === undefined) throw refusal(error.message, error)
    try {
      return decodeRequest(parse(split.around), (place) => {
        const bytes = split.records[Number(place)] ?? new Uint8Array(0)
        return { read: () => attempt(() => recordOf(parse(bytes))), sent: () => bytes }
      })
    } catch (around) {
      if (!(around instanceof UnreadableEvent)) throw around
      throw refusal(around.message, around)
    }
  }
}

function parse(bytes: Uint8Array): Json {
  return parseStrictJson(bytes, MAX_JSON_DEPTH)
}

function attempt(read: () => OtlpRecord): ReturnType<OtlpItem['read']> {
  try {
    return read()
  } catch (error) {
    return { error }
  }
}

function decodeRequest(request: Json, itemOf: (record: Json) => OtlpItem): OtlpBatch[] {
  if (Array.isArray(request)) {
    throw refusal(
      'it is a bare array: set `codec: otlp` where Vector sends it, or send one object with resourceLogs',
    )
  }
  const members = object(request, 'the body')
  // Anything else would be answered as if it had been kept.
  if (members['resourceLogs'] === undefined && Object.keys(members).length > 0) {
    throw refusal('it has no resourceLogs; names are in lowerCamelCase')
  }
  return list(members['resourceLogs'], 'resourceLogs').flatMap((entry) => {
    const resourceLogs = object(entry, 'an entry of resourceLogs')
    return list(resourceLogs['scopeLogs'], 'scopeLogs').map((scopeEntry): OtlpBatch => {
      const scopeLogs = object(scopeEntry, 'an entry of scopeLogs')
      const items = list(scopeLogs['logRecords'], 'logRecords').map(itemOf)
      return { ...aroundOf(resourceLogs, scopeLogs), items }
    })
  })
}

function aroundOf(resourceLogs: JsonObject, scopeLogs: JsonObject): Omit<OtlpBatch, 'items'> {
  try {
    const resource = membersOf(resourceLogs['resource'] ?? {}, 'a resource')
    const scope = membersOf(scopeLogs['scope'] ?? {}, 'a scope')
    return {
      resource: attributesOf(resource['attributes']),
      scope: {
        name: textOf(scope['name'], 'scope.name'),
        version: textOf(scope['version'], 'scope.version'),
        attributes: attributesOf(scope['attributes']),
      },
      schemaUrl:
        textOf(scopeLogs['schemaUrl'], 'schemaUrl') || textOf(resourceLogs['schemaUrl'], 'schemaUrl'),
      broken: undefined,
    }
  } catch (error) {
    return { resource: [], scope: { name: '', version: '', attributes: [] }, schemaUrl: '', broken: error }
  }
}

function recordOf(json: Json): OtlpRecord {
  const record = membersOf(json, 'a log record')
  return {
    time: integerOf(record['timeUnixNano'], 'timeUnixNano', 0n, UINT64_MAX),
    observedTime: integerOf(record['observedTimeUnixNano'], 'observedTimeUnixNano', 0n, UINT64_MAX),
    severityNumber: Number(
      integerOf(record['severityNumber'], 'severityNumber', -(2n ** 31n), 2n ** 31n - 1n),
    ),
    severityText: textOf(record['severityText'], 'severityText'),
    body: valueOf(record['body'], 1),
    attributes: attributesOf(record['attributes']),
    droppedAttributes: Number(
      integerOf(record['droppedAttributesCount'], 'droppedAttributesCount', 0n, 2n ** 32n - 1n),
    ),
    flags: Number(integerOf(record['flags'], 'flags', 0n, 2n ** 32n - 1n)),
    traceId: idOf(record['traceId'], 'traceId'),
    spanId: idOf(record['spanId'], 'spanId'),
    eventName: textOf(record['eventName'], 'eventName'),
  }
}

function object(json: Json, what: string): JsonObject {
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw refusal(`${what} is no object`)
  return json as JsonObject
}

function list(json: Json | undefined, what: string): readonly Json[] {
  if (json === undefined || json === null) return []
  if (!Array.isArray(json)) throw refusal(`${what} is no array`)
  return json
}

function refusal(why: string, cause?: unknown): AuditError {
  return new AuditError(
    'invalid_otlp',
    `the body is no ExportLogsServiceRequest in JSON: ${why}`,
    {},
    { cause },
  )
}

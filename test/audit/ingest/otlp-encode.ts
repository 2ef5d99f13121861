// Requests as real exporters make them: by the reflection of protobufjs from the field numbers of opentelemetry-proto, which is
// another way than the one that reads them; and as OTLP/JSON.
import protobuf from 'protobufjs'

type Any =
  | { stringValue: string }
  | { boolValue: boolean }
  | { intValue: string }
  | { doubleValue: number }
  | { bytesValue: Uint8Array }
  | { arrayValue: { values: Any[] } }
  | { kvlistValue: { values: KeyValue[] } }
  | Record<string, never>

export type KeyValue = { key: string; value: Any }

export interface Record_ {
  timeUnixNano?: string
  severityNumber?: number
  severityText?: string
  body?: Any
  attributes?: KeyValue[]
  droppedAttributesCount?: number
  flags?: number
  traceId?: Uint8Array
  spanId?: Uint8Array
  observedTimeUnixNano?: string
  eventName?: string
}

export interface Request_ {
  resourceLogs: {
    resource?: { attributes: KeyValue[] }
    scopeLogs: {
      scope?: { name?: string; version?: string; attributes?: KeyValue[] }
      logRecords: Record_[]
      schemaUrl?: string
    }[]
    schemaUrl?: string
  }[]
}

const { Field, OneOf, Root, Type } = protobuf
const field = (name: string, id: number, type: string): protobuf.Field => new Field(name, id, type)
const many = (name: string, id: number, type: string): protobuf.Field => new Field(name, id, type, 'repeated')

const anyValue = new Type('AnyValue')
  .add(
    new OneOf('value', [
      'stringValue',
      'boolValue',
      'intValue',
      'doubleValue',
      'arrayValue',
      'kvlistValue',
      'bytesValue',
    ]),
  )
  .add(field('stringValue', 1, 'string'))
  .add(field('boolValue', 2, 'bool'))
  .add(field('intValue', 3, 'int64'))
  .add(field('doubleValue', 4, 'double'))
  .add(field('arrayValue', 5, 'ArrayValue'))
  .add(field('kvlistValue', 6, 'KeyValueList'))
  .add(field('bytesValue', 7, 'bytes'))

const root = new Root()
  .add(anyValue)
  .add(new Type('ArrayValue').add(many('values', 1, 'AnyValue')))
  .add(new Type('KeyValueList').add(many('values', 1, 'KeyValue')))
  .add(new Type('KeyValue').add(field('key', 1, 'string')).add(field('value', 2, 'AnyValue')))
  .add(new Type('Resource').add(many('attributes', 1, 'KeyValue')))
  .add(
    new Type('InstrumentationScope')
      .add(field('name', 1, 'string'))
      .add(field('version', 2, 'string'))
      .add(many('attributes', 3, 'KeyValue')),
  )
  .add(
    new Type('LogRecord')
      .add(field('timeUnixNano', 1, 'fixed64'))
      .add(field('severityNumber', 2, 'int32'))
      .add(field('severityText', 3, 'string'))
      .add(field('body', 5, 'AnyValue'))
      .add(many('attributes', 6, 'KeyValue'))
      .add(field('droppedAttributesCount', 7, 'uint32'))
      .add(field('flags', 8, 'fixed32'))
      .add(field('traceId', 9, 'bytes'))
      .add(field('spanId', 10, 'bytes'))
      .add(field('observedTimeUnixNano', 11, 'fixed64'))
      .add(field('eventName', 12, 'string')),
  )
  .add(
    new Type('ScopeLogs')
      .add(field('scope', 1, 'InstrumentationScope'))
      .add(many('logRecords', 2, 'LogRecord'))
      .add(field('schemaUrl', 3, 'string')),
  )
  .add(
    new Type('ResourceLogs')
      .add(field('resource', 1, 'Resource'))
      .add(many('scopeLogs', 2, 'ScopeLogs'))
      .add(field('schemaUrl', 3, 'string')),
  )
  .add(new Type('ExportLogsServiceRequest').add(many('resourceLogs', 1, 'ResourceLogs')))

// What is nested deeper than a decoder allows is what a test sends.
protobuf.util.recursionLimit = 1_000

const request = root.lookupType('ExportLogsServiceRequest')

export function encodeProtobuf(message: Request_): Uint8Array {
  return request.encode(request.fromObject(message)).finish()
}

/** Ids in hex and other bytes in base64, as OTLP/JSON has it. */
export function encodeJson(message: Request_): Uint8Array {
  const text = JSON.stringify(message, (name, value: unknown) => {
    if (
      typeof value === 'object' &&
      value !== null &&
      'type' in value &&
      value.type === 'Buffer' &&
      'data' in value
    ) {
      return Buffer.from(value.data as number[]).toString(
        name === 'traceId' || name === 'spanId' ? 'hex' : 'base64',
      )
    }
    if (typeof value === 'number' && !Number.isFinite(value)) return String(value)
    return value
  })
  return new TextEncoder().encode(text)
}

export const encode = { protobuf: encodeProtobuf, json: encodeJson }

/** Attributes of a plain object: text, booleans, bigints as integers and numbers as doubles. */
export function attributes(of: { [key: string]: string | boolean | bigint | number }): KeyValue[] {
  return Object.entries(of).map(([key, value]) => ({ key, value: any(value) }))
}

export function any(value: string | boolean | bigint | number): Any {
  if (typeof value === 'string') return { stringValue: value }
  if (typeof value === 'boolean') return { boolValue: value }
  return typeof value === 'bigint' ? { intValue: String(value) } : { doubleValue: value }
}

/** One resource, one scope. */
export function requestOf(
  logRecords: Record_[],
  resource: { [key: string]: string } = {},
  scope?: { name?: string; version?: string },
): Request_ {
  return {
    resourceLogs: [
      {
        resource: { attributes: attributes(resource) },
        scopeLogs: [{ ...(scope === undefined ? {} : { scope }), logRecords }],
      },
    ],
  }
}

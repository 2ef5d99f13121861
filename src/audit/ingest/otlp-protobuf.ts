// ExportLogsServiceRequest in protobuf (opentelemetry-proto: collector/logs/v1, logs/v1, common/v1). Read field by field with the
// reader of protobufjs straight into our shape. Messages of its reflection would be made only to be copied, and one damaged record
// would take its whole request with it.
import { Reader } from 'protobufjs/minimal.js'
import { AuditError } from '../event/errors.ts'
import {
  BYTES,
  endOf,
  fields,
  FIXED32,
  FIXED64,
  inside,
  isolated,
  readFixed64,
  readId,
  readKeyValue,
  readValue,
  tag,
  VARINT,
} from './otlp-protobuf-parts.ts'
import type { OtlpAttribute, OtlpBatch, OtlpItem, OtlpRecord, OtlpScope, OtlpValue } from './otlp-types.ts'

const REQUEST = { resourceLogs: tag(1, BYTES) } as const
const RESOURCE_LOGS = { resource: tag(1, BYTES), scopeLogs: tag(2, BYTES), schemaUrl: tag(3, BYTES) } as const
const RESOURCE = { attributes: tag(1, BYTES) } as const
const SCOPE_LOGS = { scope: tag(1, BYTES), logRecords: tag(2, BYTES), schemaUrl: tag(3, BYTES) } as const
const SCOPE = { name: tag(1, BYTES), version: tag(2, BYTES), attributes: tag(3, BYTES) } as const
const RECORD = {
  time: tag(1, FIXED64),
  severityNumber: tag(2, VARINT),
  severityText: tag(3, BYTES),
  body: tag(5, BYTES),
  attributes: tag(6, BYTES),
  droppedAttributes: tag(7, VARINT),
  flags: tag(8, FIXED32),
  traceId: tag(9, BYTES),
  spanId: tag(10, BYTES),
  observedTime: tag(11, FIXED64),
  eventName: tag(12, BYTES),
} as const
/**
 * A record that cannot be decoded is an `error` when it is read; what is wrong around the records is thrown.
 * @throws AuditError `invalid_otlp`: truncated, no protobuf, or another message
 */
export function decodeProtobuf(body: Uint8Array): OtlpBatch[] {
  const batches: OtlpBatch[] = []
  let resources = 0
  try {
    const reader = Reader.create(body)
    fields(reader, (field) => {
      if (field !== REQUEST.resourceLogs) return false
      resources++
      inside(reader, () => readResourceLogs(reader, batches))
      return true
    })
  } catch (error) {
    const message = 'the body is no ExportLogsServiceRequest in protobuf, or its end is missing'
    throw new AuditError('invalid_otlp', message, {}, { cause: error })
  }
  // Anything may look like a message of unknown fields, and would be answered as if it had been kept.
  if (resources === 0 && body.length > 0) {
    throw new AuditError('invalid_otlp', 'the body holds no resource_logs: send an ExportLogsServiceRequest')
  }
  return batches
}

function readResourceLogs(reader: Reader, batches: OtlpBatch[]): void {
  const resource: OtlpAttribute[] = []
  const scopes: Omit<OtlpBatch, 'resource'>[] = []
  let schemaUrl = ''
  let broken: unknown
  fields(reader, (field) => {
    switch (field) {
      case RESOURCE_LOGS.resource:
        broken ??= isolated(reader, () =>
          fields(reader, (inner) => readAttributes(reader, inner, RESOURCE.attributes, resource)),
        )
        return true
      case RESOURCE_LOGS.scopeLogs:
        scopes.push(inside(reader, () => readScopeLogs(reader)))
        return true
      case RESOURCE_LOGS.schemaUrl:
        schemaUrl = reader.stringVerify()
        return true
      default:
        return false
    }
  })
  // The resource may stand behind its records.
  for (const one of scopes) {
    batches.push({ ...one, resource, schemaUrl: one.schemaUrl || schemaUrl, broken: broken ?? one.broken })
  }
}

function readAttributes(reader: Reader, field: number, wanted: number, into: OtlpAttribute[]): boolean {
  if (field !== wanted) return false
  into.push(readKeyValue(reader, 1))
  return true
}

function readScopeLogs(reader: Reader): Omit<OtlpBatch, 'resource'> {
  let scope: OtlpScope = { name: '', version: '', attributes: [] }
  let schemaUrl = ''
  let broken: unknown
  const items: OtlpItem[] = []
  fields(reader, (field) => {
    switch (field) {
      case SCOPE_LOGS.scope:
        broken ??= isolated(reader, () => {
          scope = readScope(reader)
        })
        return true
      case SCOPE_LOGS.logRecords:
        items.push(itemOf(reader))
        return true
      case SCOPE_LOGS.schemaUrl:
        schemaUrl = reader.stringVerify()
        return true
      default:
        return false
    }
  })
  return { scope, schemaUrl, broken, items }
}

function readScope(reader: Reader): OtlpScope {
  let name = ''
  let version = ''
  const attributes: OtlpAttribute[] = []
  fields(reader, (field) => {
    if (field === SCOPE.name) name = reader.stringVerify()
    else if (field === SCOPE.version) version = reader.stringVerify()
    else return readAttributes(reader, field, SCOPE.attributes, attributes)
    return true
  })
  return { name, version, attributes }
}

/** Goes past the record, which is read when the reader has come to the end of the request. */
function itemOf(reader: Reader): OtlpItem {
  const end = endOf(reader)
  const { buf, pos: from } = reader
  reader.pos = end
  const read: OtlpItem['read'] = () => {
    reader.pos = from
    reader.len = end
    try {
      return readRecord(reader)
    } catch (error) {
      return { error }
    }
  }
  return { read, sent: () => buf.subarray(from, end) }
}

function readRecord(reader: Reader): OtlpRecord {
  const attributes: OtlpAttribute[] = []
  const record = {
    time: 0n,
    observedTime: 0n,
    severityNumber: 0,
    severityText: '',
    body: null as OtlpValue,
    attributes,
    droppedAttributes: 0,
    flags: 0,
    traceId: '',
    spanId: '',
    eventName: '',
  }
  while (reader.pos < reader.len) {
    const field = reader.tag()
    switch (field) {
      case RECORD.time:
        record.time = readFixed64(reader)
        break
      case RECORD.severityNumber:
        record.severityNumber = reader.int32()
        break
      case RECORD.severityText:
        record.severityText = reader.stringVerify()
        break
      case RECORD.body:
        record.body = readValue(reader, 1)
        break
      case RECORD.attributes:
        attributes.push(readKeyValue(reader, 1))
        break
      case RECORD.droppedAttributes:
        record.droppedAttributes = reader.uint32()
        break
      case RECORD.flags:
        record.flags = reader.fixed32()
        break
      case RECORD.traceId:
        record.traceId = readId(reader)
        break
      case RECORD.spanId:
        record.spanId = readId(reader)
        break
      case RECORD.observedTime:
        record.observedTime = readFixed64(reader)
        break
      case RECORD.eventName:
        record.eventName = reader.stringVerify()
        break
      default:
        reader.skipType(field & 7, 0, field >>> 3)
    }
  }
  return record
}

// What exporters are answered (opentelemetry-proto, docs/specification.md §OTLP/HTTP Response), in the encoding of the request.
// The Collector compares content types exactly: a charset would make it ignore the body.
import { Writer } from 'protobufjs/minimal.js'
import type { OtlpEncoding } from './otlp-types.ts'

export type { OtlpEncoding }

export interface OtlpAnswer {
  readonly contentType: 'application/x-protobuf' | 'application/json'
  readonly body: Uint8Array
}

/**
 * Everything was kept. An ExportLogsServiceResponse without partial_success: a record that is no event is quarantined, not
 * rejected.
 */
export function otlpResponse(encoding: OtlpEncoding): OtlpAnswer {
  return encoding === 'protobuf' ? protobuf(new Uint8Array(0)) : json({})
}

/** google.rpc.Status; `code` is a google.rpc.Code, which exporters log and do not act on: they go by the HTTP status. */
export function otlpStatus(encoding: OtlpEncoding, code: number, message: string): OtlpAnswer {
  if (encoding === 'json') return json({ code, message })
  return protobuf(Writer.create().uint32(8).int32(code).uint32(18).string(message).finish())
}

function protobuf(body: Uint8Array): OtlpAnswer {
  return { contentType: 'application/x-protobuf', body }
}

function json(value: object): OtlpAnswer {
  return { contentType: 'application/json', body: new TextEncoder().encode(JSON.stringify(value)) }
}

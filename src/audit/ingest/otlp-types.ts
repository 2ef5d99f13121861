// What an ExportLogsServiceRequest holds, whichever of its two encodings it came in (opentelemetry-proto, logs/v1 and common/v1).

export type OtlpEncoding = 'protobuf' | 'json'

/**
 * An AnyValue as the JavaScript type that tells which of its seven kinds it is: bigint is `int_value`, number is `double_value`.
 * Null is an AnyValue without a value.
 */
export type OtlpValue =
  | null
  | string
  | boolean
  | bigint
  | number
  | Uint8Array
  | readonly OtlpValue[]
  | OtlpMap

/** A `kvlist_value`. */
export interface OtlpMap {
  readonly kvlist: readonly OtlpAttribute[]
}

export interface OtlpAttribute {
  readonly key: string
  readonly value: OtlpValue
}

export interface OtlpRecord {
  /** Nanoseconds since 1970; 0n when unknown. */
  readonly time: bigint
  readonly observedTime: bigint
  readonly severityNumber: number
  readonly severityText: string
  readonly body: OtlpValue
  readonly attributes: readonly OtlpAttribute[]
  readonly droppedAttributes: number
  readonly flags: number
  /** Lower-case hex; empty when there is none. */
  readonly traceId: string
  readonly spanId: string
  readonly eventName: string
}

/** A record that could not be decoded; the others of its request are not affected. */
export interface OtlpUnreadable {
  readonly error: unknown
}

export interface OtlpItem {
  /** Decodes it, each time: of a large request only one record at a time is in memory. */
  readonly read: () => OtlpRecord | OtlpUnreadable
  /** The bytes of the record alone; made only when they are asked for. */
  readonly sent: () => Uint8Array
}

export interface OtlpScope {
  readonly name: string
  readonly version: string
  readonly attributes: readonly OtlpAttribute[]
}

/** The records of one scope of one resource, in the order of the request. */
export interface OtlpBatch {
  readonly resource: readonly OtlpAttribute[]
  readonly scope: OtlpScope
  /** Of the scope, else of the resource; empty when there is none. */
  readonly schemaUrl: string
  /** Why resource or scope could not be decoded: then none of the records is an event. Undefined when they could. */
  readonly broken: unknown
  readonly items: readonly OtlpItem[]
}

/** Nesting of AnyValues at most. What an event may hold is less: see MAX_DEPTH. */
export const MAX_VALUE_DEPTH = 100

export const isMap = (value: OtlpValue): value is OtlpMap =>
  typeof value === 'object' && value !== null && 'kvlist' in value

export const isUnreadable = (record: OtlpRecord | OtlpUnreadable): record is OtlpUnreadable =>
  'error' in record

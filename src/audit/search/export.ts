// Exports: views as lines of NDJSON, CSV or OCSF. Each record says where in which log it is and which index was exported before it,
// so that what is missing, or in another order, shows in the copy.
import { toBase64 } from '../../core/bytes.ts'
import type { Hash } from '../../core/hash.ts'
import { ocsfOf } from '../event/ocsf.ts'
import type { EventView, Json, JsonObject } from '../event/types.ts'
import { CSV_HEADER, csvRow } from './csv.ts'
import type { Place } from './place.ts'

export type ExportFormat = 'ndjson' | 'csv' | 'ocsf'

export interface ExportRow {
  /** Name of the log. */
  readonly log: string
  readonly index: number
  readonly leafHash: Hash
  /** Of the checkpoint that the export was made at. */
  readonly size: number
  readonly view: EventView
}

/** A piece of the file; CSV has one without records, its header. */
export interface ExportPart {
  readonly text: string
  readonly records: number
}

/** One part a row, in their order. */
export async function* formatExport(
  format: ExportFormat,
  rows: AsyncIterable<ExportRow>,
): AsyncGenerator<ExportPart, void, undefined> {
  if (format === 'csv') yield { text: CSV_HEADER, records: 0 }
  let previous: number | null = null
  for await (const row of rows) {
    const { log, index, leafHash, size, view } = row
    const place = { log, index, leaf_hash: toBase64(leafHash), checkpoint_size: size, previous }
    yield { text: format === 'csv' ? csvRow(place, view) : jsonLine(format, place, row), records: 1 }
    previous = index
  }
}

function jsonLine(
  format: 'ndjson' | 'ocsf',
  place: Place,
  { log, index, leafHash, view }: ExportRow,
): string {
  if (format === 'ndjson') return `${JSON.stringify({ ...place, ...view })}\n`
  const event: JsonObject = ocsfOf(view, { log, index, leafHash })
  const unmapped = event['unmapped']
  const others = isObject(unmapped) ? unmapped : {}
  return `${JSON.stringify({ ...event, unmapped: { ...others, prooflog: place } })}\n`
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

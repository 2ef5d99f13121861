// The records of an OTLP/JSON request, found without parsing them: of a request that cannot be read as a whole, those that can be
// read by themselves.
import { elementsOf, isArrayAt, isObjectAt, membersOf, type Span, skipSpace } from './json-split.ts'

export interface SplitRequest {
  /** The request with the place in `records` instead of each record. */
  readonly around: Uint8Array
  readonly records: readonly Uint8Array[]
}

/** Undefined if its brackets do not close or nothing is where records should be. */
export function splitOtlpJson(body: Uint8Array): SplitRequest | undefined {
  const spans: Span[] = []
  const root = { start: skipSpace(body, 0), end: body.length }
  if (!collect(body, root, ['resourceLogs', 'scopeLogs', 'logRecords'], spans) || spans.length === 0)
    return undefined
  const pieces: Uint8Array[] = []
  let at = 0
  for (const [place, { start, end }] of spans.entries()) {
    pieces.push(body.subarray(at, start), Buffer.from(String(place)))
    at = end
  }
  pieces.push(body.subarray(at))
  return { around: Buffer.concat(pieces), records: spans.map(({ start, end }) => body.subarray(start, end)) }
}

/** Into the arrays that `path` names, one in the other; the elements of the last are records. */
function collect(body: Uint8Array, object: Span, path: readonly string[], into: Span[]): boolean {
  const [name, ...rest] = path
  if (name === undefined) {
    into.push(object)
    return true
  }
  if (!isObjectAt(body, object.start)) return false
  const found = membersOf(body, object.start)
  if (found === undefined) return false
  return found.members
    .filter((member) => member.name === name && isArrayAt(body, member.value.start))
    .every(({ value }) =>
      elementsOf(body, value.start)?.elements.every((element) => collect(body, element, rest, into)),
    )
}

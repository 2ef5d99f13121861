// What the tests of both encodings share.
import { expect } from 'vitest'
import { AuditError } from '../../../src/audit/event/errors.ts'
import type { Incoming } from '../../../src/audit/event/types.ts'
import type { OtlpEncoding } from '../../../src/audit/ingest/otlp-types.ts'
import { parseOtlpLogs } from '../../../src/audit/ingest/otlp.ts'

export const TIME = '1714041600123456789'
export const bytes = (text: string): Uint8Array => new TextEncoder().encode(text)
/** All records, which come one by one: as many as were said to come, and the same each time. */
export function parse(body: Uint8Array, encoding: OtlpEncoding): readonly Incoming[] {
  const { incoming } = parseOtlpLogs(body, encoding)
  const all = [...incoming]
  expect(all).toHaveLength(incoming.length)
  expect([...incoming]).toEqual(all)
  return all
}

export function refusal(body: Uint8Array, encoding: OtlpEncoding): AuditError {
  try {
    parseOtlpLogs(body, encoding)
  } catch (error) {
    if (error instanceof AuditError) return error
    throw error
  }
  throw new Error('not refused')
}

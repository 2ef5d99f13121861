// The envelope: the entry of a record, byte for byte.
import { MAX_ENTRY_SIZE } from '../../core/bundle.ts'
import { canonicalJson } from '../../core/canonical-json.ts'
import { canonicalBytes } from './canonical.ts'
import { AuditError } from './errors.ts'
import type { Envelope } from './types.ts'

const TYPES: ReadonlySet<unknown> = new Set<Envelope['type']>(['event', 'raw', 'erasure', 'custody'])
const DIGEST = /^[A-Za-z0-9_-]{43}$/
const BRACE = 0x7b
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * RFC 8785 bytes of an envelope.
 * @throws AuditError `event_too_large` over 65,535 bytes; UnreadableEvent as canonicalBytes
 */
export function formatEnvelope(envelope: Envelope): Uint8Array {
  const entry = canonicalBytes(envelope)
  if (entry.length <= MAX_ENTRY_SIZE) return entry
  const message = `The entry of the event has ${entry.length} bytes; at most ${MAX_ENTRY_SIZE} fit. Send less, or in several events.`
  throw new AuditError('event_too_large', message, { size: entry.length, limit: MAX_ENTRY_SIZE })
}

/**
 * The envelope that an entry is: exactly what {@link formatEnvelope} writes.
 * @throws AuditError `not_an_event`
 */
export function parseEnvelope(entry: Uint8Array): Envelope {
  const envelope = parseCanonical(entry)
  const { v, type, id, source, format, refs, _sd, _sd_alg } = envelope
  if (v !== 1 || !TYPES.has(type)) throw notAnEvent('its version or type is not known')
  if (typeof id !== 'string' || typeof source !== 'string' || typeof format !== 'string')
    throw notAnEvent('id, source and format are not all there')
  if (refs !== undefined && !isTexts(refs)) throw notAnEvent('refs is no list of names')
  if ((_sd === undefined) !== (_sd_alg === undefined) || (_sd !== undefined && _sd_alg !== 'sha-256'))
    throw notAnEvent('_sd and _sd_alg do not agree')
  if (_sd !== undefined && !isDigests(_sd)) throw notAnEvent('_sd is no sorted list of digests, each once')
  return envelope as unknown as Envelope
}

/**
 * The envelope that an entry says it is; undefined for what is no event. For what is checked otherwise: it may be written in
 * another way than {@link formatEnvelope} does, and its digests are not looked at.
 */
export function glanceEnvelope(entry: Uint8Array): Envelope | undefined {
  if (entry[0] !== BRACE) return undefined
  let envelope: unknown
  try {
    envelope = JSON.parse(decoder.decode(entry))
  } catch {
    return undefined
  }
  if (typeof envelope !== 'object' || envelope === null) return undefined
  const { v, type, id, source, format, refs } = envelope as Record<string, unknown>
  if (v !== 1 || !TYPES.has(type)) return undefined
  if (typeof id !== 'string' || typeof source !== 'string' || typeof format !== 'string') return undefined
  return refs === undefined || isTexts(refs) ? (envelope as Envelope) : undefined
}

function parseCanonical(entry: Uint8Array): Record<string, unknown> {
  let envelope: unknown
  let canonical = false
  try {
    const text = decoder.decode(entry)
    envelope = JSON.parse(text)
    // Whatever JSON.parse is lenient about, such as a name that comes twice, is not canonical.
    canonical = canonicalJson(envelope) === text
  } catch {
    throw notAnEvent('it is no JSON')
  }
  if (typeof envelope !== 'object' || envelope === null || Array.isArray(envelope))
    throw notAnEvent('it is no object')
  if (!canonical) throw notAnEvent('it is not canonical JSON')
  return envelope as Record<string, unknown>
}

function isTexts(value: unknown): value is string[] {
  return Array.isArray(value) && value.every((text) => typeof text === 'string')
}

function isDigests(value: unknown): boolean {
  return (
    isTexts(value) &&
    value.every((digest, i) => DIGEST.test(digest) && (i === 0 || (value[i - 1] ?? '') < digest))
  )
}

function notAnEvent(why: string): AuditError {
  return new AuditError('not_an_event', `The entry is no event of this log: ${why}.`)
}

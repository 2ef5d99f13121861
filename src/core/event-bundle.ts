import { MAX_ENTRY_SIZE } from './bundle.ts'
// The bundle of selective disclosure: one entry, the fields of it that its holder chose to show, and the proof that a log has it.
// It is verified offline, against a policy, by whoever gets it.
import { decodeUtf8, encodeUtf8, fromBase64, toBase64 } from './bytes.ts'
import { canonicalJson } from './canonical-json.ts'
import { withDisclosed } from './disclose.ts'
import { disclosureDigest, formatDisclosure, MAX_DISCLOSURE_LENGTH, parseDisclosure } from './disclosure.ts'
import { FormatError } from './errors.ts'
import { parsePart } from './parse-part.ts'
import type { Policy } from './policy.ts'
import { MAX_PROOF_FILE_SIZE } from './proof-file.ts'
import { type VerifiedProof, verifyProof } from './verify-proof.ts'

/** Parsed, not verified. */
export type EventBundle = {
  /** The envelope, byte for byte as it is in the log. */
  readonly entry: Uint8Array
  readonly disclosures: readonly string[]
  /** Text of a `.tlog-proof` file. */
  readonly proof: string
}

/** An event that is in a log the policy accepts, as far as it was disclosed. */
export type VerifiedEvent = VerifiedProof & {
  /** The members of the envelope without its digests, and the disclosed fields at their paths. */
  readonly event: Readonly<Record<string, unknown>>
  /** Paths of the disclosed fields. */
  readonly disclosed: readonly string[]
  /** How many fields stay hidden. */
  readonly hidden: number
  /** Size of the tree that the proof leads to. */
  readonly size: number
  /**
   * When the tree with this entry was signed, in seconds since the epoch: by the log's own word, else the earliest time that a
   * witness vouches for; undefined when no signature states one.
   */
  readonly signedAt: number | undefined
}

/** Most disclosures of an entry: their digests must fit it. */
const MAX_DISCLOSURES = 1_024
/** Largest bundle; bytes. */
export const MAX_EVENT_BUNDLE_SIZE: number = 4_000_000

/** The JSON text of a bundle. */
export function formatEventBundle({ entry, disclosures, proof }: EventBundle): string {
  return `${JSON.stringify({ v: 1, entry: toBase64(entry), disclosures, proof })}\n`
}

/**
 * Reads a bundle without verifying it. White space between the parts of the JSON is allowed, other members are not.
 * @throws FormatError `invalid_event_bundle`
 */
export function parseEventBundle(source: string | Uint8Array): EventBundle {
  if (source.length > MAX_EVENT_BUNDLE_SIZE) throw invalid(`it is larger than ${MAX_EVENT_BUNDLE_SIZE} bytes`)
  const text = typeof source === 'string' ? source : part('The bundle', () => decodeUtf8(source))
  const { v, entry, disclosures, proof, ...others } = parseObject(text, 'it is no JSON object')
  if (v !== 1) throw invalid('its version "v" is not 1')
  if (Object.keys(others).length > 0 || memberCount(text) !== 4)
    throw invalid('its members are not exactly v, entry, disclosures and proof, each once')
  if (typeof entry !== 'string' || entry.length > MAX_ENTRY_SIZE * 1.4)
    throw invalid('its entry is no base64 of an entry')
  if (typeof proof !== 'string' || proof.length > MAX_PROOF_FILE_SIZE)
    throw invalid('its proof is no text of a proof')
  if (!isTexts(disclosures)) throw invalid(`its disclosures are no list of at most ${MAX_DISCLOSURES} texts`)
  return { entry: part('The entry', () => fromBase64(entry)), disclosures, proof }
}

/**
 * Verifies a bundle: the entry is in a log that the policy accepts, and what is disclosed is what was hidden in it.
 * @throws FormatError `invalid_event_bundle` when the bundle is none or its disclosures are not of this entry; what verifyProof throws
 */
export function verifyEventBundle(bundle: string | Uint8Array | EventBundle, policy: Policy): VerifiedEvent {
  const { entry, disclosures, proof } =
    typeof bundle === 'string' || bundle instanceof Uint8Array ? parseEventBundle(bundle) : bundle
  const verified = verifyProof(
    { entry },
    part('The proof', () => encodeUtf8(proof)),
    policy,
  )
  const { _sd, _sd_alg, ...clear } = parseEnvelope(entry)
  const digests = digestsOf(_sd, _sd_alg)
  const fields = disclosures.map((text) => openDisclosure(text, digests))
  const disclosed = fields.map(({ path }) => path)
  if (new Set(disclosed).size !== disclosed.length) throw invalid('a field is disclosed twice')
  return {
    ...verified,
    event: part('The disclosures', () => withDisclosed(clear, fields)),
    disclosed,
    hidden: digests.size,
    size: verified.checkpoint.size,
    signedAt: signedAt(verified),
  }
}

function parseEnvelope(entry: Uint8Array): Record<string, unknown> {
  const text = part('The entry', () => decodeUtf8(entry))
  const envelope = parseObject(text, 'its entry is no event')
  if (part('The entry', () => canonicalJson(envelope)) !== text)
    throw invalid('its entry is no canonical JSON')
  return envelope
}

function digestsOf(sd: unknown, algorithm: unknown): Set<string> {
  if (sd === undefined && algorithm === undefined) return new Set()
  if (algorithm !== 'sha-256') throw invalid('the digests of its entry are not of SHA-256')
  if (!isTexts(sd)) throw invalid('its entry has no list of digests')
  const digests = new Set(sd)
  if (digests.size !== sd.length) throw invalid('its entry has a digest twice')
  return digests
}

/** Takes the digest out of `digests`, so that none is opened twice and what is left is hidden. */
function openDisclosure(text: string, digests: Set<string>): { path: string; value: unknown } {
  if (!digests.delete(disclosureDigest(part('A disclosure', () => wellFormed(text)))))
    throw invalid('a disclosure is not of this entry, or is there twice')
  const { salt, path, value } = part('The bundle', () => parseDisclosure(text))
  // One reading only: what another parser would read differently was never written by a log.
  if (part('A disclosure', () => formatDisclosure(salt, path, value)) !== text)
    throw invalid('a disclosure is no canonical JSON')
  return { path, value }
}

function wellFormed(text: string): string {
  if (text.length <= MAX_DISCLOSURE_LENGTH && /^[\w-]+$/.test(text)) return text
  throw new FormatError('invalid_disclosure', 'not base64url, or too long.')
}

function signedAt({ logKeys, cosigners }: VerifiedProof): number | undefined {
  const own = logKeys.map(({ timestamp }) => timestamp ?? 0).filter((time) => time > 0)
  const times = own.length > 0 ? own : cosigners.map(({ timestamp }) => timestamp).filter((time) => time > 0)
  return times.length > 0 ? Math.min(...times) : undefined
}

/** Members of all objects of a valid JSON text, repeated ones too: outside of strings, each has one colon. */
function memberCount(text: string): number {
  let count = 0
  let quoted = false
  for (let at = 0; at < text.length; at++) {
    const character = text[at]
    if (character === '"') quoted = !quoted
    else if (quoted && character === '\\') at += 1
    else if (!quoted && character === ':') count += 1
  }
  return count
}

function isTexts(value: unknown): value is string[] {
  return (
    Array.isArray(value) && value.length <= MAX_DISCLOSURES && value.every((text) => typeof text === 'string')
  )
}

function parseObject(text: string, otherwise: string): Record<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw invalid(otherwise)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw invalid(otherwise)
  return value as Record<string, unknown>
}

function part<T>(where: string, parse: () => T): T {
  return parsePart('invalid_event_bundle', where, parse)
}

function invalid(what: string): FormatError {
  return new FormatError('invalid_event_bundle', `Not a bundle of an event: ${what}.`)
}

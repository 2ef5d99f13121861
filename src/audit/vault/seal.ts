// Drafts become envelopes and ciphertexts. The hot path: some microseconds an event beside the canonical form of its envelope.
import { disclosureJson } from '../../core/disclosure.ts'
import { type Hash, hashLeaf } from '../../core/hash.ts'
import { formatEnvelope } from '../event/envelope.ts'
import type { Draft, Envelope, JsonObject } from '../event/types.ts'
import { digestOf, joinTexts } from './plaintext.ts'
import { eventSecret, namelessId, saltOf, type SubjectKey } from './subject-key.ts'
import type { Sealed, Sidecar } from './types.ts'
import { sealBytes } from './wrap.ts'

/** Of a row in vault.disclosures beside its ciphertext; bytes. */
const ROW_OVERHEAD = 40

/**
 * @param keys of `draft.subjects`, in that order
 * @throws AuditError `event_too_large` naming the limit
 */
export function sealDraft(logId: number, draft: Draft, keys: readonly SubjectKey[]): Sealed {
  const id = idOf(draft, keys)
  if (keys.length === 0) {
    const envelope = { ...draft.clear, id } as Envelope
    return { envelope, entry: formatEnvelope(envelope), sidecars: [] }
  }
  const texts = disclose(draft, id, keys)
  const envelope = envelopeOf(draft, id, keys, texts)
  const entry = formatEnvelope(envelope)
  const sidecars: Sidecar[] = []
  const binding = bindingOf(logId, hashLeaf(entry))
  for (let i = 0; i < keys.length; i++) {
    const key = keys[i]
    const own = texts[i]
    if (key !== undefined && own !== undefined && own.length > 0) sidecars.push(sidecarOf(key, own, binding))
  }
  return { envelope, entry, sidecars }
}

/** What a ciphertext belongs to: it opens beside this leaf of this log only. */
export function bindingOf(logId: number, leafHash: Hash): Buffer {
  const binding = Buffer.allocUnsafe(4 + leafHash.length)
  binding.writeInt32BE(logId)
  binding.set(leafHash, 4)
  return binding
}

function idOf({ clear, nameless }: Draft, keys: readonly SubjectKey[]): string {
  const { id } = clear
  if (typeof id === 'string') return id
  if (nameless === undefined) throw new TypeError('a draft has an id, or the bytes that one comes from')
  return namelessId(keys, nameless)
}

/** JSON texts of the disclosures per subject, in order of the fields. */
function disclose({ clear, personal, subjects }: Draft, id: string, keys: readonly SubjectKey[]): string[][] {
  const { source } = clear
  if (typeof source !== 'string') throw new TypeError('a draft has a source')
  const secrets: string[] = []
  const texts = subjects.map((): string[] => [])
  for (const { subject, path, value } of personal) {
    const key = keys[subject]
    if (key === undefined) throw new TypeError(`field ${path} belongs to no subject of its draft`)
    const secret = (secrets[subject] ??= eventSecret(key, source, id))
    texts[subject]?.push(disclosureJson(saltOf(secret, path), path, value))
  }
  return texts
}

function envelopeOf(
  { clear, personal }: Draft,
  id: string,
  keys: readonly SubjectKey[],
  texts: readonly (readonly string[])[],
): Envelope {
  // draftOf gives v, type, source and format. One spread each: an object made of two takes a microsecond more.
  const refs = keys.map(({ ref }) => ref)
  if (personal.length === 0) return { ...clear, id, refs } as JsonObject as Envelope
  const digests: string[] = []
  for (const own of texts) for (const text of own) digests.push(digestOf(text))
  return { ...clear, id, refs, _sd: digests.sort(), _sd_alg: 'sha-256' } as JsonObject as Envelope
}

function sidecarOf(key: SubjectKey, texts: readonly string[], binding: Buffer): Sidecar {
  const sealed = sealBytes(key.sealing, joinTexts(texts), binding)
  return { subjectId: key.subjectId, sealed, size: sealed.length + ROW_OVERHEAD }
}

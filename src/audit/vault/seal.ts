// Drafts become envelopes and ciphertexts. The hot path: some microseconds an event beside the canonical form of its envelope.
import { disclosureJson } from '../../core/disclosure.ts'
import { type Hash, hashLeaf } from '../../core/hash.ts'
import { formatEnvelope } from '../event/envelope.ts'
import type { Draft, Envelope, Json, JsonObject } from '../event/types.ts'
import { Plaintext } from './plaintext.ts'
import { eventSecret, namelessId, saltOf, type SubjectKey } from './subject-key.ts'
import type { Sealed, Sidecar } from './types.ts'
import { sealBytes } from './wrap.ts'

/** Of a row in vault.disclosures beside its ciphertext; bytes. */
const ROW_OVERHEAD = 40

/**
 * Takes the clear members of the draft over into the envelope.
 * @param keys of `draft.subjects`, in that order
 * @throws AuditError `event_too_large` naming the limit
 */
export function sealDraft(logId: number, draft: Draft, keys: readonly SubjectKey[]): Sealed {
  const id = idOf(draft, keys)
  const plaintext = new Plaintext()
  const plains = disclose(draft, id, keys, plaintext)
  const envelope = envelopeOf(draft, id, keys, plaintext.digests)
  const entry = formatEnvelope(envelope)
  const sidecars: Sidecar[] = []
  if (keys.length === 0) return { envelope, entry, sidecars }
  const binding = bindingOf(logId, hashLeaf(entry))
  for (const [i, key] of keys.entries()) {
    const plain = plains[i]
    if (plain !== undefined && plain.length > 0) sidecars.push(sidecarOf(key, plain, binding))
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

/** A nameless draft may have an id from an earlier sealing, under keys that are gone. */
function idOf({ clear, nameless }: Draft, keys: readonly SubjectKey[]): string {
  if (nameless !== undefined) return namelessId(keys, nameless)
  const { id } = clear
  if (typeof id === 'string') return id
  throw new TypeError('a draft has an id, or the bytes that one comes from')
}

/** What is to be encrypted per subject. */
function disclose(
  { clear, personal }: Draft,
  id: string,
  keys: readonly SubjectKey[],
  plaintext: Plaintext,
): Uint8Array[] {
  const { source } = clear
  if (typeof source !== 'string') throw new TypeError('a draft has a source')
  const plains: Uint8Array[] = []
  for (let i = 0; i < keys.length; i++) {
    let secret: string | undefined
    for (const { subject, path, value } of personal) {
      if (subject !== i) continue
      secret ??= eventSecret(keys[i] as SubjectKey, source, id)
      plaintext.add(disclosureJson(saltOf(secret, path), path, value))
    }
    plains.push(plaintext.cut())
  }
  if (plaintext.digests.length < personal.length)
    throw new TypeError('a field belongs to no subject of its draft')
  return plains
}

/** Made of the draft's own members: a copy with more members than those takes 4 µs. */
function envelopeOf({ clear }: Draft, id: string, keys: readonly SubjectKey[], digests: string[]): Envelope {
  // draftOf gives v, type, source and format.
  const envelope = clear as Record<string, Json>
  envelope['id'] = id
  if (keys.length > 0) envelope['refs'] = keys.map(({ ref }) => ref)
  if (digests.length > 0) {
    envelope['_sd'] = digests.sort()
    envelope['_sd_alg'] = 'sha-256'
  }
  return envelope as JsonObject as Envelope
}

function sidecarOf(key: SubjectKey, plain: Uint8Array, binding: Buffer): Sidecar {
  const sealed = sealBytes(key.sealing, plain, binding)
  return { subjectId: key.subjectId, sealed, size: sealed.length + ROW_OVERHEAD }
}

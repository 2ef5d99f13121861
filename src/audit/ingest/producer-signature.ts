// Signatures that producers, or collectors for them, put over their records. Only keys that are configured are believed: a
// certificate that comes with the record is looked up by its hash and never trusted for itself.
import {
  createHash,
  createHmac,
  createPublicKey,
  type KeyObject,
  timingSafeEqual,
  verify,
  X509Certificate,
} from 'node:crypto'
import { z } from 'zod'
import { AuditError } from '../event/errors.ts'
import type { ProducerSignature } from '../event/types.ts'
import type { SignedForm } from './otlp-canonical.ts'

/** What a record says about its signature: the `audit.integrity.*` attributes of it and of its resource. */
export interface SignatureClaim {
  /** JWA name: `EdDSA`, `ES256`, `RS256`, `RS512`, `HMAC-SHA256`. */
  readonly algorithm: string
  /** Standard base64. */
  readonly value: string
  /** Which key: `sha256:<hex>` or `sha1:<hex>` of the DER certificate, all of it as base64 DER, or the name of a configured signer. */
  readonly certificate?: string
  /** Only `jcs`, RFC 8785, which it is when nothing is said. */
  readonly canonicalization?: string
}

interface Signer {
  /** `sha256:<hex>` of the certificate, or of the key in SubjectPublicKeyInfo; undefined for a shared secret. */
  readonly fingerprint?: string
  /** Everything that a claim may call it. */
  readonly names: ReadonlySet<string>
  readonly key: KeyObject | Uint8Array
}

export interface ProducerTrust {
  /** Never throws: a signature that says nonsense is one that fails. `forms` is read only as far as needed. */
  check(claim: SignatureClaim, forms: Iterable<SignedForm>): ProducerSignature
}

const configuration = z.record(
  z.string().min(1).max(256),
  z.union([
    z.strictObject({ certificate: z.string() }),
    z.strictObject({ public_key: z.string() }),
    z.strictObject({ hmac_secret: z.base64() }),
  ]),
)

/** Bits of an RSA modulus at least. */
const RSA_MIN = 2048

const ALGORITHMS: Readonly<
  Record<
    string,
    {
      fits(key: KeyObject): boolean
      verify(key: KeyObject, data: Uint8Array, signature: Uint8Array): boolean
    }
  >
> = {
  EdDSA: {
    fits: (key) => key.asymmetricKeyType === 'ed25519',
    verify: (key, data, signature) => verify(null, data, key, signature),
  },
  // ASN.1 DER, as Go and OpenSSL write it, and not the two bare numbers of JWS.
  ES256: {
    fits: (key) => key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1',
    verify: (key, data, signature) => verify('sha256', data, { key, dsaEncoding: 'der' }, signature),
  },
  RS256: { fits: isRsa, verify: (key, data, signature) => verify('sha256', data, key, signature) },
  RS512: { fits: isRsa, verify: (key, data, signature) => verify('sha512', data, key, signature) },
}

const HMACS: Readonly<Record<string, string>> = {
  'HMAC-SHA256': 'sha256',
  HS256: 'sha256',
  'HMAC-SHA512': 'sha512',
  HS512: 'sha512',
}

/** Nobody is trusted: every signature is by an unknown key. */
export const NO_PRODUCERS: ProducerTrust = createProducerTrust({})

/**
 * @param signers JSON: an object from names to `{"certificate": PEM}`, `{"public_key": PEM}` or `{"hmac_secret": base64}`
 * @throws AuditError `invalid_event` naming the signer whose key cannot be read, never repeating it
 */
export function createProducerTrust(signers: unknown): ProducerTrust {
  const parsed = configuration.safeParse(signers)
  if (!parsed.success) {
    throw new AuditError(
      'invalid_event',
      'trusted signers: give an object from names to one of {"certificate"}, {"public_key"} (PEM) and {"hmac_secret"} (base64)',
    )
  }
  const known = Object.entries(parsed.data).map(([name, key]) => signerOf(name, key))
  return { check: (claim, forms) => checkClaim(known, claim, forms) }
}

function signerOf(name: string, key: z.infer<typeof configuration>[string]): Signer {
  try {
    if ('hmac_secret' in key) return { names: new Set([name]), key: Buffer.from(key.hmac_secret, 'base64') }
    const certificate = 'certificate' in key ? new X509Certificate(key.certificate) : undefined
    const publicKey = 'public_key' in key ? createPublicKey(key.public_key) : certificate?.publicKey
    if (publicKey === undefined) throw new Error('neither certificate nor key')
    const der = certificate?.raw ?? publicKey.export({ type: 'spki', format: 'der' })
    const fingerprint = hashOf('sha256', der)
    return { fingerprint, names: new Set([name, fingerprint, hashOf('sha1', der)]), key: publicKey }
  } catch {
    throw new AuditError(
      'invalid_event',
      `trusted signers: the key of ${JSON.stringify(name)} cannot be read; it is PEM`,
    )
  }
}

function checkClaim(
  known: readonly Signer[],
  claim: SignatureClaim,
  forms: Iterable<SignedForm>,
): ProducerSignature {
  const alg = claim.algorithm.slice(0, 32)
  const name = claim.certificate === undefined ? undefined : nameOf(claim.certificate)
  const said = { alg, ...(name?.startsWith('sha256:') ? { signer: name } : {}) }
  const verifier = verifierOf(claim.algorithm)
  const jcs = claim.canonicalization === undefined || claim.canonicalization === 'jcs'
  if (verifier === undefined || !jcs) return { result: 'unsupported', ...said }
  // A claim that names nobody may be of any key that fits its algorithm.
  const candidates = known.filter((one) => verifier.fits(one) && (name === undefined || one.names.has(name)))
  if (candidates.length === 0) return { result: 'unknown_key', ...said }
  const signature = Buffer.from(claim.value, 'base64')
  if (signature.toString('base64') !== claim.value) return { result: 'failed', ...said }
  for (const { profile, bytes } of forms) {
    const matching = candidates.find((one) => verifier.verifies(one, bytes, signature))
    if (matching === undefined) continue
    const { fingerprint } = matching
    return { result: 'passed', alg, ...(fingerprint === undefined ? {} : { signer: fingerprint }), profile }
  }
  return { result: 'failed', ...said }
}

/** A whole certificate by its fingerprint, anything else as it is. */
function nameOf(certificate: string): string {
  if (/^sha(?:1|256):[0-9a-f]+$/i.test(certificate)) return certificate.toLowerCase()
  const der = Buffer.from(certificate, 'base64')
  // The first byte of every certificate: a SEQUENCE.
  return der[0] === 0x30 && der.toString('base64') === certificate ? hashOf('sha256', der) : certificate
}

function hashOf(algorithm: 'sha1' | 'sha256', der: Uint8Array): string {
  return `${algorithm}:${createHash(algorithm).update(der).digest('hex')}`
}

interface Verifier {
  fits(signer: Signer): boolean
  verifies(signer: Signer, data: Uint8Array, signature: Uint8Array): boolean
}

function verifierOf(algorithm: string): Verifier | undefined {
  const hash = Object.hasOwn(HMACS, algorithm) ? HMACS[algorithm] : undefined
  if (hash !== undefined) {
    return {
      fits: ({ key }) => key instanceof Uint8Array,
      verifies: ({ key }, data, mac) =>
        key instanceof Uint8Array && sameMac(createHmac(hash, key).update(data).digest(), mac),
    }
  }
  const asymmetric = Object.hasOwn(ALGORITHMS, algorithm) ? ALGORITHMS[algorithm] : undefined
  if (asymmetric === undefined) return undefined
  return {
    fits: ({ key }) => !(key instanceof Uint8Array) && asymmetric.fits(key),
    verifies: ({ key }, data, signature) =>
      !(key instanceof Uint8Array) && holds(() => asymmetric.verify(key, data, signature)),
  }
}

/** OpenSSL throws for some signatures that are no signatures. */
function holds(check: () => boolean): boolean {
  try {
    return check()
  } catch {
    return false
  }
}

function isRsa(key: KeyObject): boolean {
  return key.asymmetricKeyType === 'rsa' && (key.asymmetricKeyDetails?.modulusLength ?? 0) >= RSA_MIN
}

function sameMac(ours: Uint8Array, theirs: Uint8Array): boolean {
  return ours.length === theirs.length && timingSafeEqual(ours, theirs)
}

// Tokens of identity providers (OpenID Connect Core 1.0, RFC 7519), instead of keys: who a person is says the provider, what
// he may do says our configuration.
import { decodeJwt, errors, type JWTPayload, jwtVerify, type JWTVerifyOptions } from 'jose'
import { AccessError } from './errors.ts'
import type { OidcConfig, OidcGrant, OidcIssuer } from './oidc-config.ts'
import { createOidcProvider, type OidcProvider } from './oidc-provider.ts'
import { logsOf, type Principal } from './principal.ts'
import { ROLES } from './roles.ts'

export { type OidcConfig, parseOidc, readOidcFile } from './oidc-config.ts'

export interface Oidc {
  /**
   * Whose token it is, for the request in hand only.
   * @throws AccessError `token_invalid`, `token_expired`; `token_not_granted` when the configuration gives its holder nothing;
   * `access_unavailable` when the provider cannot be asked
   */
  verify(token: string): Promise<Principal>
}

/** Of public keys only: with a shared secret, or none, whoever knows the provider's public key could make tokens. */
const ALGORITHMS = 'RS256 RS384 RS512 PS256 PS384 PS512 ES256 ES384 ES512 EdDSA Ed25519'.split(' ')

type Trusted = { readonly issuer: OidcIssuer; readonly provider: OidcProvider }

/** @param options.now POSIX milliseconds @param options.monotonic milliseconds that never go back */
export function createOidc(
  config: OidcConfig,
  {
    fetch = globalThis.fetch,
    now = Date.now,
    monotonic,
  }: { fetch?: typeof globalThis.fetch; now?: () => number; monotonic?: () => number } = {},
): Oidc {
  const trusted = new Map<unknown, Trusted>(
    config.issuers.map((issuer) => [
      issuer.issuer,
      { issuer, provider: createOidcProvider(issuer.issuer, fetch, monotonic) },
    ]),
  )
  return {
    async verify(token) {
      // Not believed yet: it only says whom to ask.
      const one = trusted.get(claimsOf(token).iss)
      if (one === undefined)
        throw new AccessError(
          'token_invalid',
          'the token is not of a provider that is trusted here: see its iss',
        )
      const claims = await verified(token, one, now())
      return principalOf(claims, one.issuer)
    },
  }
}

function claimsOf(token: string): JWTPayload {
  try {
    return decodeJwt(token)
  } catch {
    throw new AccessError('token_invalid', 'this is not a token: send it whole and unchanged')
  }
}

async function verified(token: string, { issuer, provider }: Trusted, now: number): Promise<JWTPayload> {
  const options: JWTVerifyOptions = {
    issuer: issuer.issuer,
    audience: issuer.audience,
    algorithms: ALGORITHMS,
    clockTolerance: issuer.clockTolerance,
    currentDate: new Date(now),
    requiredClaims: ['exp', 'sub'],
  }
  try {
    const { payload } = await jwtVerify(token, (header, jws) => provider.key(header, jws), options)
    return payload
  } catch (error) {
    if (error instanceof errors.JWKSMultipleMatchingKeys) return oneOf(token, error, options)
    throw refusalOf(error)
  }
}

/** A token that names no key, of a provider that has several. */
async function oneOf(
  token: string,
  candidates: errors.JWKSMultipleMatchingKeys,
  options: JWTVerifyOptions,
): Promise<JWTPayload> {
  for await (const key of candidates) {
    try {
      return (await jwtVerify(token, key, options)).payload
    } catch (error) {
      if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw refusalOf(error)
    }
  }
  throw refusalOf(new errors.JWSSignatureVerificationFailed())
}

/** Says what is wrong and repeats nothing of the token. What jose did not refuse is not the caller's fault. */
function refusalOf(error: unknown): AccessError {
  if (error instanceof AccessError) return error
  if (error instanceof errors.JWTExpired)
    return new AccessError('token_expired', 'the token expired: get a new one')
  if (error instanceof errors.JWTClaimValidationFailed)
    return new AccessError(
      'token_invalid',
      `the claim ${error.claim} of the token is not what it must be here`,
    )
  if (error instanceof errors.JOSEAlgNotAllowed)
    return new AccessError('token_invalid', `tokens are signed with one of ${ALGORITHMS.join(', ')}`)
  if (error instanceof errors.JWKSNoMatchingKey)
    return new AccessError(
      'token_invalid',
      'the token is signed with a key that its provider does not publish',
    )
  if (error instanceof errors.JOSEError)
    return new AccessError('token_invalid', 'the token is malformed, or its signature does not verify')
  return new AccessError('access_unavailable', 'tokens cannot be checked now', {}, { cause: error })
}

function principalOf(claims: JWTPayload, issuer: OidcIssuer): Principal {
  const { sub } = claims
  // OpenID Connect Core §2
  if (typeof sub !== 'string' || !/^[ -~]{1,255}$/.test(sub))
    throw new AccessError('token_invalid', 'the claim sub of the token is not 1 to 255 ASCII characters')
  const values = valuesOf(claims, issuer.claim)
  const granted = issuer.grants.filter(({ value }) => values.includes(value))
  if (granted.length === 0)
    throw new AccessError(
      'token_not_granted',
      `nothing is granted to the holder of this token: no grant names a value of its claim ${issuer.claim}`,
    )
  const id = `${issuer.issuer}#${sub}`
  const grants = granted.map((grant) => ({
    scopes: scopesOf(grant),
    logs: grant.logs ?? null,
    source: grant.source,
  }))
  return {
    kind: 'oidc',
    id,
    name: nameOf(claims) ?? sub,
    scopes: [...new Set(grants.flatMap(({ scopes }) => scopes))],
    logs: logsOf(grants),
    source: granted.find(({ source }) => source !== undefined)?.source ?? id,
    grants,
  }
}

/** A claim by its name, which may hold dots, or a member of a claim by its path. */
function valuesOf(claims: JWTPayload, claim: string): readonly unknown[] {
  const value = Object.hasOwn(claims, claim)
    ? claims[claim]
    : claim
        .split('.')
        .reduce<unknown>(
          (at, name) => (isObject(at) && Object.hasOwn(at, name) ? at[name] : undefined),
          claims,
        )
  return Array.isArray(value) ? value : [value]
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function scopesOf({ role, scopes }: OidcGrant) {
  return role === undefined ? (scopes ?? []) : ROLES[role]
}

function nameOf(claims: JWTPayload): string | undefined {
  const name = [claims['name'], claims['preferred_username'], claims['email']].find(
    (one): one is string => typeof one === 'string' && one !== '',
  )
  // Half a surrogate pair, sent or cut, is no character.
  return name && Buffer.from(name.slice(0, 200)).toString()
}

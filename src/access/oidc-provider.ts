// The keys of one identity provider: found by discovery, kept for a while, fetched anew when a token names an unknown one.
import {
  createRemoteJWKSet,
  customFetch,
  errors,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
  type RemoteJWKSet,
} from 'jose'
import { z } from 'zod'
import { AccessError } from './errors.ts'
import { isTrustworthy } from './oidc-config.ts'

type Fetch = typeof globalThis.fetch

/** Milliseconds for a document of the provider. */
const PATIENCE = 5_000
/** Keys are believed this long without asking again: a key that the provider withdrew is believed no longer; milliseconds. */
const KEYS_FOR = 600_000
/** Unknown keys make us ask no more often than this, however many tokens name one; milliseconds. */
const COOLDOWN = 10_000
/** A provider that did not answer is left alone this long; milliseconds. */
const PAUSE = 1_000
/** Of a document; bytes. */
const MOST = 1_000_000

const discovery = z.object({ issuer: z.string(), jwks_uri: z.string().refine(isTrustworthy) })

export interface OidcProvider {
  /** The key that a token is signed with; as jose's verification asks for it. @throws JOSEError; AccessError `access_unavailable` */
  key(header: JWSHeaderParameters, token: FlattenedJWSInput): ReturnType<RemoteJWKSet>
}

/** @param monotonic milliseconds that never go back */
export function createOidcProvider(
  issuer: string,
  fetch: Fetch,
  monotonic: () => number = () => performance.now(),
): OidcProvider {
  let found: RemoteJWKSet | undefined
  let finding: Promise<RemoteJWKSet> | undefined
  let failed: { at: number; error: unknown } | undefined

  /** Asks once for all that wait, and not again at once after a failure. */
  async function asked<T>(work: () => Promise<T>): Promise<T> {
    if (failed !== undefined && monotonic() - failed.at < PAUSE) throw unavailable(issuer, failed.error)
    try {
      return await work()
    } catch (error) {
      if (isAnswer(error)) throw error
      failed = { at: monotonic(), error }
      throw unavailable(issuer, error)
    }
  }
  async function keySet(): Promise<RemoteJWKSet> {
    if (found !== undefined) return found
    finding ??= discover(issuer, fetch).finally(() => {
      finding = undefined
    })
    found = await finding
    return found
  }
  return {
    async key(header, token) {
      // A key in hand needs nobody, so a token that names none must not make the others wait; one fetch runs at a time.
      if (found?.fresh !== true) return asked(async () => (await keySet())(header, token))
      try {
        return await found(header, token)
      } catch (error) {
        throw isAnswer(error) ? error : unavailable(issuer, error)
      }
    },
  }
}

/** @throws Error when the provider does not answer as OpenID Connect Discovery 1.0 §4 says */
async function discover(issuer: string, fetch: Fetch): Promise<RemoteJWKSet> {
  const address = `${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`
  const options = { redirect: 'manual', signal: AbortSignal.timeout(PATIENCE) } as const
  const response = await bounded(fetch, address, options)
  if (response.status !== 200) throw new Error(`${address} answered ${response.status}`)
  const document = discovery.parse(await response.json())
  // §4.3: else another provider could speak for this one.
  if (document.issuer !== issuer) throw new Error(`${address} is of another issuer`)
  return createRemoteJWKSet(new URL(document.jwks_uri), {
    timeoutDuration: PATIENCE,
    cooldownDuration: COOLDOWN,
    cacheMaxAge: KEYS_FOR,
    [customFetch]: (url, init) => bounded(fetch, url, init),
  })
}

/** A whole answer of bounded size. */
async function bounded(fetch: Fetch, url: string, init: RequestInit): Promise<Response> {
  const response = await fetch(url, init)
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of response.body ?? []) {
    const bytes: Uint8Array = part
    size += bytes.length
    if (size > MOST) throw new Error(`${url} answered more than ${MOST} bytes`)
    parts.push(bytes)
  }
  return new Response(Buffer.concat(parts), {
    status: response.status,
    headers: { 'content-type': 'application/json' },
  })
}

/** The provider answered, and there is no such key, or not one alone. */
function isAnswer(error: unknown): boolean {
  return error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JWKSMultipleMatchingKeys
}

function unavailable(issuer: string, cause: unknown): AccessError {
  return new AccessError(
    'access_unavailable',
    `tokens cannot be checked now: ${issuer} does not answer as an identity provider should`,
    {},
    { cause },
  )
}

// An identity provider on loopback: discovery, published keys, tokens.
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWK, type JWTPayload, SignJWT } from 'jose'

export interface Provider {
  readonly issuer: string
  /** What is published; may be changed. */
  keys: JWK[]
  /** Answers of another kind: `down` hangs up, a number is the status. */
  fault: 'down' | number | undefined
  /** What discovery says instead of `issuer`. */
  says: string | undefined
  /** Paths asked for. */
  readonly asked: string[]
  /** A new key, published unless told otherwise. */
  addKey(kid: string, options?: { alg?: string; publish?: boolean }): Promise<Signing>
  close(): Promise<void>
}

export interface Signing {
  readonly jwk: JWK
  /** A token of this provider; `claims` win over the usual ones. */
  token(claims?: JWTPayload, header?: Record<string, unknown>): Promise<string>
}

export const AUDIENCE = 'prooflog'

/** @param now POSIX milliseconds: when tokens are issued, for five minutes */
export async function startProvider(now: () => number): Promise<Provider> {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(request.url ?? '')
    if (provider.fault === 'down') return void request.socket.destroy()
    if (provider.fault !== undefined) return void response.writeHead(provider.fault).end('{}')
    const body =
      request.url === '/jwks'
        ? { keys: provider.keys }
        : { issuer: provider.says ?? provider.issuer, jwks_uri: `${provider.issuer}/jwks` }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(body))
  })
  const issuer = `http://127.0.0.1:${await listening(server)}`
  const provider: Provider = {
    issuer,
    keys: [],
    fault: undefined,
    says: undefined,
    asked,
    async addKey(kid, { alg = 'ES256', publish = true } = {}) {
      const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true })
      const jwk = { ...(await exportJWK(publicKey)), kid, alg, use: 'sig' }
      if (publish) provider.keys = [...provider.keys, jwk]
      return { jwk, token: (claims, header) => tokenOf(privateKey, { alg, kid, ...header }, claims) }
    },
    close: () => new Promise((resolve) => void server.close(() => resolve())),
  }
  function tokenOf(
    key: CryptoKey,
    header: Record<string, unknown>,
    claims: JWTPayload = {},
  ): Promise<string> {
    const at = Math.floor(now() / 1000)
    const usual = { iss: issuer, aud: AUDIENCE, sub: 'u1', iat: at, exp: at + 300, groups: ['audit'] }
    return new SignJWT({ ...usual, ...claims }).setProtectedHeader({ alg: 'ES256', ...header }).sign(key)
  }
  return provider
}

async function listening(server: Server): Promise<number> {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { afterEach, beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { createOidc, type Oidc, parseOidc } from '../../src/access/oidc.ts'
import { narrowed } from '../../src/access/principal.ts'
import { ROLES } from '../../src/access/roles.ts'
import { AUDIENCE, type Provider, type Signing, startProvider } from '../support/oidc-provider.ts'

let now: number
let clock: number
let provider: Provider
let signing: Signing
beforeEach(async () => {
  now = Date.parse('2030-01-01T00:00:00Z')
  clock = 0
  provider = await startProvider(() => now)
  signing = await provider.addKey('k1')
})
afterEach(() => provider.close())

const GRANT = { value: 'audit', role: 'auditor' }

function oidcOf(more: object = {}): Oidc {
  const issuer = { issuer: provider.issuer, audience: AUDIENCE, clockTolerance: 30, grants: [GRANT], ...more }
  return createOidc(parseOidc({ issuers: [issuer] }), { now: () => now, monotonic: () => clock })
}

const refusal = (oidc: Oidc, token: string): Promise<unknown> =>
  oidc.verify(token).then(
    () => 'accepted',
    (error: { code: unknown }) => error.code,
  )

test('a token of the provider gets what its group is granted, and is filed under itself', async () => {
  const token = await signing.token({ name: 'Ada', groups: ['staff', 'audit'] })
  expect(await oidcOf().verify(token)).toMatchObject({
    kind: 'oidc',
    id: `${provider.issuer}#u1`,
    name: 'Ada',
    scopes: ROLES.auditor,
    logs: null,
    source: `${provider.issuer}#u1`,
  })
  const half = await signing.token({ name: `${'x'.repeat(199)}😀` })
  expect((await oidcOf().verify(half)).name).toBe(`${'x'.repeat(199)}\ufffd`)
  const bound = { value: 'audit', scopes: ['events:append'], logs: ['a'], source: 'ci' }
  expect(await oidcOf({ grants: [bound] }).verify(token)).toMatchObject({
    scopes: ['events:append'],
    logs: ['a'],
    source: 'ci',
  })
})

test('the claim may be a member of another one, or have dots in its own name', async () => {
  const keycloak = await signing.token({ realm_access: { roles: ['audit'] } })
  expect(await refusal(oidcOf({ claim: 'realm_access.roles' }), keycloak)).toBe('accepted')
  const url = await signing.token({ 'https://example.com/team': 'audit' })
  expect(await refusal(oidcOf({ claim: 'https://example.com/team' }), url)).toBe('accepted')
})

test('who is in no group that is granted something is known, and may do nothing', async () => {
  for (const groups of [[], ['other'], 'Audit', null, { audit: true }, [['audit']]])
    expect(await refusal(oidcOf(), await signing.token({ groups }))).toBe('token_not_granted')
})

test('rights for one log do not add up with rights for another', async () => {
  const grants = [
    { value: 'audit', role: 'auditor' },
    { value: 'ops', scopes: ['logs:admin'], logs: ['a'] },
  ]
  const who = await oidcOf({ grants }).verify(await signing.token({ groups: ['audit', 'ops'] }))
  expect(narrowed(who, 'a')).toMatchObject({ scopes: [...ROLES.auditor, 'logs:admin'], logs: null })
  expect(narrowed(who, 'b').scopes).toEqual(ROLES.auditor)
  expect(narrowed(who, undefined).scopes).toEqual(ROLES.auditor)
})

test('the source of a grant for one log is not what events in another are filed under', async () => {
  const grants = [
    { value: 'shop', scopes: ['events:append'], logs: ['a'], source: 'shop-ci' },
    { value: 'hr', scopes: ['events:append'], logs: ['b'], source: 'hr-ci' },
    { value: 'own', scopes: ['events:append'], logs: ['c'] },
    { value: 'own', role: 'auditor', source: 'looks only' },
  ]
  const who = await oidcOf({ grants }).verify(await signing.token({ groups: ['shop', 'hr', 'own'] }))
  expect(['a', 'b', 'c'].map((log) => narrowed(who, log).source)).toEqual(['shop-ci', 'hr-ci', who.id])
})

test('a token is for us, of a provider we trust, of somebody, and ends', async () => {
  const oidc = oidcOf()
  const wrong: Record<string, unknown>[] = [
    { aud: 'other' },
    { aud: [] },
    { iss: 'https://elsewhere.example' },
    { sub: undefined },
    { sub: '' },
    { sub: 'x'.repeat(256) },
    { sub: 'a\u0000' },
    { sub: 'half \ud800' },
    { exp: undefined },
  ]
  for (const claims of wrong)
    expect(await refusal(oidc, await signing.token(claims as JWTPayload)), JSON.stringify(claims)).toBe(
      'token_invalid',
    )
  expect(await refusal(oidc, await signing.token({ aud: ['other', AUDIENCE] }))).toBe('accepted')
})

test('clocks may differ by what is configured, and not by a second more', async () => {
  const oidc = oidcOf()
  const token = await signing.token()
  now += 300_000 + 29_000
  expect(await refusal(oidc, token)).toBe('accepted')
  now += 2_000
  expect(await refusal(oidc, token)).toBe('token_expired')
  const early = await signing.token({ nbf: Math.floor(now / 1000) + 29 })
  expect(await refusal(oidc, early)).toBe('accepted')
  const tooEarly = await signing.token({ nbf: Math.floor(now / 1000) + 32 })
  expect(await refusal(oidc, tooEarly)).toBe('token_invalid')
})

test('a token without a signature, or signed with what is public, is none', async () => {
  const oidc = oidcOf()
  const claims = { iss: provider.issuer, aud: AUDIENCE, sub: 'u1', groups: ['audit'], exp: now / 1000 + 300 }
  expect(await refusal(oidc, new UnsecuredJWT(claims).encode())).toBe('token_invalid')
  for (const secret of [JSON.stringify(signing.jwk), 'x'.repeat(32)]) {
    const key = Buffer.from(secret)
    const token = await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'k1' }).sign(key)
    expect(await refusal(oidc, token)).toBe('token_invalid')
  }
  const stranger = await provider.addKey('k1', { publish: false })
  expect(await refusal(oidc, await stranger.token())).toBe('token_invalid')
  const [head, , tail] = (await signing.token()).split('.')
  const body = Buffer.from(JSON.stringify({ ...claims, groups: ['audit', 'root'] })).toString('base64url')
  expect(await refusal(oidc, `${head}.${body}.${tail}`)).toBe('token_invalid')
  for (const text of ['a.b.c', '..', 'e30.e30.', `${head}..${tail}`, ''])
    expect(await refusal(oidc, text), text).toBe('token_invalid')
})

test('a new key of the provider is believed without a restart, a withdrawn one no longer than ten minutes', async () => {
  vi.useFakeTimers({ toFake: ['Date'], now })
  onTestFinished(() => void vi.useRealTimers())
  const oidc = oidcOf()
  await oidc.verify(await signing.token())
  vi.setSystemTime(now + 11_000)
  const next = await provider.addKey('k2')
  expect(await refusal(oidc, await next.token())).toBe('accepted')
  provider.keys = [next.jwk]
  expect(await refusal(oidc, await signing.token())).toBe('accepted')
  vi.setSystemTime(now + 11_000 + 600_001)
  expect(await refusal(oidc, await signing.token())).toBe('token_invalid')
  expect(await refusal(oidc, await next.token())).toBe('accepted')
  provider.fault = 'down'
  vi.setSystemTime(now + 11_000 + 1_200_002)
  expect(await refusal(oidc, await next.token()), 'keys too old to be believed').toBe('access_unavailable')
})

test('tokens that name unknown keys make us ask the provider once, not once each', async () => {
  const oidc = oidcOf()
  await oidc.verify(await signing.token())
  const before = provider.asked.length
  const unknown = await provider.addKey('nobody', { publish: false })
  const token = await unknown.token()
  const codes = await Promise.all(Array.from({ length: 50 }, () => refusal(oidc, token)))
  expect(new Set(codes)).toEqual(new Set(['token_invalid']))
  expect(provider.asked.length - before).toBeLessThanOrEqual(1)
})

test('a token that names no key is tried with each that it may be of', async () => {
  const second = await provider.addKey('k2')
  const oidc = oidcOf()
  expect(await refusal(oidc, await second.token({}, { kid: undefined }))).toBe('accepted')
  expect(await refusal(oidc, await signing.token({}, { kid: undefined }))).toBe('accepted')
  const stranger = await provider.addKey('k3', { publish: false })
  expect(await refusal(oidc, await stranger.token({}, { kid: undefined }))).toBe('token_invalid')
  const rsa = await provider.addKey('k4', { alg: 'RS256' })
  expect(await refusal(oidcOf(), await rsa.token({}, { alg: 'RS256' }))).toBe('accepted')
})

test('while the provider is away nobody is called a stranger, and whose key is in hand is served', async () => {
  const token = await signing.token()
  const served = oidcOf()
  await served.verify(token)
  for (const fault of ['down', 500, 404, 302] as const) {
    provider.fault = fault
    expect(await refusal(oidcOf(), token), String(fault)).toBe('access_unavailable')
    expect(await refusal(served, token)).toBe('accepted')
  }
  provider.fault = undefined
  provider.says = 'https://elsewhere.example'
  expect(await refusal(oidcOf(), token)).toBe('access_unavailable')
})

test('a provider that is away is left alone for a second, then asked again', async () => {
  const oidc = oidcOf()
  const token = await signing.token()
  provider.fault = 'down'
  await refusal(oidc, token)
  const asked = provider.asked.length
  for (let i = 0; i < 10; i++) expect(await refusal(oidc, token)).toBe('access_unavailable')
  expect(provider.asked).toHaveLength(asked)
  provider.fault = undefined
  clock += 1_000
  expect(await refusal(oidc, token)).toBe('accepted')
})

test('many that come at once ask the provider once', async () => {
  const oidc = oidcOf()
  const token = await signing.token()
  await Promise.all(Array.from({ length: 100 }, () => oidc.verify(token)))
  expect(provider.asked.toSorted()).toEqual(['/.well-known/openid-configuration', '/jwks'])
})

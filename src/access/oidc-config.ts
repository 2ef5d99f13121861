// Which identity providers are believed, and what their people get: a JSON file, complete or refused as a whole.
import { readFile } from 'node:fs/promises'
import { z } from 'zod'
import { ProoflogError } from '../core/errors.ts'
import { LOG_NAME } from '../core/log-name.ts'
import { listFaults, shapeFault } from '../shape/shape-faults.ts'
import { OWN_SOURCE } from './new-key.ts'
import { ROLE_NAMES } from './roles.ts'
import { SCOPES } from './scopes.ts'

/** The file cannot be used; the message says where. */
export class OidcConfigError extends ProoflogError {
  readonly code = 'oidc_invalid'
}

const text = z.string().min(1).max(1_000)

const grant = z
  .strictObject({
    /** The claim has it, or is a list that has it. */
    value: text,
    role: z.enum(ROLE_NAMES).optional(),
    scopes: z.array(z.enum(SCOPES)).min(1).optional(),
    logs: z.array(z.string().regex(LOG_NAME, 'must be the name of a log')).min(1).optional(),
    source: z
      .string()
      .min(1)
      .max(200)
      .refine((name) => name !== OWN_SOURCE, `must not be ${OWN_SOURCE}, which is the service's own`)
      .optional(),
  })
  .refine(
    ({ role, scopes }) => (role === undefined) !== (scopes === undefined),
    'must have either role or scopes',
  )

const issuer = z.strictObject({
  issuer: z
    .url({ abort: true })
    .max(255)
    .refine(isTrustworthy, 'must be https, or http on this machine, without query and fragment'),
  audience: text,
  /** A claim of the token, `groups`, or a member of one, `realm_access.roles`. */
  claim: text.default('groups'),
  grants: z.array(grant).min(1),
  /** Seconds that clocks may differ. */
  clockTolerance: z.int().min(0).max(600).default(60),
})

const config = z.strictObject({
  issuers: z
    .array(issuer)
    .min(1)
    .refine(
      (issuers) => new Set(issuers.map((one) => one.issuer)).size === issuers.length,
      'must not name an issuer twice',
    ),
})

export type OidcConfig = Readonly<z.infer<typeof config>>
export type OidcIssuer = OidcConfig['issuers'][number]
export type OidcGrant = OidcIssuer['grants'][number]

const LOOPBACK = new Set(['127.0.0.1', 'localhost', '[::1]'])

/** Whether what is fetched from there is what its owner sent. */
export function isTrustworthy(address: string): boolean {
  if (!URL.canParse(address)) return false
  const { protocol, hostname, search, hash } = new URL(address)
  if (search !== '' || hash !== '') return false
  return protocol === 'https:' || (protocol === 'http:' && LOOPBACK.has(hostname))
}

/** @throws OidcConfigError naming members that are wrong, and what they must be */
export function parseOidc(json: unknown): OidcConfig {
  const parsed = config.safeParse(json, { error: shapeFault })
  if (parsed.success) return parsed.data
  throw new OidcConfigError(`the identity providers are not usable: ${listFaults(parsed.error, 'the file')}`)
}

/** @throws OidcConfigError when the file cannot be read, is no JSON, or says what nobody understands */
export async function readOidcFile(path: string): Promise<OidcConfig> {
  let json: unknown
  try {
    json = JSON.parse(await readFile(path, 'utf8'))
  } catch (cause) {
    const why = cause instanceof SyntaxError ? 'is not JSON' : 'cannot be read'
    throw new OidcConfigError(`${path} ${why}: see PROOFLOG_OIDC`, {}, { cause })
  }
  return parseOidc(json)
}

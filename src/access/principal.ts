// Who asks, however it was shown: by an API key, or by a token of an identity provider.
import type { Scope } from './scopes.ts'

export interface Principal {
  readonly kind: 'key' | 'oidc'
  /** Id of the key, or `<issuer>#<subject>`. */
  readonly id: string
  readonly name: string
  readonly scopes: readonly Scope[]
  /** Log names; null for every log. */
  readonly logs: readonly string[] | null
  /** What its events are filed under: it cannot say otherwise. */
  readonly source: string
}

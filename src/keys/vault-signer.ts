// A signer behind the HTTP API of Vault's Transit engine (HashiCorp Vault, OpenBao): the private key never leaves it.
import { decodeUtf8, fromBase64, toBase64 } from '../core/bytes.ts'
import { remoteSigner } from '../core/remote-signer.ts'
import type { Signer } from '../core/signer.ts'
import { KeysError } from './errors.ts'
import type { Secrets } from './secrets.ts'

export interface VaultKey {
  /** `https://host:port`. */
  readonly address: string
  readonly mount: string
  readonly name: string
  /** Of the key in Vault: after a rotation there, an unversioned request is signed with a key that is not the vkey's. */
  readonly version: number
}

export interface VaultOptions {
  /** Milliseconds; 10,000 unless given. */
  readonly timeout?: number
}

const LONGEST_ANSWER = 65_536

/**
 * For keys of type `ed25519`. The token is asked for each time; VAULT_NAMESPACE is respected.
 * @throws FormatError invalid_vkey. `sign` throws KeysError `signer_failed`, SignatureError signature_invalid
 */
export function vaultSigner(
  vkey: string,
  key: VaultKey,
  secrets: Secrets,
  { timeout = 10_000 }: VaultOptions = {},
): Signer {
  return remoteSigner(vkey, async (message) => {
    const token = await secrets.vaultToken()
    if (token === undefined) throw failed('has no token: set VAULT_TOKEN_FILE or VAULT_TOKEN')
    const namespace = secrets.variable('VAULT_NAMESPACE')
    const headers = {
      'content-type': 'application/json',
      'x-vault-request': 'true',
      'x-vault-token': token,
      ...(namespace === undefined ? {} : { 'x-vault-namespace': namespace }),
    }
    const body = JSON.stringify({ input: toBase64(message), key_version: key.version })
    return parseSignature(await post(urlOf(key), headers, body, timeout), key.version)
  })
}

function urlOf({ address, mount, name }: VaultKey): string {
  const path = [...mount.split('/'), 'sign', name].map(encodeURIComponent).join('/')
  return `${address.replace(/\/+$/, '')}/v1/${path}`
}

/** A redirect would take the token elsewhere; it is an error. */
async function post(
  url: string,
  headers: Record<string, string>,
  body: string,
  timeout: number,
): Promise<Uint8Array> {
  const signal = AbortSignal.timeout(timeout)
  try {
    const response = await fetch(url, { method: 'POST', headers, body, signal, redirect: 'error' })
    const answer = await readBounded(response)
    // What it says of an error may name policies and paths: that is for the log of the service only.
    if (response.status === 200) return answer
    throw failed(
      `answered ${response.status}`,
      new Error(Buffer.from(answer).toString('utf8').slice(0, 2_048)),
    )
  } catch (cause) {
    if (cause instanceof KeysError) throw cause
    throw failed(signal.aborted ? `gave no answer within ${timeout} ms` : 'cannot be reached', cause)
  }
}

async function readBounded({ body }: Response): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of body ?? []) {
    size += chunk.length
    if (size > LONGEST_ANSWER) throw failed(`answered more than ${LONGEST_ANSWER} bytes`)
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}

/** `{"data": {"signature": "vault:v<version>:<base64>"}}` */
function parseSignature(answer: Uint8Array, version: number): Uint8Array {
  try {
    const parsed: unknown = JSON.parse(decodeUtf8(answer))
    const data = member(parsed, 'data')
    const signature = member(data, 'signature')
    const prefix = `vault:v${version}:`
    if (typeof signature === 'string' && signature.startsWith(prefix))
      return fromBase64(signature.slice(prefix.length))
  } catch (cause) {
    throw failed('gave an answer that is no signature', cause)
  }
  throw failed(`gave an answer that is no signature of version ${version} of the key`)
}

function member(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null
    ? Object.entries(value).find(([key]) => key === name)?.[1]
    : undefined
}

function failed(what: string, cause?: unknown): KeysError {
  return new KeysError('signer_failed', `Vault ${what}`, { cause })
}

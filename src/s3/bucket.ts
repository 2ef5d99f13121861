// Objects in an S3-compatible bucket: read, and written outright or on a condition (RFC 9110 §13.1). Nothing else is needed.
import { AwsClient } from 'aws4fetch'
import { concat, toHex } from '../core/bytes.ts'
import { primitives } from '../core/crypto.ts'
import { S3Error } from './errors.ts'
import type { S3Settings } from './settings.ts'

export interface S3Object {
  readonly bytes: Uint8Array
  /** Names this content: a write with `ifMatch` happens only over it. */
  readonly etag: string
}

export interface PutOptions {
  /** Only over the object with this etag. */
  readonly ifMatch?: string
  /** Only where there is no object. */
  readonly ifNone?: boolean
  readonly contentType?: string
  readonly cacheControl?: string
}

export interface Bucket {
  /** `s3://bucket/prefix`, as given. */
  readonly name: string
  /** Undefined when there is no object of this key. @throws S3Error */
  get(key: string, limit: number): Promise<S3Object | undefined>
  /**
   * Writes an object; it is there, whole, on return. A write with a condition is sent once: whether it took effect is
   * unknown when the answer is lost.
   * @throws S3Error `object_changed` when the condition does not hold
   */
  put(key: string, bytes: Uint8Array, options?: PutOptions): Promise<void>
}

const ADDRESS = /^s3:\/\/([a-z0-9][a-z0-9.-]{1,61}[a-z0-9])(?:\/([A-Za-z0-9._/-]*))?$/
const TRIES = 4
/** Milliseconds. */
const TIMEOUT = 20_000
const FIRST_PAUSE = 200
const ERROR_LIMIT = 65_536

/** @throws S3Error `bucket_unusable` */
export function openBucket(address: string, settings: S3Settings): Bucket {
  const base = baseUrl(address, settings)
  const { accessKeyId, secretAccessKey, sessionToken, region } = settings
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new S3Error(
      'bucket_unusable',
      `${address} needs AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY in the environment`,
    )
  }
  const client = new AwsClient({
    accessKeyId,
    secretAccessKey,
    region,
    service: 's3',
    retries: 0,
    ...(sessionToken === undefined ? {} : { sessionToken }),
  })

  async function once(key: string, init: RequestInit, limit: number): Promise<Answer> {
    try {
      const request = { ...init, redirect: 'manual' as const, signal: AbortSignal.timeout(TIMEOUT) }
      const response = await client.fetch(`${base}${key}`, request)
      const good = response.status === 200
      return { response, body: await readBody(response, good ? limit : ERROR_LIMIT, `${address}: ${key}`) }
    } catch (cause) {
      if (cause instanceof S3Error) throw cause
      throw new S3Error(
        'bucket_unavailable',
        `${address} cannot be reached: ${reasonOf(cause)}`,
        {},
        { cause },
      )
    }
  }

  async function request(key: string, init: RequestInit, limit: number, repeat: boolean): Promise<Answer> {
    for (let left = repeat ? TRIES : 1, pause = FIRST_PAUSE; ; left--, pause *= 2) {
      try {
        const answer = await once(key, init, limit)
        if (answer.response.status === 200 || answer.response.status === 404) return answer
        throw refusal(address, key, answer)
      } catch (error) {
        if (left === 1 || !(error instanceof S3Error && error.code === 'bucket_unavailable')) throw error
        await new Promise<void>((resolve) => setTimeout(resolve, pause * (0.5 + Math.random() / 2)))
      }
    }
  }

  return {
    name: address,
    async get(key, limit) {
      const answer = await request(key, { method: 'GET' }, limit, true)
      const { response, body } = answer
      if (response.status === 404 && !textOf(body).includes('NoSuchBucket')) return undefined
      if (response.status === 404) throw refusal(address, key, answer)
      const etag = response.headers.get('etag')
      // A condition on an empty name would be none.
      if (!etag) throw new S3Error('bucket_refused', `${address} answered without an ETag for ${key}`)
      return { bytes: body, etag }
    },
    async put(key, bytes, options = {}) {
      const conditional = options.ifMatch !== undefined || options.ifNone === true
      const init = {
        method: 'PUT',
        body: bytes as Uint8Array<ArrayBuffer>,
        headers: headersOf(bytes, options),
      }
      const answer = await request(key, init, ERROR_LIMIT, !conditional)
      // 404 to a condition: the object that it names is gone.
      if (answer.response.status === 404)
        throw conditional ? changed(address, key) : refusal(address, key, answer)
    },
  }
}

interface Answer {
  readonly response: Response
  readonly body: Uint8Array
}

/** Up to and including the slash before the key. By path, not by host name, where the endpoint is not Amazon's. */
function baseUrl(address: string, { endpoint, region }: S3Settings): string {
  const [, bucket, prefix = ''] = ADDRESS.exec(address) ?? []
  if (bucket === undefined || prefix.split('/').some((part) => part === '.' || part === '..')) {
    throw new S3Error(
      'bucket_unusable',
      // What stands before an @ may be a secret.
      `${address.includes('@') ? 'an address' : `"${address}"`} is not s3://bucket/prefix, of a-z, A-Z, 0-9 and . _ / -`,
    )
  }
  if (endpoint !== undefined && !/^https?:\/\/[^?#@]+$/.test(endpoint)) {
    throw new S3Error(
      'bucket_unusable',
      'the S3 endpoint (AWS_ENDPOINT_URL_S3, AWS_ENDPOINT_URL) is not an http(s) address without name and password',
    )
  }
  const host =
    endpoint === undefined
      ? `https://${bucket}.s3.${region}.amazonaws.com`
      : `${endpoint.replace(/\/+$/, '')}/${bucket}`
  const folder = prefix.split('/').filter((part) => part !== '')
  return `${[host, ...folder].join('/')}/`
}

function headersOf(bytes: Uint8Array, options: PutOptions): Record<string, string> {
  return {
    // Signed along: what is stored is what was sent.
    'x-amz-content-sha256': toHex(primitives.sha256(bytes)),
    'content-type': options.contentType ?? 'application/octet-stream',
    ...(options.cacheControl === undefined ? {} : { 'cache-control': options.cacheControl }),
    ...(options.ifMatch === undefined ? {} : { 'if-match': options.ifMatch }),
    ...(options.ifNone === true ? { 'if-none-match': '*' } : {}),
  }
}

function refusal(address: string, key: string, { response: { status }, body }: Answer): S3Error {
  // 409: another conditional write was under way.
  if (status === 412 || status === 409) return changed(address, key)
  const code = /<Code>([A-Za-z]{1,64})<\/Code>/.exec(textOf(body))?.[1]
  const what = `${address} answered ${status}${code === undefined ? '' : ` ${code}`} for ${key}`
  const passing = status === 429 || status >= 500
  return new S3Error(passing ? 'bucket_unavailable' : 'bucket_refused', what, { status, code })
}

function changed(address: string, key: string): S3Error {
  return new S3Error('object_changed', `${address}: ${key} is not what it was: somebody else wrote it`, {
    key,
  })
}

function textOf(body: Uint8Array): string {
  return new TextDecoder('utf-8', { fatal: false, ignoreBOM: true }).decode(body)
}

async function readBody(response: Response, limit: number, where: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = response.body?.getReader()
  while (reader) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.length
    if (size > limit) {
      await reader.cancel()
      throw new S3Error('object_too_large', `${where} has more than the ${limit} bytes expected`)
    }
    chunks.push(value)
  }
  return concat(...chunks)
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error && error.cause.message !== '' ? error.cause.message : error.message
}

// Where a log in the tlog-tiles layout is read from (https://c2sp.org/tlog-tiles): a folder or a bucket, as if it were an
// address; so everything that verifies a log over HTTP verifies these too.
import { join, resolve } from 'node:path'
import { ClientError } from '../client/errors.ts'
import type { ClientRequest, Transport } from '../client/transport.ts'
import { readIfThere } from '../files/durable.ts'
import type { Bucket } from '../s3/bucket.ts'
import { S3Error } from '../s3/errors.ts'

/** @param folder that holds `checkpoint` and `tile` */
export function folderSource(folder: string): Transport {
  const url = resolve(folder)
  return { url, request: (request) => reading(url, request, () => readIfThere(join(url, request.path))) }
}

export function bucketSource(bucket: Bucket): Transport {
  return {
    url: bucket.name,
    request: (request) =>
      reading(bucket.name, request, async () => (await bucket.get(request.path, request.limit))?.bytes),
  }
}

async function reading(
  url: string,
  { path, limit }: ClientRequest,
  read: () => Promise<Uint8Array | undefined>,
): Promise<Uint8Array> {
  const where = `${url}/${path}`
  const bytes = await read().catch((cause: unknown) => {
    if (!(cause instanceof S3Error)) throw cause
    const passing = cause.code === 'bucket_unavailable'
    throw new ClientError(passing ? 'unreachable' : 'refused', cause.message, {}, { cause })
  })
  if (bytes === undefined) throw new ClientError('not_found', `${where}: there is no such file`)
  if (bytes.length > limit) {
    throw new ClientError('bad_answer', `${where} has more than the ${limit} bytes expected.`)
  }
  return bytes
}

// A static log by its name on the command line.
import type { Transport } from '../client/transport.ts'
import { openBucket } from '../s3/bucket.ts'
import { s3Settings } from '../s3/settings.ts'
import { bucketSource, folderSource } from './source.ts'
import { bucketTarget, folderTarget, type StaticTarget } from './target.ts'

type Env = Readonly<Record<string, string | undefined>>

/** @param place a folder or `s3://bucket/prefix` @param env for the `AWS_…` variables @throws S3Error `bucket_unusable` */
export function openSource(place: string, env: Env): Transport {
  return isBucket(place) ? bucketSource(openBucket(place, s3Settings(env))) : folderSource(place)
}

/** As {@link openSource}. */
export function openTarget(place: string, env: Env): StaticTarget {
  return isBucket(place) ? bucketTarget(openBucket(place, s3Settings(env))) : folderTarget(place)
}

function isBucket(place: string): boolean {
  return place.startsWith('s3://')
}

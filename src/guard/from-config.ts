// The guard that a configuration names: one place or several.
import { openBucket } from '../s3/bucket.ts'
import type { S3Settings } from '../s3/settings.ts'
import { guardFolder } from './file.ts'
import { createGuard, type OperatedGuard } from './guard.ts'
import type { GuardPlace } from './place.ts'
import { guardPostgres } from './postgres.ts'
import { guardBucket } from './s3.ts'
import { severalGuards } from './several.ts'

export interface GuardConfig {
  /** Each a folder, `postgres://…` or `s3://bucket/prefix`. */
  readonly guards: readonly string[]
  readonly s3: S3Settings
}

/**
 * Nothing is asked of a place before its first use: one that is down at the start stops signing, not the service.
 * @param logServer identifies the server of the log's database, which cannot guard itself
 * @throws S3Error `bucket_unusable`
 */
export function openGuards(
  { guards, s3 }: GuardConfig,
  logServer?: () => Promise<string | undefined>,
): OperatedGuard {
  return severalGuards(guards.map((place) => createGuard(openPlace(place, s3, logServer))))
}

function openPlace(
  place: string,
  s3: S3Settings,
  logServer: (() => Promise<string | undefined>) | undefined,
): GuardPlace {
  if (/^postgres(ql)?:\/\//.test(place)) return guardPostgres(place, logServer)
  if (place.startsWith('s3://')) return guardBucket(openBucket(place, s3))
  return guardFolder(place)
}

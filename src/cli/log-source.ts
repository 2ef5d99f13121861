// A log to read: on a server, at any address, in a folder or in a bucket.
import type { Policy, TransportOptions } from '../client/index.ts'
import { createTransport, type Transport } from '../client/transport.ts'
import { openSource } from '../static/open.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'
import { foreignTarget, type LogOptions, logTarget, type ServerOptions } from './target.ts'
import { givenPolicy, policyFor, type TrustOptions, warnAnnounced } from './trust.ts'

export interface LogSource {
  readonly source: Transport
  /** Whom to believe that it is the log: what was given, or else what the server announces, with a warning. */
  readonly policy: () => Promise<Policy>
}

/**
 * @param from URL of a log's prefix, folder or `s3://bucket/prefix`; else the log that the options name
 * @param reading how an address is asked
 * @throws UsageError; S3Error `bucket_unusable`; ClientError
 */
export async function logSource(
  from: string | undefined,
  options: Partial<LogOptions> & TrustOptions,
  io: Io,
  reading: Pick<TransportOptions, 'fresh' | 'signal'> = {},
): Promise<LogSource> {
  if (from === undefined || isUrl(from)) {
    const target =
      from === undefined
        ? await logTarget({ log: 'default', ...options }, io)
        : await foreignTarget(from, options, io)
    return {
      source: createTransport({ ...target, ...reading }),
      policy: () => announcedPolicy(target, options, io),
    }
  }
  const policy = await givenPolicy(options)
  if (policy === undefined)
    throw new UsageError('files announce no keys: give --policy, --vkey or --vkey-file')
  return { source: openSource(from, io.env), policy: () => Promise.resolve(policy) }
}

/** A copy, believed by other means than its word. @throws as {@link logSource} */
export async function openLogSource(from: string, options: ServerOptions, io: Io): Promise<Transport> {
  return isUrl(from) ? createTransport(await foreignTarget(from, options, io)) : openSource(from, io.env)
}

function isUrl(place: string): boolean {
  return /^https?:\/\//.test(place)
}

async function announcedPolicy(target: TransportOptions, options: TrustOptions, io: Io): Promise<Policy> {
  const { policy, announced } = await policyFor(target, options)
  if (announced) warnAnnounced(policy, io)
  return policy
}

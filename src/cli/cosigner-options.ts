// What the commands of the services that cosign for others, witness and mirror, have in common.
import { InvalidArgumentError } from 'commander'
import { type Config, readConfig } from '../config.ts'
import { FormatError } from '../core/errors.ts'
import { parseVkey, validKeyName, type VerificationKey } from '../core/keys.ts'
import { UsageError } from './errors.ts'
import type { Io } from './io.ts'

/** A cosigner shares no folder and no port with a service that was configured by the environment. */
export function cosignerConfig(
  options: { readonly data: string; readonly port?: number; readonly host?: string },
  io: Io,
  defaultPort: string,
): Config {
  const { data, port, host } = options
  return readConfig({
    ...io.env,
    PROOFLOG_DATA: data,
    PORT: port === undefined ? io.env['PORT'] || defaultPort : String(port),
    ...(host === undefined ? {} : { PROOFLOG_HOST: host }),
  })
}

/** @throws UsageError */
export function checkCosignerName(name: string): void {
  if (!validKeyName(name) || name.includes('://'))
    throw new UsageError(
      `${JSON.stringify(name)} cannot name a cosigner: take a URL without scheme, without spaces and +`,
    )
}

/** For options that may be repeated. */
export function collect(value: string, before: readonly string[]): string[] {
  return [...before, value]
}

/** For options that may be repeated: the keys of logs. */
export function collectKey(vkey: string, before: readonly VerificationKey[]): VerificationKey[] {
  try {
    return [...before, logKey(vkey)]
  } catch (error) {
    throw new InvalidArgumentError(error instanceof Error ? error.message : String(error))
  }
}

/** @throws UsageError unless it is the key of a log */
export function logKey(vkey: string): VerificationKey {
  try {
    const key = parseVkey(vkey)
    if (key.type !== 0x04) return key
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new UsageError(cause.message, { cause })
  }
  throw new UsageError('this is the key of a witness (type 4), not of a log (types 1 and 6)')
}

// A guard in an S3-compatible bucket: one object per origin. The compare-and-swap is the server's own conditional write, so
// a server that ignores conditions is found out before anything is trusted to it.
import { decodeUtf8, encodeUtf8, equalBytes } from '../core/bytes.ts'
import { MAX_NOTE_SIZE } from '../core/note.ts'
import { LogError } from '../log/errors.ts'
import type { Bucket, PutOptions } from '../s3/bucket.ts'
import { S3Error } from '../s3/errors.ts'
import { guardName } from './file.ts'
import type { GuardPlace } from './place.ts'

const PROBE = 'conditional-writes'
const REASON_LIMIT = 65_536
const NOTE = { contentType: 'text/plain; charset=utf-8', cacheControl: 'no-store' }

/** An empty object: no halt. Objects are never deleted, so that the guard needs no right to. */
const CLEARED = new Uint8Array()

export function guardBucket(bucket: Bucket): GuardPlace {
  let probed: Promise<void> | undefined
  const haltKey = (origin: string): string => `${guardName(origin)}.halted`

  async function probe(): Promise<void> {
    // The first of many guards makes it; from then on both conditions must fail.
    await putIf(bucket, PROBE, encodeUtf8('prooflog\n'), { ifNone: true })
    const wrong = { ifMatch: '"00000000000000000000000000000000"' }
    for (const condition of [{ ifNone: true }, wrong]) {
      if (!(await putIf(bucket, PROBE, encodeUtf8('prooflog\n'), condition))) continue
      throw new LogError(
        'log_halted',
        `${bucket.name} cannot be a guard: its server writes although the condition (If-Match, If-None-Match) does not hold`,
      )
    }
  }

  return {
    name: bucket.name,
    load: (origin) =>
      unlessDown(async () => {
        const halted = await bucket.get(haltKey(origin), REASON_LIMIT)
        const kept = await bucket.get(guardName(origin), MAX_NOTE_SIZE)
        return {
          note: kept?.bytes,
          halted: halted === undefined || halted.bytes.length === 0 ? undefined : decodeUtf8(halted.bytes),
        }
      }),
    swap: (origin, from, to) =>
      unlessDown(async () => {
        probed ??= probe().catch((error: unknown) => {
          probed = undefined
          throw error
        })
        await probed
        const stored = await bucket.get(guardName(origin), MAX_NOTE_SIZE)
        if (stored === undefined || from === undefined) {
          return stored === from && putIf(bucket, guardName(origin), to, { ...NOTE, ifNone: true })
        }
        if (!equalBytes(stored.bytes, from)) return false
        return putIf(bucket, guardName(origin), to, { ...NOTE, ifMatch: stored.etag })
      }),
    put: (origin, note) => unlessDown(() => bucket.put(guardName(origin), note, NOTE)),
    halt: (origin, reason) =>
      unlessDown(async () => {
        const there = await bucket.get(haltKey(origin), REASON_LIMIT)
        const condition = there === undefined ? { ifNone: true } : { ifMatch: there.etag }
        if (there === undefined || there.bytes.length === 0) {
          // Lost to another process: then that one's reason is the first.
          await putIf(bucket, haltKey(origin), encodeUtf8(reason), { ...NOTE, ...condition })
        }
      }),
    clear: (origin) =>
      unlessDown(async () => {
        if ((await bucket.get(haltKey(origin), REASON_LIMIT)) !== undefined)
          await bucket.put(haltKey(origin), CLEARED, NOTE)
      }),
    close: async () => {},
  }
}

/** Whether it was written. */
async function putIf(
  bucket: Bucket,
  key: string,
  bytes: Uint8Array,
  condition: PutOptions,
): Promise<boolean> {
  try {
    await bucket.put(key, bytes, condition)
    return true
  } catch (error) {
    if (error instanceof S3Error && error.code === 'object_changed') return false
    throw error
  }
}

/** @throws LogError `guard_unavailable` */
async function unlessDown<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof S3Error)) throw cause
    throw new LogError('guard_unavailable', `the guard cannot be asked: ${cause.message}`, {}, { cause })
  }
}

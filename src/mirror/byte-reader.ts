// Bytes of a body that comes in pieces, taken in the portions that its format has. Holds what was received and not taken yet,
// and asks for more only when that is too little: memory follows the largest portion, not the body.
import { concat } from '../core/bytes.ts'

export interface ByteReader {
  /** Whether `count` bytes can be taken at once. */
  has(count: number): boolean
  /** Resolves when they can, or to false when the body ended before, for whatever reason. */
  fill(count: number): Promise<boolean>
  /** The next bytes, a copy. Only after `has` or `fill` said yes. */
  take(count: number): Uint8Array
}

/** @param signal ends the body: a sender that stalls must not be waited for for ever */
export function byteReader(source: AsyncIterator<Uint8Array>, signal: AbortSignal): ByteReader {
  let held: Uint8Array = new Uint8Array()
  let at = 0
  const has = (count: number): boolean => held.length - at >= count

  return {
    has,
    async fill(count) {
      const parts = [held.subarray(at)]
      for (let size = held.length - at; size < count;) {
        const chunk = await nextOf(source, signal)
        if (chunk === undefined) break
        parts.push(chunk)
        size += chunk.length
      }
      held = concat(...parts)
      at = 0
      return has(count)
    },
    take(count) {
      if (!has(count)) throw new RangeError(`${count} bytes of ${held.length - at}`)
      at += count
      return held.slice(at - count, at)
    },
  }
}

/** The next piece; undefined at the end, when the sender is gone, and when the time is up. */
async function nextOf(
  source: AsyncIterator<Uint8Array>,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  if (signal.aborted) return undefined
  let stop = (): void => {}
  const ended = new Promise<undefined>((resolve) => {
    stop = () => resolve(undefined)
    signal.addEventListener('abort', stop, { once: true })
  })
  try {
    const next = source.next().then(
      ({ done, value }) => (done === true ? undefined : value),
      () => undefined, // a broken connection and broken compression are ends like any other
    )
    return await Promise.race([next, ended])
  } finally {
    signal.removeEventListener('abort', stop)
  }
}

// What no event may exceed, whichever adapter made it.
import { canonicalBytes } from './canonical.ts'
import { UnreadableEvent } from './errors.ts'
import { loneSurrogate } from './surrogates.ts'
import { type Json, type JsonObject, MAX_DEPTH, MAX_EVENT_SIZE } from './types.ts'

/** Most bytes of a number, and of `true`, `false` and `null`. */
const SCALAR_SIZE = 25
/** A UTF-16 unit takes 6 bytes at most: as the escape of a control character. */
const UNIT_SIZE = 6

/**
 * Refuses JSON that is too deep, too large or not expressible, without writing it out where its size is plainly small.
 * @throws UnreadableEvent `too_deep`, `too_large`, `lone_surrogate`, `unsafe_number`
 */
export function checkBounds(value: Json): void {
  if (boundOf(value, MAX_DEPTH) <= MAX_EVENT_SIZE) return
  const size = canonicalBytes(value).length
  if (size > MAX_EVENT_SIZE)
    throw new UnreadableEvent(
      'too_large',
      `The event has ${size} bytes as canonical JSON; at most ${MAX_EVENT_SIZE} are kept.`,
      {
        size,
        limit: MAX_EVENT_SIZE,
      },
    )
}

function boundOf(value: Json, levels: number): number {
  if (typeof value === 'string') return textBound(value)
  if (typeof value === 'number') {
    if (Number.isFinite(value)) return SCALAR_SIZE
    throw new UnreadableEvent('unsafe_number', 'A number is not finite.')
  }
  if (typeof value !== 'object' || value === null) return SCALAR_SIZE
  if (levels === 0)
    throw new UnreadableEvent('too_deep', `Arrays and objects are nested deeper than ${MAX_DEPTH} levels.`)
  let bound = 2
  if (Array.isArray(value)) {
    for (let i = 0; i < value.length; i++) bound += boundOf(value[i], levels - 1) + 1
    return bound
  }
  const members = value as JsonObject
  for (const name of Object.keys(members))
    bound += textBound(name) + boundOf(members[name] as Json, levels - 1) + 2
  return bound
}

function textBound(text: string): number {
  if (!text.isWellFormed()) throw loneSurrogate()
  return text.length * UNIT_SIZE + 2
}

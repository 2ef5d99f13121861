// Strings that UTF-8 cannot express: those with half of a surrogate pair.
import { UnreadableEvent } from './errors.ts'
import type { Json } from './types.ts'

const SURROGATE = /\p{Surrogate}/u
/** Up to this many UTF-16 units a loop is faster than the call of a regular expression. */
const SHORT = 48

/** Whether no string in it, names included, holds half of a surrogate pair. */
export function wellFormed(json: Json): boolean {
  if (typeof json === 'string') return isWellFormed(json)
  if (typeof json !== 'object' || json === null) return true
  if (Array.isArray(json)) return json.every(wellFormed)
  return Object.entries(json).every(([name, value]) => isWellFormed(name) && wellFormed(value as Json))
}

/** Whether a text holds no half of a surrogate pair. */
export function isWellFormed(text: string): boolean {
  if (text.length > SHORT) return !SURROGATE.test(text)
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit >= 0xd800 && unit < 0xe000) return !SURROGATE.test(text)
  }
  return true
}

export function loneSurrogate(): UnreadableEvent {
  return new UnreadableEvent(
    'lone_surrogate',
    'A string holds half of a surrogate pair: send whole characters.',
  )
}

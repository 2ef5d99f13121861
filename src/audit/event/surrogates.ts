// Strings that UTF-8 cannot express: those with half of a surrogate pair.
import { UnreadableEvent } from './errors.ts'
import type { Json } from './types.ts'

/** Whether no string in it, names included, holds half of a surrogate pair. */
export function wellFormed(json: Json): boolean {
  if (typeof json === 'string') return json.isWellFormed()
  if (typeof json !== 'object' || json === null) return true
  if (Array.isArray(json)) return json.every(wellFormed)
  return Object.entries(json).every(([name, value]) => name.isWellFormed() && wellFormed(value as Json))
}

export function loneSurrogate(): UnreadableEvent {
  return new UnreadableEvent(
    'lone_surrogate',
    'A string holds half of a surrogate pair: send whole characters.',
  )
}

// Reading a foreign record: what is taken has a place in our event; whatever else there is stays together and goes to `extra`,
// so that nothing that was sent is lost, whether we know it or not.
import type { Json, JsonObject } from '../event/types.ts'

export function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** Text, or a number as text; empty for anything else. */
export function wordOf(value: Json | undefined): string {
  return typeof value === 'string' ? value : typeof value === 'number' ? String(value) : ''
}

/** An object of the members that have a value; undefined when none has. */
export function objectOf(members: Readonly<Record<string, Json | undefined>>): JsonObject | undefined {
  // fromEntries defines members of its own even for `__proto__`.
  const kept = Object.entries(members).filter((entry): entry is [string, Json] => entry[1] !== undefined)
  return kept.length > 0 ? Object.fromEntries(kept) : undefined
}

/**
 * Paths are dotted names of nested objects. A value is taken only if it is of the asked kind and fits; else it is as if it were
 * absent, and stays in {@link Picker.rest}.
 */
export class Picker {
  readonly #root: JsonObject
  readonly #taken = new Set<string>()

  constructor(root: JsonObject) {
    this.#root = root
  }

  /** The value there, which stays where it is. */
  look(path: string): Json | undefined {
    let value: Json | undefined = this.#root
    for (const name of path.split('.')) {
      if (!isObject(value) || !Object.hasOwn(value, name)) return undefined
      value = value[name]
    }
    return value
  }

  /** The text or number there as text, which stays where it is; empty for anything else. */
  peek(path: string): string {
    return wordOf(this.look(path))
  }

  take(path: string): Json | undefined {
    const value = this.look(path)
    if (value !== undefined) this.#taken.add(path)
    return value
  }

  /** A string that is not empty, or a number as text; of at most `max` UTF-16 code units. */
  text(path: string, max: number): string | undefined {
    const value = this.look(path)
    const text = typeof value === 'number' ? String(value) : value
    if (typeof text !== 'string' || text.length === 0 || text.length > max) return undefined
    this.#taken.add(path)
    return text
  }

  /** An integer within the bounds; text of one counts. */
  integer(path: string, min: number, max: number): number | undefined {
    const value = this.look(path)
    const number = typeof value === 'string' && /^-?\d{1,15}$/.test(value) ? Number(value) : value
    if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < min || number > max)
      return undefined
    this.#taken.add(path)
    return number
  }

  flag(path: string): boolean | undefined {
    const value = this.look(path)
    if (typeof value !== 'boolean') return undefined
    this.#taken.add(path)
    return value
  }

  /** What was not taken; undefined when nothing is left. Objects of which everything was taken are gone. */
  rest(): JsonObject | undefined {
    return restOf(this.#root, '', this.#taken)
  }
}

function restOf(value: JsonObject, prefix: string, taken: ReadonlySet<string>): JsonObject | undefined {
  const left: [string, Json][] = []
  for (const [name, member] of Object.entries(value)) {
    const path = prefix + name
    if (taken.has(path)) continue
    const rest = isObject(member) && touched(path, taken) ? restOf(member, `${path}.`, taken) : member
    if (rest !== undefined) left.push([name, rest])
  }
  return left.length > 0 ? Object.fromEntries(left) : undefined
}

function touched(path: string, taken: ReadonlySet<string>): boolean {
  for (const one of taken) if (one.startsWith(`${path}.`)) return true
  return false
}

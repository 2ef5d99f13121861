// Takes fields out of a document one by one, and tells what was left.
import { withDisclosed } from '../../core/disclose.ts'
import type { Json, JsonObject } from './types.ts'

export interface Taker {
  /** The value at a dotted path, which is taken out; undefined when there is none. */
  (path: string): Json | undefined
  /** What was not taken, or undefined when that is nothing; objects that were emptied are gone. */
  rest(): JsonObject | undefined
}

type Open = { [name: string]: Json }

export function rememberTaken(document: JsonObject): Taker {
  const left = withDisclosed(document, []) as Open // a copy
  const take = (path: string): Json | undefined => takeFrom(left, path.split('.'))
  return Object.assign(take, { rest: () => (Object.keys(left).length === 0 ? undefined : left) })
}

function takeFrom(container: Open, [step = '', ...steps]: readonly string[]): Json | undefined {
  if (!Object.hasOwn(container, step)) return undefined
  const member = container[step] as Json
  if (steps.length > 0) {
    if (!isOpen(member)) return undefined
    const taken = takeFrom(member, steps)
    if (taken !== undefined && Object.keys(member).length === 0) delete container[step]
    return taken
  }
  delete container[step]
  return member
}

function isOpen(value: Json): value is Open {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

// Puts disclosed fields back where they came from.
import { FormatError } from './errors.ts'

/** Members whose names are the sender's: what follows the first dot is one name, dots and all. */
const OPEN: ReadonlySet<string> = new Set(['params', 'extra', 'evidence'])

type Container = Record<string, unknown> | unknown[]

/** The steps of a dotted path: `targets.0.id` is three, `extra.a.b` is two. */
export function pathSteps(path: string): string[] {
  const dot = path.indexOf('.')
  if (dot > 0 && OPEN.has(path.slice(0, dot))) return [path.slice(0, dot), path.slice(dot + 1)]
  return path.split('.')
}

/**
 * A copy of `document` with each field at its path. Objects on the way are made where they are missing, arrays are not; an
 * object that is disclosed beside others of the same place is merged with them.
 * @throws FormatError `invalid_disclosure` when a field has no place, or its place is taken
 */
export function withDisclosed(
  document: Readonly<Record<string, unknown>>,
  fields: readonly { readonly path: string; readonly value: unknown }[],
): Record<string, unknown> {
  const copy = structureOf(document) as Record<string, unknown>
  for (const { path, value } of fields) place(copy, pathSteps(path), value)
  return copy
}

/** Own data even when its name is `__proto__`. */
export function setMember(target: object, name: string, value: unknown): void {
  if (name !== '__proto__') (target as Record<string, unknown>)[name] = value
  else Object.defineProperty(target, name, { value, enumerable: true, writable: true, configurable: true })
}

function place(document: Container, steps: readonly string[], value: unknown): void {
  let at = document
  for (const step of steps.slice(0, -1)) {
    const next = memberOf(at, step)
    if (next === undefined && !Array.isArray(at)) {
      const made = {}
      setMember(at, step, made)
      at = made
    } else if (isContainer(next)) at = next
    else throw noPlace()
  }
  const last = steps.at(-1) ?? ''
  const present = memberOf(at, last)
  if (present === undefined && !Array.isArray(at)) return setMember(at, last, structureOf(value))
  if (!isObject(present) || !isObject(value)) throw noPlace()
  for (const [name, member] of Object.entries(value)) {
    if (Object.hasOwn(present, name)) throw noPlace()
    setMember(present, name, member)
  }
}

function memberOf(at: Container, step: string): unknown {
  if (!Array.isArray(at)) return Object.hasOwn(at, step) ? at[step] : undefined
  if (/^(?:0|[1-9]\d{0,5})$/.test(step) && Number(step) < at.length) return at[Number(step)]
  throw noPlace()
}

/** Copies what may be changed: objects and arrays, all the way down. */
function structureOf(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(structureOf)
  if (!isObject(value)) return value
  const copy = {}
  for (const name of Object.keys(value)) setMember(copy, name, structureOf(value[name]))
  return copy
}

function isContainer(value: unknown): value is Container {
  return typeof value === 'object' && value !== null
}

function isObject(value: unknown): value is Record<string, unknown> {
  return isContainer(value) && !Array.isArray(value)
}

function noPlace(): FormatError {
  return new FormatError(
    'invalid_disclosure',
    'A disclosed field has no place in the document, or its place is taken.',
  )
}

// The fields of an event as a tree, read off the schema, so that reader, privacy and reference cannot disagree with it.
import { z } from 'zod'
import { auditEvent } from './schema.ts'

type Common = {
  /** Of the member. */
  readonly name: string
  /** Dotted, with `[]` for the elements of a list: `targets[].id`. */
  readonly path: string
  readonly what: string
}

export type Field = Common &
  (
    | { readonly kind: 'text'; readonly min: number; readonly max: number }
    | { readonly kind: 'whole'; readonly min: number; readonly max: number }
    | { readonly kind: 'flag' | 'time' | 'outcome' | 'json' | 'open' | 'ours' }
    | { readonly kind: 'group'; readonly members: Fields }
    | { readonly kind: 'list'; readonly members: Fields; readonly max: number }
  )

/** Members of a group. A list beside the map, because walking it makes no garbage, and every event is walked. */
export interface Fields {
  readonly named: ReadonlyMap<string, Field>
  /** In the order of the schema. */
  readonly list: readonly Field[]
}

const TIMES: ReadonlySet<string> = new Set(['time', 'observed_time'])
const OURS = 'enriched'

/** The members of an event, in the order of the schema. */
export const EVENT_FIELDS: Fields = fieldsOf(auditEvent, '')

/** All fields that hold values, not groups of them. */
export function leafFields(fields: Fields = EVENT_FIELDS): Field[] {
  return fields.list.flatMap((field) =>
    field.kind === 'group' || field.kind === 'list' ? leafFields(field.members) : [field],
  )
}

function fieldsOf(object: z.ZodObject, prefix: string): Fields {
  const list = Object.entries(object.shape).map(([name, schema]) =>
    fieldOf(name, schema as z.ZodType, `${prefix}${name}`),
  )
  return { list, named: new Map(list.map((field) => [field.name, field])) }
}

function fieldOf(name: string, optional: z.ZodType, path: string): Field {
  const schema = optional instanceof z.ZodOptional ? (optional.unwrap() as z.ZodType) : optional
  const common = { name, path, what: optional.description ?? schema.description ?? '' }
  if (path === OURS) return { ...common, kind: 'ours' }
  if (TIMES.has(path)) return { ...common, kind: 'time' }
  if (schema instanceof z.ZodString)
    return { ...common, kind: 'text', min: schema.minLength ?? 0, max: schema.maxLength ?? Infinity }
  if (schema instanceof z.ZodNumber)
    return { ...common, kind: 'whole', min: schema.minValue ?? -Infinity, max: schema.maxValue ?? Infinity }
  if (schema instanceof z.ZodBoolean) return { ...common, kind: 'flag' }
  if (schema instanceof z.ZodEnum) return { ...common, kind: 'outcome' }
  if (schema instanceof z.ZodRecord) return { ...common, kind: 'open' }
  if (schema instanceof z.ZodObject)
    return { ...common, kind: 'group', members: fieldsOf(schema, `${path}.`) }
  if (schema instanceof z.ZodArray && schema.element instanceof z.ZodObject) {
    const members = fieldsOf(schema.element, `${path}[].`)
    const max = Number(
      schema.def.checks?.map((check) => maximumOf(check)).find((limit) => limit !== undefined),
    )
    return { ...common, kind: 'list', members, max }
  }
  return { ...common, kind: 'json' }
}

function maximumOf(check: { readonly _zod: { readonly def: object } }): number | undefined {
  const { def } = check._zod
  return 'maximum' in def ? Number(def.maximum) : undefined
}

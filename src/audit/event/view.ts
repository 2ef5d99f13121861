// What is shown of an entry: the clear members, and the disclosed fields in their places.
import { withDisclosed } from '../../core/disclose.ts'
import { FormatError } from '../../core/errors.ts'
import { openFields } from './disclosures.ts'
import { AuditError } from './errors.ts'
import type { Disclosure, Envelope, EventView, Json, JsonObject } from './types.ts'

export type { EventView }

/**
 * The view of an envelope with those of its fields that are disclosed.
 * @throws AuditError `not_an_event` when a disclosure is not of this envelope, or has no place in it
 */
export function viewOf(envelope: Envelope, disclosures: readonly Disclosure[]): EventView {
  const { v: _v, type, id, source, format, refs = [], _sd = [], _sd_alg: _alg, ...clear } = envelope
  const fields = openFields(envelope, disclosures)
  const named = type === 'event' ? withNames(clear as JsonObject, refs) : clear
  return {
    type,
    id,
    source,
    format,
    event: placed(named, fields),
    disclosed: fields.map(({ path }) => path),
    hidden: _sd.length - fields.length,
    refs,
  }
}

function placed(
  clear: JsonObject | Readonly<Record<string, Json | undefined>>,
  fields: readonly { path: string; value: Json }[],
): JsonObject {
  try {
    return withDisclosed(clear, fields) as JsonObject
  } catch (error) {
    if (error instanceof FormatError) throw new AuditError('not_an_event', error.message)
    throw error
  }
}

/** Positions of subjects become their names. */
function withNames(clear: JsonObject, refs: readonly string[]): JsonObject {
  const { actor, targets } = clear
  return {
    ...clear,
    ...(isObject(actor) && { actor: named(actor, refs) }),
    ...(Array.isArray(targets) && {
      targets: (targets as readonly Json[]).map((target) =>
        isObject(target) ? named(target, refs) : target,
      ),
    }),
  }
}

function named(party: JsonObject, refs: readonly string[]): JsonObject {
  const { ref, on_behalf_of: behalf, ...rest } = party
  const name = typeof ref === 'number' ? refs[ref] : undefined
  return {
    ...rest,
    ...(name !== undefined && { ref: name }),
    ...(isObject(behalf)
      ? { on_behalf_of: named(behalf, refs) }
      : behalf !== undefined && { on_behalf_of: behalf }),
  }
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

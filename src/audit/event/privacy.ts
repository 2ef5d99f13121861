// Which fields of an event are personal. What is not stays in the log for ever; what is can be erased.
import { ProoflogError } from '../../core/errors.ts'
import { leafFields } from './fields.ts'

/** `person`: personal when the party it names is a person, not a service or a thing. */
export type PrivacyRule = 'clear' | 'personal' | 'person'

export interface PrivacyPolicy {
  /** By path, `[]` for elements of a list. `params` and `extra` are the rule of their members; single ones may have one too. */
  readonly rules: ReadonlyMap<string, PrivacyRule>
}

/** A policy file cannot be used; it names the member or the path. */
export class PrivacyError extends ProoflogError {
  readonly code = 'invalid_privacy'
}

/** What an envelope is found and told apart by: it can never be erased. */
const ALWAYS_CLEAR: ReadonlySet<string> = new Set(['id', 'time', 'action', 'outcome', 'enriched'])
const OPEN = ['params', 'extra'] as const

const PERSONAL =
  /^(?:src\..+|http\.(?:query|user_agent)|params|device\..+|targets\[\]\.name|auth\.token_id|message|extra)$/
const PERSON = /^(?:actor\.(?:on_behalf_of\.)?(?:id|name|email)|targets\[\]\.id)$/

export const DEFAULT_PRIVACY: PrivacyPolicy = {
  rules: new Map(leafFields().map(({ path }) => [path, defaultRule(path)])),
}

/**
 * A policy file: JSON `{"personal": [paths], "clear": [paths]}`, each of which moves fields out of the default. A path is that of a
 * field (`http.path`, `targets[].name`), of a group (`src`, `src.geo`), or of one member of `params` or `extra` (`params.order_id`).
 * A more specific path wins over its group.
 * @throws PrivacyError
 */
export function parsePrivacy(text: string): PrivacyPolicy {
  const { personal, clear } = parseMembers(text)
  const rules = new Map(DEFAULT_PRIVACY.rules)
  const said = new Map<string, PrivacyRule>()
  for (const path of personal) said.set(path, 'personal')
  for (const path of clear) {
    if (said.has(path)) throw invalid(`the path "${path}" is in both lists`)
    said.set(path, 'clear')
  }
  // Groups first, so that what is said of a single field holds.
  const ordered = [...said].sort(([a], [b]) => a.length - b.length)
  for (const [path, rule] of ordered) for (const leaf of leavesOf(path, rule)) rules.set(leaf, rule)
  return { rules }
}

function defaultRule(path: string): PrivacyRule {
  return PERSONAL.test(path) ? 'personal' : PERSON.test(path) ? 'person' : 'clear'
}

function leavesOf(path: string, rule: PrivacyRule): string[] {
  if (OPEN.some((open) => path.startsWith(`${open}.`) && path.length > open.length + 1)) return [path]
  const known = [...DEFAULT_PRIVACY.rules.keys()]
  const leaves = known.filter(
    (leaf) => leaf === path || leaf.startsWith(`${path}.`) || leaf.startsWith(`${path}[].`),
  )
  if (leaves.length === 0) throw invalid(`there is no field "${path}"`)
  const kept = leaves.find((leaf) => ALWAYS_CLEAR.has(leaf))
  if (rule === 'personal' && kept !== undefined)
    throw invalid(`"${kept}" stays in the log and cannot be personal`)
  return leaves
}

function parseMembers(text: string): { personal: string[]; clear: string[] } {
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw invalid('it is not JSON')
  }
  if (typeof json !== 'object' || json === null || Array.isArray(json)) throw invalid('it is no JSON object')
  const { personal = [], clear = [], ...others } = json as Record<string, unknown>
  const [unknown] = Object.keys(others)
  if (unknown !== undefined) throw invalid(`there is no member "${unknown}"; use "personal" and "clear"`)
  return { personal: pathsOf('personal', personal), clear: pathsOf('clear', clear) }
}

function pathsOf(member: string, value: unknown): string[] {
  if (Array.isArray(value) && value.every((path) => typeof path === 'string')) return value
  throw invalid(`"${member}" is no list of paths`)
}

function invalid(what: string): PrivacyError {
  return new PrivacyError(`Not a privacy policy: ${what}.`)
}

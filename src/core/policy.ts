// Trust policies, https://c2sp.org/tlog-policy: which logs, which witnesses, and how many of them. Text and meaning of the
// file; check-policy.ts applies it.
import { decodeUtf8, encodeUtf8, parseDecimal } from './bytes.ts'
import { FormatError } from './errors.ts'
import { type KeyType, parseVkey, quote, type VerificationKey } from './keys.ts'
import { parsePart } from './parse-part.ts'

/** A log that is accepted: the name of its key is the origin of its checkpoints. Type 0x01 or 0x06. */
export type PolicyLog = { readonly key: VerificationKey; readonly url?: string }
/** A witness under the name the policy gives it. Type 0x04 or 0x06. */
export type PolicyWitness = { readonly name: string; readonly key: VerificationKey; readonly url?: string }
/** Satisfied when at least `threshold` of `members` (witnesses or earlier groups) are. */
export type PolicyGroup = {
  readonly name: string
  readonly threshold: number
  readonly members: readonly string[]
}
/** `quorum` is the name of a witness or group, or 'none': then no cosignature is needed. */
export type Policy = {
  readonly logs: readonly PolicyLog[]
  readonly witnesses: readonly PolicyWitness[]
  readonly groups: readonly PolicyGroup[]
  readonly quorum: string
}

/** Largest policy in bytes: 32 logs and 32 witnesses with ML-DSA-44 keys take 120 kB. */
export const MAX_POLICY_SIZE = 1_000_000
/** Most lines of a policy, comments included. */
export const MAX_POLICY_LINES = 10_000

const NO_QUORUM = 'none'
const LOG_TYPES: readonly KeyType[] = [0x01, 0x06]
const WITNESS_TYPES: readonly KeyType[] = [0x04, 0x06]

type Draft = {
  logs: PolicyLog[]
  witnesses: PolicyWitness[]
  groups: PolicyGroup[]
  quorum: string | undefined
  /** Every witness and group defined so far, and whether it is a member of a group already. */
  names: Map<string, boolean>
  /** vkey by name and key ID: two keys that a signature line could not tell apart are refused. */
  ids: Map<string, string>
}

/**
 * Parses a policy. Narrower than the specification in one point: the octets must be UTF-8.
 * @throws FormatError invalid_policy (naming the line), invalid_utf8
 */
export function parsePolicy(source: string | Uint8Array): Policy {
  const text = typeof source === 'string' ? source : decodeUtf8(checkSize(source))
  if (typeof source === 'string') checkSize(encodeUtf8(source))
  if (text !== '' && !text.endsWith('\n')) {
    throw invalid('The last line does not end in a newline; the file may have been cut off')
  }
  const lines = text.split('\n')
  if (lines.length > MAX_POLICY_LINES) throw invalid(`There are more than ${MAX_POLICY_LINES} lines`)
  const draft: Draft = {
    logs: [],
    witnesses: [],
    groups: [],
    quorum: undefined,
    names: new Map(),
    ids: new Map(),
  }
  lines.forEach((line, at) =>
    parsePart('invalid_policy', `Line ${at + 1} of the policy`, () => parseLine(draft, line)),
  )
  const { logs, witnesses, groups, quorum } = draft
  if (quorum === undefined)
    throw invalid('There is no quorum line; write "quorum none" to need no cosignature')
  return { logs, witnesses, groups, quorum }
}

/**
 * The text of a policy: logs, witnesses, groups, quorum, one line each.
 * @throws FormatError invalid_policy if the policy has no text that parses to the same policy.
 */
export function formatPolicy(policy: Policy): string {
  const text = policyText(policy)
  if (policyText(parsePolicy(text)) !== text)
    throw invalid('A name or an address holds spaces or line breaks')
  return text
}

/**
 * The policy that accepts checkpoints signed by any of these keys and needs no cosignature (`quorum none`).
 * @throws FormatError invalid_policy, invalid_vkey
 */
export function policyFromVkeys(vkeys: readonly string[]): Policy {
  return parsePolicy(
    policyText({
      logs: vkeys.map((v) => ({ key: parseVkey(v) })),
      witnesses: [],
      groups: [],
      quorum: NO_QUORUM,
    }),
  )
}

/** Whether witnesses with the names `cosigned` satisfy the quorum. Groups only name what stands before them: one pass. */
export function quorumIsMet(policy: Policy, cosigned: ReadonlySet<string>): boolean {
  const satisfied = new Set(policy.witnesses.map((w) => w.name).filter((name) => cosigned.has(name)))
  for (const { name, threshold, members } of policy.groups) {
    if (members.filter((member) => satisfied.has(member)).length >= threshold) satisfied.add(name)
  }
  return policy.quorum === NO_QUORUM || satisfied.has(policy.quorum)
}

function parseLine(draft: Draft, line: string): void {
  checkCharacters(line)
  const [keyword, ...args] = line.split(/[ \t]+/).filter((item) => item !== '')
  if (keyword === undefined || keyword.startsWith('#')) return
  if (keyword === 'log') return parseLog(draft, args)
  if (keyword === 'witness') return parseWitness(draft, args)
  if (keyword === 'group') return parseGroup(draft, args)
  if (keyword === 'quorum') return parseQuorum(draft, args)
  throw invalid(`${quote(keyword)} is not log, witness, group or quorum`)
}

function parseLog(draft: Draft, [vkey, url, ...rest]: readonly string[]): void {
  if (vkey === undefined || rest.length > 0) throw invalid('a log is "log <vkey> [<url>]"')
  const key = parseKey(draft, draft.logs, LOG_TYPES, vkey)
  draft.logs.push(url === undefined ? { key } : { key, url })
}

function parseWitness(draft: Draft, [name, vkey, url, ...rest]: readonly string[]): void {
  if (name === undefined || vkey === undefined || rest.length > 0) {
    throw invalid('a witness is "witness <name> <vkey> [<url>]"')
  }
  const key = parseKey(draft, draft.witnesses, WITNESS_TYPES, vkey)
  defineName(draft, name)
  draft.witnesses.push(url === undefined ? { name, key } : { name, key, url })
}

function parseGroup(draft: Draft, [name, rule, ...members]: readonly string[]): void {
  if (name === undefined || rule === undefined || members.length === 0) {
    throw invalid('a group is "group <name> all|any|<k> <member>..."')
  }
  const threshold = rule === 'any' ? 1 : rule === 'all' ? members.length : parseDecimal(rule)
  if (threshold < 1 || threshold > members.length) {
    throw invalid(`the threshold ${threshold} is not between 1 and the ${members.length} members`)
  }
  for (const member of members) claimMember(draft, member)
  defineName(draft, name)
  draft.groups.push({ name, threshold, members })
}

function parseQuorum(draft: Draft, [name, ...rest]: readonly string[]): void {
  if (name === undefined || rest.length > 0) throw invalid('a quorum is "quorum <name>" or "quorum none"')
  if (draft.quorum !== undefined) throw invalid('there is a quorum line already')
  if (name !== NO_QUORUM && !draft.names.has(name))
    throw invalid(`${quote(name)} is not defined before this line`)
  draft.quorum = name
}

function parseKey(
  draft: Draft,
  others: readonly { readonly key: VerificationKey }[],
  types: readonly KeyType[],
  vkey: string,
): VerificationKey {
  const key = parseVkey(vkey)
  if (!types.includes(key.type))
    throw invalid(`a key of type ${key.type} cannot stand here; types ${types.join(' and ')} can`)
  // The same public key under another name or type is a duplicate, so what follows the type byte is compared.
  const material = key.publicKey.join()
  if (others.some((other) => other.key.publicKey.join() === material)) {
    throw invalid(`the public key of ${quote(key.name)} is listed already`)
  }
  const id = `${key.name}+${key.keyId}`
  if ((draft.ids.get(id) ?? key.vkey) !== key.vkey) {
    throw invalid(
      `another key named ${quote(key.name)} has the same key ID; signatures could not be told apart`,
    )
  }
  draft.ids.set(id, key.vkey)
  return key
}

function defineName(draft: Draft, name: string): void {
  if (name === NO_QUORUM || draft.names.has(name)) throw invalid(`the name ${quote(name)} is taken`)
  draft.names.set(name, false)
}

// Each name is a member once in the whole policy, so that a witness counts in one way only.
function claimMember(draft: Draft, member: string): void {
  const claimed = draft.names.get(member)
  if (claimed === undefined) throw invalid(`the member ${quote(member)} is not defined before this line`)
  if (claimed) throw invalid(`${quote(member)} is a member of a group already`)
  draft.names.set(member, true)
}

function checkCharacters(line: string): void {
  for (let i = 0; i < line.length; i++) {
    const code = line.charCodeAt(i)
    if (code === 0x7f || (code < 0x20 && code !== 0x09)) {
      throw invalid(`control character 0x${code.toString(16).padStart(2, '0')} at column ${i + 1}`)
    }
  }
}

function checkSize(bytes: Uint8Array): Uint8Array {
  if (bytes.length > MAX_POLICY_SIZE)
    throw invalid(`${bytes.length} bytes; a policy has at most ${MAX_POLICY_SIZE}`)
  return bytes
}

function policyText({ logs, witnesses, groups, quorum }: Policy): string {
  return [
    ...logs.map(({ key, url }) => ['log', key.vkey, url]),
    ...witnesses.map(({ name, key, url }) => ['witness', name, key.vkey, url]),
    ...groups.map(({ name, threshold, members }) => ['group', name, threshold, ...members]),
    ['quorum', quorum],
  ]
    .map((items) => `${items.filter((item) => item !== undefined).join(' ')}\n`)
    .join('')
}

function invalid(what: string): FormatError {
  return new FormatError('invalid_policy', `${what}.`)
}

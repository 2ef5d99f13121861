// The policy of a log, from its file: which witnesses to ask, where, and how many cosignatures are enough.
import { FormatError } from '../core/errors.ts'
import { parseVkey } from '../core/keys.ts'
import type { Verifier } from '../core/note.ts'
import { formatPolicy, type Policy, parsePolicy, type PolicyWitness } from '../core/policy.ts'
import { verifierOf } from '../core/signer.ts'
import { LogError } from '../log/errors.ts'
import type { LogInfo } from '../log/types.ts'

/** A file, as src/files reads it; `version` differs after every change. */
export interface PolicySource {
  readonly path: string
  readonly version: string
  readonly bytes: Uint8Array
}

/** One witness: all keys of the policy that are asked at one address. */
export interface Endpoint {
  /** Address of its add-checkpoint. */
  readonly url: string
  /** Its names in the policy, one for each key; the first one stands for it in metrics. */
  readonly names: readonly string[]
  readonly verifiers: readonly Verifier[]
}

export interface LogPolicy {
  /** The log's own keys are its logs. */
  readonly policy: Policy
  readonly endpoints: readonly Endpoint[]
  /** The quorum asks for cosignatures. */
  readonly quorum: boolean
  /** The policy as a file. */
  readonly text: string
}

/**
 * The policy of a log as it is now; undefined when it has none. Parsed again when its file or the log's keys changed.
 * @param read the file of a log, by the log's name
 * @throws (the function returned) LogError `policy_invalid`, naming file and line
 */
export function createPolicies(
  read: (log: string) => PolicySource | undefined,
): (log: LogInfo) => LogPolicy | undefined {
  const known = new Map<string, { version: string; policy: LogPolicy }>()
  return (log) => {
    const file = read(log.name)
    if (file === undefined) return undefined
    const version = [file.version, ...log.vkeys].join('\n')
    const before = known.get(log.name)
    if (before?.version === version) return before.policy
    const policy = parse(log, file)
    known.set(log.name, { version, policy })
    return policy
  }
}

function parse(log: LogInfo, { path, bytes }: PolicySource): LogPolicy {
  try {
    const { logs, ...rest } = parsePolicy(new Uint8Array(bytes))
    if (logs.length > 0 && !logs.some(({ key }) => log.vkeys.includes(key.vkey))) {
      throw new FormatError('invalid_policy', `None of its log lines has a key of ${log.origin}.`)
    }
    const policy: Policy = { ...rest, logs: log.vkeys.map((vkey) => ({ key: parseVkey(vkey) })) }
    const text = formatPolicy(policy)
    return { policy, endpoints: endpointsOf(policy.witnesses), quorum: policy.quorum !== 'none', text }
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new LogError(
      'policy_invalid',
      `log ${log.name} is not published: the policy file ${path} cannot be used: ${cause.message}`,
      { path },
      { cause },
    )
  }
}

/** Witnesses with several keys have several lines with one address. */
function endpointsOf(witnesses: readonly PolicyWitness[]): Endpoint[] {
  const byUrl = new Map<string, PolicyWitness[]>()
  for (const witness of witnesses) {
    const url = addressOf(witness)
    byUrl.set(url, [...(byUrl.get(url) ?? []), witness])
  }
  return [...byUrl].map(([url, keys]) => ({
    url,
    names: keys.map(({ name }) => name),
    verifiers: keys.map(({ key }) => verifierOf(key)),
  }))
}

function addressOf({ name, url }: PolicyWitness): string {
  if (url === undefined || !URL.canParse(url) || !/^https?:\/\//.test(url)) {
    throw new FormatError(
      'invalid_policy',
      `Witness ${JSON.stringify(name)} has no address to ask at: write its http(s) submission prefix behind its key.`,
    )
  }
  const { username, password } = new URL(url)
  if (username !== '' || password !== '') {
    throw new FormatError(
      'invalid_policy',
      `The address of witness ${JSON.stringify(name)} holds a user name or password: policies are public.`,
    )
  }
  return `${url.replace(/\/+$/, '')}/add-checkpoint`
}

// The head that a log, a witness or a mirror serves, as far as the log signed it. Whether enough witnesses cosigned it is a
// question of its own.
import { fetchCheckpoint } from '../client/connect.ts'
import { ClientError } from '../client/errors.ts'
import type { Head } from '../client/head.ts'
import type { Transport } from '../client/transport.ts'
import { checkPolicy } from '../core/check-policy.ts'
import { FormatError, ProoflogError } from '../core/errors.ts'
import type { Policy } from '../core/policy.ts'
import { Violation } from './violation.ts'

/**
 * @param remembered of the same log; undefined at first use, when any log of the policy will do
 * @throws Violation `checkpoint_malformed`, `signature_refused`; ClientError when there is no answer to judge
 */
export async function servedHead(
  source: Transport,
  policy: Policy,
  remembered: Head | undefined,
): Promise<Head> {
  const note = await fetchNote(source)
  try {
    return openHead(note, policy, remembered?.checkpoint.origin)
  } catch (cause) {
    if (!(cause instanceof ProoflogError)) throw cause
    const code = cause instanceof FormatError ? 'checkpoint_malformed' : 'signature_refused'
    const notes = { remembered: remembered?.note, offered: note }
    throw new Violation(code, `${source.url}/checkpoint: ${cause.message}`, { notes, cause })
  }
}

/**
 * A note that a log of the policy signed; of `origin` when given. The quorum is not asked for.
 * @throws as checkPolicy
 */
export function openHead(note: Uint8Array, policy: Policy, origin: string | undefined): Head {
  const logs = policy.logs.filter(({ key }) => origin === undefined || key.name === origin)
  return { ...checkPolicy(note, { ...policy, logs, quorum: 'none' }), note }
}

async function fetchNote(source: Transport): Promise<Uint8Array> {
  try {
    return await fetchCheckpoint(source)
  } catch (cause) {
    if (!(cause instanceof ClientError && cause.code === 'bad_answer')) throw cause
    throw new Violation('checkpoint_malformed', cause.message, { cause })
  }
}

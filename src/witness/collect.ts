// One checkpoint, all its witnesses: asked at once, done when the quorum is met, when all have answered, or at the deadline.
import { concat } from '../core/bytes.ts'
import { formatSignatures, type VerifiedSignature } from '../core/note.ts'
import { quorumIsMet } from '../core/policy.ts'
import type { Cosigned, CosigningRequest } from '../log/cosigners.ts'
import { LogError } from '../log/errors.ts'
import type { Outcome } from './ask-witness.ts'
import type { Endpoint, LogPolicy } from './policies.ts'
import type { Timer } from './timer.ts'

export interface Round {
  readonly request: CosigningRequest
  readonly policy: LogPolicy
  /** Milliseconds. */
  readonly deadline: number
  /** Publish without the quorum, too. */
  readonly failOpen: boolean
  readonly timer: Timer
  /** Resolves to undefined for a witness that is not asked this time. */
  ask(endpoint: Endpoint): Promise<Outcome | undefined>
  /** The deadline has passed; this one has not answered. */
  late(endpoint: Endpoint): void
  /** Why an endpoint gave no cosignature, for the message. */
  whyNot(endpoint: Endpoint): string
  /** What goes wrong after the round has resolved. */
  report(error: unknown): void
}

/** See Cosigners.collect. */
export function collect(round: Round): Promise<Cosigned> {
  const { request, policy, deadline, timer, failOpen } = round
  const waiting = new Set(policy.endpoints)
  const cosigned: VerifiedSignature[] = []
  let settled = false

  return new Promise((resolve, reject) => {
    const cancel = timer.after(deadline, () => {
      for (const endpoint of waiting) round.late(endpoint)
      settle(true)
    })

    function end(work: () => void): void {
      if (settled) return
      settled = true
      cancel()
      work()
    }

    function settle(over: boolean): void {
      const met = quorumIsMet(policy.policy, namesOf(policy, cosigned))
      if (met)
        return end(() => resolve({ note: noteOf(request, cosigned), quorum: policy.quorum ? 'met' : 'none' }))
      if (!over) return
      if (failOpen) return end(() => resolve({ note: noteOf(request, cosigned), quorum: 'missed' }))
      end(() => reject(missed(round, cosigned)))
    }

    function cosignedBy(signatures: readonly VerifiedSignature[]): void {
      if (settled) return request.late(signatures)
      cosigned.push(...signatures)
    }

    async function askOne(endpoint: Endpoint): Promise<void> {
      const outcome = await round.ask(endpoint)
      waiting.delete(endpoint)
      if (outcome?.kind === 'alarm') {
        const { message, evidence } = outcome
        const why = `witness ${endpoint.names.join(', ')} (${endpoint.url}) ${message}`
        await request.alarm(why, { ...evidence, witness: endpoint.url })
        throw new LogError('log_halted', `log ${request.log.name} is not signed: ${why}`, evidence)
      }
      if (outcome?.kind === 'cosigned') cosignedBy(outcome.signatures)
      settle(waiting.size === 0)
    }

    for (const endpoint of policy.endpoints) {
      // What cannot be proven or told to the guard is no fault of the witness: nothing is published.
      askOne(endpoint).catch((error: unknown) => (settled ? round.report(error) : end(() => reject(error))))
    }
    settle(waiting.size === 0)
  })
}

function namesOf({ policy }: LogPolicy, cosigned: readonly VerifiedSignature[]): Set<string> {
  const keys = new Set(cosigned.map(({ vkey }) => vkey))
  return new Set(policy.witnesses.filter(({ key }) => keys.has(key.vkey)).map(({ name }) => name))
}

function noteOf({ note }: CosigningRequest, cosigned: readonly VerifiedSignature[]): Uint8Array {
  return cosigned.length === 0 ? note : concat(note, formatSignatures(cosigned))
}

function missed(round: Round, cosigned: readonly VerifiedSignature[]): LogError {
  const { request, policy } = round
  const names = namesOf(policy, cosigned)
  const missing = policy.endpoints.filter((endpoint) => !endpoint.names.some((name) => names.has(name)))
  const why = missing.map((endpoint) => `${endpoint.names.join(', ')}: ${round.whyNot(endpoint)}`)
  return new LogError(
    'quorum_missed',
    `log ${request.log.name}: no checkpoint of size ${request.size} is published, because its witnesses do not satisfy the quorum "${policy.policy.quorum}": ${why.join('; ')}`,
    { size: request.size, missing: missing.flatMap((endpoint) => endpoint.names) },
  )
}

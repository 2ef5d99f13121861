// The client of witnesses without an engine: a log whose checkpoints the test signs, and requests to have them cosigned.
import type { NoteSignature } from '../../src/core/note.ts'
import type { CosigningRequest } from '../../src/log/cosigners.ts'
import type { LogInfo, WitnessFailure } from '../../src/log/types.ts'
import { type CosignerOptions, createCosigners } from '../../src/witness/cosigners.ts'
import type { SignedTree } from './signed-tree.ts'
import { testTimer } from './test-timer.ts'

/** What the engine was told besides the answer. */
export interface Told {
  readonly late: NoteSignature[]
  readonly alarms: { why: string; evidence: Readonly<Record<string, unknown>> }[]
  /** Sizes from which a proof was asked. */
  readonly proofs: number[]
  readonly outcomes: { witness: string; failure: WitnessFailure | undefined }[]
  readonly reports: unknown[]
}

export function infoOf({ origin, vkeys }: SignedTree): LogInfo {
  return {
    id: 1,
    name: 'default',
    origin,
    public: false,
    dedup: true,
    vkeys,
    signing: vkeys,
    state: 'open',
    successor: undefined,
    revision: 0,
    mirrored: false,
    createdAt: new Date(0),
  }
}

/** @param policy the text of the log's policy file, asked each time */
export function cosigning(
  tree: SignedTree,
  policy: () => string | undefined,
  options: Partial<Pick<CosignerOptions, 'timeout' | 'failOpen' | 'perDay'>> = {},
) {
  const timer = testTimer()
  const told: Told = { late: [], alarms: [], proofs: [], outcomes: [], reports: [] }
  const log = infoOf(tree)
  const cosigners = createCosigners({
    policyFile(name) {
      const text = policy()
      return text === undefined || name !== log.name
        ? undefined
        : { path: 'default.policy', version: text, bytes: Buffer.from(text) }
    },
    timeout: 1_000,
    failOpen: false,
    perDay: 86_400,
    observer: {
      cosigned: (_log, witness, _seconds, failure) => void told.outcomes.push({ witness, failure }),
    },
    report: (error) => void told.reports.push(error),
    timer,
    ...options,
  })
  return {
    timer,
    told,
    log,
    cosigners,
    async request(size: number, more: Partial<CosigningRequest> = {}): Promise<CosigningRequest> {
      return {
        log,
        size,
        note: await tree.checkpoint(size),
        async consistency(from) {
          told.proofs.push(from)
          return tree.consistency(from, size)
        },
        signedSize: async () => size,
        late: (signatures) => void told.late.push(...signatures),
        alarm: async (why, evidence) => void told.alarms.push({ why, evidence }),
        ...more,
      }
    },
    async collect(size: number, more: Partial<CosigningRequest> = {}) {
      return cosigners.collect(await this.request(size, more))
    },
  }
}

// An engine whose log has witnesses: a policy file in its folder, and the client of src/witness.
import { mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { parsePolicy } from '../../src/core/policy.ts'
import { createPolicyFiles } from '../../src/files/policy-files.ts'
import type { Log, WitnessFailure } from '../../src/log/types.ts'
import { type CosignerOptions, createCosigners } from '../../src/witness/cosigners.ts'
import { testEngine, type TestEngine, type TestEngineOptions } from './engine.ts'

export interface Witnessed extends TestEngine {
  /** What became of each request: witness and, if it failed, why. */
  readonly outcomes: { witness: string; failure: WitnessFailure | undefined }[]
  /** Writes the policy of a log; undefined takes it away. */
  setPolicy(log: string, text: string | undefined): void
}

export type WitnessedOptions = TestEngineOptions &
  Partial<Pick<CosignerOptions, 'timeout' | 'failOpen' | 'perDay' | 'timer'>>

export function witnessedEngine(url: string, options: WitnessedOptions): Witnessed {
  const folder = join(options.folder, 'policies')
  mkdirSync(folder, { recursive: true })
  const outcomes: Witnessed['outcomes'] = []
  const cosigners = createCosigners({
    policyFile: createPolicyFiles(folder),
    timeout: options.timeout ?? 10_000,
    failOpen: options.failOpen ?? false,
    perDay: options.perDay ?? Infinity,
    observer: { cosigned: (_log, witness, _seconds, failure) => void outcomes.push({ witness, failure }) },
    report: (error, log) => void engine.reports.push({ error, log }),
    ...(options.timer === undefined ? {} : { timer: options.timer }),
  })
  const engine = testEngine(url, { ...options, cosigners })
  return {
    ...engine,
    outcomes,
    setPolicy(log, text) {
      const path = join(folder, `${log}.policy`)
      if (text === undefined) rmSync(path)
      else writeFileSync(path, text)
    },
  }
}

/** The policy that the log serves, as a verifier reads it. */
export function servedPolicy(log: Log) {
  return parsePolicy(log.policy().text)
}

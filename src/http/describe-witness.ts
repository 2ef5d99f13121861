import type { WitnessState } from '../log/types.ts'

/** As answers show it. */
export function describeWitness({ name, cosigned, failure }: WitnessState): object {
  return { name, cosigned, failure: failure ?? null }
}

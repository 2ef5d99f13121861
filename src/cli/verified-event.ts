import type { VerifiedEvent } from '../client/index.ts'
import { printableJson } from './printable.ts'
import { describeProof, proofFields } from './verified-proof.ts'

/** What a verified event says, as lines for a person: the proof, then the event. */
export function describeEvent(verified: VerifiedEvent): string {
  const { event, hidden } = verified
  const withheld = hidden === 0 ? '' : `hidden    ${hidden} personal ${hidden === 1 ? 'field' : 'fields'}\n`
  return `${describeProof(verified)}${withheld}event     ${printableJson(event, 2).replaceAll('\n', '\n          ')}\n`
}

/** The same for a program. */
export function eventFields(verified: VerifiedEvent): object {
  return { ...proofFields(verified), hidden: verified.hidden, event: verified.event }
}

// Keys as numbers: 31 bits of a keyed hash, which mean nothing without the secret; the secret is not in the database. Terms
// from 0 on are of what everybody may search by, those below 0 of what is personal: one can never be taken for the other.
import { hash } from 'node:crypto'
import type { EventKeys } from './keys.ts'

export interface Terms {
  /** Of what is clear; the same key has the same term for ever. */
  clear(key: string): number
  personal(key: string): number
  /** Ascending, each once: what the row of an event holds. */
  of(keys: EventKeys): Int32Array
}

/** Keys of a generation; two are kept. Most keys of an event have been seen lately: a hash costs ten times the look. */
const GENERATION = 50_000

/** @param secret 32 bytes of Vault.secretFor('search') */
export function createTerms(secret: Uint8Array): Terms {
  const prefix = `${Buffer.from(secret).toString('hex')}\0`
  let young = new Map<string, number>()
  let old = new Map<string, number>()

  function clear(key: string): number {
    const known = young.get(key)
    if (known !== undefined) return known
    const term = old.get(key) ?? Number.parseInt(hash('sha256', prefix + key, 'hex').slice(0, 8), 16) >>> 1
    if (young.size >= GENERATION) {
      old = young
      young = new Map()
    }
    young.set(key, term)
    return term
  }

  const personal = (key: string): number => -1 - clear(key)
  return {
    clear,
    personal,
    of(keys) {
      const terms = new Int32Array(keys.clear.size + keys.personal.size)
      let at = 0
      for (const key of keys.clear) terms[at++] = clear(key)
      for (const key of keys.personal) terms[at++] = personal(key)
      terms.sort()
      let kept = 0
      for (let i = 0; i < terms.length; i++) {
        if (i === 0 || terms[i] !== terms[i - 1]) terms[kept++] = terms[i] ?? 0
      }
      return terms.subarray(0, kept)
    },
  }
}

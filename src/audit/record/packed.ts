// Sealed records on their way from one thread to another: in two buffers, which change hands, instead of thousands that are copied.
import type { Sidecar } from '../vault/types.ts'
import type { Ready } from './types.ts'

export interface Packed {
  readonly ids: readonly string[]
  /** For each record its entry, then its ciphertexts. */
  readonly bytes: Uint8Array<ArrayBuffer>
  /** For each record: bytes of its entry, number of its sidecars, and for each of those subject, bytes of its ciphertext, size. */
  readonly numbers: Float64Array<ArrayBuffer>
  /** Of the few records that something is said of, with their places. */
  readonly remarks: ReadonlyMap<number, Pick<Ready, 'flags' | 'quarantine'>>
}

export function pack(ready: readonly Ready[]): Packed {
  const ids: string[] = []
  const parts: Uint8Array[] = []
  const numbers: number[] = []
  const remarks = new Map<number, Pick<Ready, 'flags' | 'quarantine'>>()
  for (const [at, { id, entry, sidecars, flags, quarantine }] of ready.entries()) {
    ids.push(id)
    parts.push(entry)
    numbers.push(entry.length, sidecars.length)
    for (const { subjectId, sealed, size } of sidecars) {
      parts.push(sealed)
      numbers.push(subjectId, sealed.length, size)
    }
    if (flags.length > 0 || quarantine !== undefined) remarks.set(at, { flags, quarantine })
  }
  return { ids, bytes: joined(parts), numbers: Float64Array.from(numbers), remarks }
}

/** What was packed; its entries and ciphertexts are views of the two buffers. */
export function unpack({ ids, bytes, numbers, remarks }: Packed): Ready[] {
  let at = 0
  let next = 0
  const number = (): number => numbers[next++] as number
  const part = (length: number): Uint8Array => bytes.subarray(at, (at += length))
  return ids.map((id, i) => {
    const length = number()
    const count = number()
    const entry = part(length)
    const sidecars: Sidecar[] = []
    while (sidecars.length < count) {
      const subjectId = number()
      sidecars.push({ subjectId, sealed: part(number()), size: number() })
    }
    return { id, entry, sidecars, ...(remarks.get(i) ?? NO_REMARKS) }
  })
}

const NO_REMARKS = { flags: [], quarantine: undefined }

function joined(parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(parts.reduce((size, { length }) => size + length, 0))
  let at = 0
  for (const part of parts) {
    bytes.set(part, at)
    at += part.length
  }
  return bytes
}

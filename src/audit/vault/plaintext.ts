// What is encrypted: the JSON texts of the disclosures, one a line (JSON holds no raw line feed). A quarter shorter than their
// base64url, from which they come back byte for byte.
import { hash } from 'node:crypto'
import type { Disclosure } from '../event/types.ts'

const LINE_FEED = 0x0a
/** Bytes of the texts of one event that the shared buffer takes; others get one of their own. */
const SHARED = 16_384
/** One for all events: it is filled and read without a pause. */
const shared = Buffer.allocUnsafeSlow(SHARED)

/**
 * The texts of one event, subject after subject. Each is written once, for its digest and for the cipher: that halves what
 * joining and encoding them took. To be used up before the next one is made.
 */
export class Plaintext {
  /** Of the disclosures (RFC 9901 §4.2.3), as core/disclosure.ts has them, and several times as fast. */
  readonly digests: string[] = []
  #buffer = shared
  #start = 0
  #end = 0

  /** One more text of the subject. */
  add(text: string): void {
    if (this.#end > this.#start) this.#buffer[this.#end++] = LINE_FEED
    const from = this.#end
    const room = from + text.length * 3 + 1
    if (room > this.#buffer.length) this.#grow(room * 2)
    this.#end += this.#buffer.write(text, from)
    this.digests.push(hash('sha256', this.#buffer.toString('base64url', from, this.#end), 'base64url'))
  }

  /** Ends the texts of a subject. Empty when it has none. */
  cut(): Uint8Array {
    const bytes = this.#buffer.subarray(this.#start, this.#end)
    this.#start = this.#end
    return bytes
  }

  #grow(size: number): void {
    const larger = Buffer.allocUnsafeSlow(size)
    larger.set(this.#buffer.subarray(0, this.#end))
    this.#buffer = larger
  }
}

/** The digest of the disclosure of a JSON text. */
export function digestOf(text: string): string {
  return hash('sha256', Buffer.from(text).toString('base64url'), 'base64url')
}

export function splitDisclosures(plain: Buffer): Disclosure[] {
  const disclosures: Disclosure[] = []
  for (let start = 0; start <= plain.length;) {
    const found = plain.indexOf(LINE_FEED, start)
    const end = found === -1 ? plain.length : found
    disclosures.push(plain.toString('base64url', start, end))
    start = end + 1
  }
  return disclosures
}

export function splitTexts(plain: Buffer): string[] {
  return plain.toString().split('\n')
}

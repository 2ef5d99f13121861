// HMAC-SHA-256 (RFC 2104) from one-shot hashes. An Hmac object costs the garbage collector more than its two hashes: sealing is
// a tenth faster without (measured).
import { createHmac, hash } from 'node:crypto'

const BLOCK = 64
const DIGEST = 32
/** Bytes of a short text at most. */
const LONGEST = 2_048
/** One for all: it is filled and read without a pause. */
const scratch = Buffer.alloc(BLOCK + LONGEST)

/** The key, with both pads over it: 64 bytes each. Never printed: its fields are private. */
export class MacKey {
  readonly #inner = new Uint8Array(BLOCK).fill(0x36)
  readonly #outer = new Uint8Array(BLOCK).fill(0x5c)

  /** @param key 32 bytes */
  constructor(key: Uint8Array) {
    for (const [i, byte] of key.entries()) {
      this.#inner[i] = byte ^ 0x36
      this.#outer[i] = byte ^ 0x5c
    }
  }

  /** Of a short text, base64url: 43 characters. */
  ofText(message: string): string {
    scratch.set(this.#inner)
    const length = message.length * 3 > LONGEST ? undefined : scratch.write(message, BLOCK)
    if (length === undefined) return this.ofBytes(Buffer.from(message)).toString('base64url')
    const inner = hash('sha256', scratch.subarray(0, BLOCK + length), 'binary')
    scratch.set(this.#outer)
    scratch.write(inner, BLOCK, 'latin1')
    return hash('sha256', scratch.subarray(0, BLOCK + DIGEST), 'base64url')
  }

  ofBytes(message: Uint8Array): Buffer {
    const key = this.#inner.map((byte) => byte ^ 0x36)
    return createHmac('sha256', key).update(message).digest()
  }
}

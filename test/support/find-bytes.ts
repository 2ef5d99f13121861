// Looks for many byte strings at once, in one pass.
import { createHash } from 'node:crypto'

export interface Needle {
  /** For the report. */
  readonly name: string
  readonly bytes: Buffer
}

/** At least this long: shorter ones would be found by chance. */
const SHORTEST = 6

/** Names of the needles that are in the bytes. */
export function createFinder(needles: readonly Needle[]): (haystack: Uint8Array) => string[] {
  const starts = new Uint8Array(1 << 24)
  const byStart = new Map<number, Needle[]>()
  for (const needle of needles) {
    const [a = 0, b = 0, c = 0] = needle.bytes
    if (needle.bytes.length < SHORTEST) throw new RangeError(`${needle.name} is too short to be looked for`)
    const start = a | (b << 8) | (c << 16)
    starts[start] = 1
    byStart.set(start, [...(byStart.get(start) ?? []), needle])
  }
  return (haystack) => {
    const buffer = Buffer.from(haystack.buffer, haystack.byteOffset, haystack.byteLength)
    const found = new Set<string>()
    for (let at = 0; at + 2 < buffer.length; at++) {
      const start = buffer[at]! | (buffer[at + 1]! << 8) | (buffer[at + 2]! << 16)
      if (starts[start] === 0) continue
      for (const { name, bytes } of byStart.get(start)!)
        if (buffer.length - at >= bytes.length && bytes.equals(buffer.subarray(at, at + bytes.length)))
          found.add(name)
    }
    return [...found]
  }
}

/** The forms in which a text may stand somewhere: encodings, escapes, upper and lower case, and its plain SHA-256. */
export function formsOf(text: string): Needle[] {
  const variants = new Set([text, text.toLowerCase(), text.toUpperCase(), text.normalize('NFD')])
  const forms: Needle[] = []
  for (const variant of variants) {
    const bytes = Buffer.from(variant)
    forms.push(...encodings(variant, bytes))
    const digest = createHash('sha256').update(bytes).digest()
    forms.push(...encodings(`SHA-256 of ${variant}`, digest))
    forms.push({ name: `${variant} in UTF-16LE`, bytes: Buffer.from(variant, 'utf16le') })
    forms.push({ name: `${variant} in UTF-16BE`, bytes: Buffer.from(variant, 'utf16le').swap16() })
    const escaped = JSON.stringify(variant)
      .slice(1, -1)
      .replace(/[^ -~]/g, escape)
    if (escaped !== variant) forms.push({ name: `${variant} as JSON`, bytes: Buffer.from(escaped) })
    const percent = encodeURIComponent(variant)
    if (percent !== variant) forms.push({ name: `${variant} in a URL`, bytes: Buffer.from(percent) })
  }
  return forms.filter(({ bytes }) => bytes.length >= SHORTEST)
}

function escape(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`
}

function encodings(name: string, bytes: Buffer): Needle[] {
  const hex = bytes.toString('hex')
  const forms = [
    { name, bytes },
    { name: `${name} in hex`, bytes: Buffer.from(hex) },
    { name: `${name} in HEX`, bytes: Buffer.from(hex.toUpperCase()) },
  ]
  for (const encoding of ['base64', 'base64url'] as const) {
    for (const before of [0, 1, 2]) {
      // Only the characters that do not depend on what stands before and after.
      const text = Buffer.concat([Buffer.alloc(before), bytes])
        .toString(encoding)
        .replace(/=+$/, '')
      const from = before === 0 ? 0 : before + 1
      const to = Math.floor(((before + bytes.length) * 8) / 6)
      forms.push({ name: `${name} in ${encoding}, ${before}`, bytes: Buffer.from(text.slice(from, to)) })
    }
  }
  return forms
}

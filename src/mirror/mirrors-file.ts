// `<log>.mirrors`, written by an operator: who is brought what the log publishes. A line for each key of a mirror:
// `mirror <vkey> <submission prefix>`; comment lines begin with #.
import { decodeUtf8 } from '../core/bytes.ts'
import { FormatError } from '../core/errors.ts'
import { parseVkey } from '../core/keys.ts'
import { MirrorError } from './errors.ts'

export interface MirrorAddress {
  readonly url: string
  /** Of types 0x04 and 0x06. */
  readonly vkeys: readonly string[]
}

/** Keys with one address are those of one mirror. @throws MirrorError `invalid_mirrors`, naming the line */
export function parseMirrors(bytes: Uint8Array): MirrorAddress[] {
  const mirrors = new Map<string, string[]>()
  for (const [i, line] of textOf(bytes).split('\n').entries()) {
    if (line.trim() === '' || line.startsWith('#')) continue
    const [word, vkey = '', url = '', ...rest] = line.trim().split(/ +/)
    if (word !== 'mirror' || rest.length > 0 || !URL.canParse(url) || !/^https?:\/\//.test(url))
      throw invalid(i + 1, 'is not "mirror <vkey> <http address>"')
    const { username, password } = new URL(url)
    if (username !== '' || password !== '')
      throw invalid(
        i + 1,
        'holds a user name or password, which are not sent: an address is shown to anybody',
      )
    const address = url.replace(/\/+$/, '')
    mirrors.set(address, [...(mirrors.get(address) ?? []), checkedKey(vkey, i + 1)])
  }
  return [...mirrors].map(([url, vkeys]) => ({ url, vkeys }))
}

function checkedKey(text: string, line: number): string {
  try {
    const { type, vkey } = parseVkey(text)
    if (type !== 0x01) return vkey
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw invalid(line, `has no key of a mirror: ${cause.message}`)
  }
  throw invalid(line, 'has the key of a log (type 1), not of a mirror (types 4 and 6)')
}

function textOf(bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes)
  } catch {
    throw new MirrorError('invalid_mirrors', 'The file is not UTF-8.')
  }
}

function invalid(line: number, what: string): MirrorError {
  return new MirrorError('invalid_mirrors', `Line ${line} ${what}.`)
}

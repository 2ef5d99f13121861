// The file of a log's keys as it is on disk: lines of key-line.ts; empty ones and those that begin with # count for nothing.
import { decodeUtf8, encodeUtf8 } from '../core/bytes.ts'
import { FormatError } from '../core/errors.ts'
import { readIfThere } from '../files/durable.ts'
import { KeysError } from './errors.ts'
import { type KeyLine, parseKeyLine } from './key-line.ts'

export interface KeyFile {
  /** As it was read. */
  readonly text: string
  readonly lines: readonly KeyLine[]
}

const LARGEST = 262_144

/** @returns undefined when there is no such file. @throws KeysError `invalid_key_line` naming the line, and nothing of it */
export async function readKeyFile(path: string): Promise<KeyFile | undefined> {
  const bytes = await readIfThere(path)
  if (bytes === undefined) return undefined
  if (bytes.length > LARGEST) throw new KeysError('invalid_key_line', `${path} is too large to hold keys`)
  const text = textOf(path, bytes)
  const lines: KeyLine[] = []
  for (const [i, line] of text.split('\n').entries()) {
    if (line === '' || line.startsWith('#')) continue
    const key = readLine(`line ${i + 1} of ${path}`, line)
    if (lines.some(({ vkey }) => vkey === key.vkey)) {
      throw new KeysError('invalid_key_line', `line ${i + 1} of ${path} holds the key of a line before it`)
    }
    lines.push(key)
  }
  return { text, lines }
}

/** Lines as a file, after what it holds already. */
export function formatKeyFile(lines: readonly string[], before = ''): Uint8Array {
  const gap = before === '' || before.endsWith('\n') ? '' : '\n'
  return encodeUtf8(`${before}${gap}${lines.map((line) => `${line}\n`).join('')}`)
}

function textOf(path: string, bytes: Uint8Array): string {
  try {
    return decodeUtf8(bytes)
  } catch (cause) {
    if (!(cause instanceof FormatError)) throw cause
    throw new KeysError('invalid_key_line', `${path} is not text: put the file back from its backup`, {
      cause,
    })
  }
}

function readLine(where: string, line: string): KeyLine {
  try {
    return parseKeyLine(line)
  } catch (cause) {
    if (!(cause instanceof KeysError)) throw cause
    throw new KeysError('invalid_key_line', `${where} is no key: ${cause.message}`, { cause })
  }
}

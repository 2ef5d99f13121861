// Lists of logs that ask to be witnessed, `logs/v0` of the witness network: after the header, for each log in this order
// `vkey`, `origin` (when it is not the key's name), `qpd` and `contact`. Comment lines and empty lines are skipped.
import { decodeUtf8, encodeUtf8, parseDecimal } from './bytes.ts'
import { MAX_ORIGIN_SIZE } from './checkpoint.ts'
import { FormatError } from './errors.ts'
import { hasControl, type KeyType, parseVkey, quote, type VerificationKey } from './keys.ts'
import { parsePart } from './parse-part.ts'

export interface ListedLog {
  readonly key: VerificationKey
  readonly origin: string
  /** Requests per day that the log means to send. */
  readonly qpd?: number
  readonly contact?: string
}

/** Largest list in bytes: 40,000 logs take 10 MB. */
export const MAX_LOG_LIST_SIZE = 32_000_000

const HEADER = 'logs/v0'
const ORDER = ['vkey', 'origin', 'qpd', 'contact'] as const
const LOG_TYPES: readonly KeyType[] = [0x01, 0x06]
const MAX_QPD = 2 ** 31 - 1

/** One log of a list; each field at most once. */
type Draft = Partial<Record<(typeof ORDER)[number], string>>

/**
 * Parses a list. Stricter than others: what is not understood refuses the list as a whole.
 * @throws FormatError invalid_log_list (naming the line), invalid_utf8
 */
export function parseLogList(source: Uint8Array): ListedLog[] {
  if (source.length > MAX_LOG_LIST_SIZE)
    throw invalid(`${source.length} bytes; a list has at most ${MAX_LOG_LIST_SIZE}`)
  const logs: ListedLog[] = []
  const origins = new Set<string>()
  let draft: Draft | undefined
  const finish = (): void => {
    if (draft?.vkey === undefined) return
    const log = logOf(draft)
    if (origins.has(log.origin)) throw invalid(`${quote(log.origin)} is listed twice`)
    origins.add(log.origin)
    logs.push(log)
  }
  decodeUtf8(source)
    .split('\n')
    .forEach((line, at) =>
      parsePart('invalid_log_list', `Line ${at + 1} of the list`, () => {
        const text = line.trim()
        if (text === '' || text.startsWith('#')) return
        if (draft === undefined) {
          if (text !== HEADER) throw invalid(`the first line is not ${HEADER}`)
          draft = {}
          return
        }
        if (/^vkey( |$)/.test(text)) {
          finish()
          draft = {}
        }
        addField(draft, text)
      }),
    )
  if (draft === undefined) throw invalid(`there is no line ${HEADER}`)
  parsePart('invalid_log_list', 'The last log of the list', finish)
  return logs
}

/**
 * The text of a list.
 * @throws FormatError invalid_log_list if it would not parse to the same logs
 */
export function formatLogList(logs: readonly ListedLog[]): string {
  const text = logs
    .map(({ key, origin, qpd, contact }) =>
      [
        ['vkey', key.vkey],
        ['origin', origin === key.name ? undefined : origin],
        ['qpd', qpd],
        ['contact', contact],
      ]
        .filter(([, value]) => value !== undefined)
        .map(([name, value]) => `${name} ${value}\n`)
        .join(''),
    )
    .join('\n')
  const list = `${HEADER}\n${text === '' ? '' : '\n'}${text}`
  const parsed = parseLogList(encodeUtf8(list))
  const same = (log: ListedLog, i: number): boolean =>
    parsed[i]?.key.vkey === log.key.vkey &&
    parsed[i].origin === log.origin &&
    parsed[i].qpd === log.qpd &&
    parsed[i].contact === log.contact
  if (parsed.length === logs.length && logs.every(same)) return list
  throw invalid('an origin or a contact is not one line of text')
}

function addField(draft: Draft, text: string): void {
  const space = text.indexOf(' ')
  const name = space < 0 ? text : text.slice(0, space)
  const value = space < 0 ? '' : text.slice(space + 1).trim()
  const field = ORDER.find((known) => known === name)
  if (field === undefined) throw invalid(`${quote(name)} is not ${ORDER.join(', ')}`)
  const before = Object.keys(draft).at(-1)
  const last = ORDER.findIndex((known) => known === before)
  if (ORDER.indexOf(field) <= last || (last < 0 && field !== 'vkey'))
    throw invalid(`${name} stands in the wrong place: the order is ${ORDER.join(', ')}`)
  if (value === '' || hasControl(value)) throw invalid(`${name} has no value, or one that is not text`)
  draft[field] = value
}

function logOf({ vkey = '', origin, qpd, contact }: Draft): ListedLog {
  const key = parseVkey(vkey)
  if (!LOG_TYPES.includes(key.type)) throw invalid(`a key of type ${key.type} is not that of a log`)
  const name = origin ?? key.name
  if (encodeUtf8(name).length > MAX_ORIGIN_SIZE)
    throw invalid(`the origin is longer than ${MAX_ORIGIN_SIZE} bytes`)
  return {
    key,
    origin: name,
    ...(qpd === undefined ? {} : { qpd: requestsPerDay(qpd) }),
    ...(contact === undefined ? {} : { contact }),
  }
}

function requestsPerDay(text: string): number {
  const qpd = parseDecimal(text)
  if (qpd < 1 || qpd > MAX_QPD) throw invalid(`qpd is ${qpd}, not 1 to ${MAX_QPD}`)
  return qpd
}

function invalid(what: string): FormatError {
  return new FormatError('invalid_log_list', `Not a list of logs: ${what}.`)
}

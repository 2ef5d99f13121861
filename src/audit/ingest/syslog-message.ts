// Syslog messages: RFC 5424, and what most senders of RFC 3164 write.

export interface SyslogMessage {
  /** 0 to 23. */
  readonly facility?: number
  /** 0 emergency to 7 debug. */
  readonly severity?: number
  /** RFC 3339 as sent; undefined for NIL. */
  readonly time?: string
  /** The time had neither year nor zone, as in RFC 3164: the year is the nearest to when it came, the zone UTC. */
  readonly assumed?: true
  readonly host?: string
  readonly app?: string
  readonly procId?: string
  readonly msgId?: string
  /** Parameters by SD-ID; a name that comes again has a list. */
  readonly data?: Readonly<Record<string, Readonly<Record<string, string | string[]>>>>
  /** MSG without byte order mark and line end. */
  readonly text: string
}

const PRIORITY = /^<(\d{1,3})>/
const HEADER_5424 = /^1 (\S{1,64}) (\S{1,255}) (\S{1,255}) (\S{1,255}) (\S{1,255})(?: |$)/
/** Host and tag are guesses: some leave out one or the other; what ends in a colon is the tag. */
const HEADER_3164 =
  /^(?:([A-Z][a-z]{2}) {1,2}(\d{1,2}) (\d\d:\d\d:\d\d)|(\d{4}-\d\d-\d\dT\S{8,32})) (?:(\S{0,254}[^\s:])(?: |$))?(?:([^\s:[\]]{1,128})(?:\[([^\]\s]{1,64})\])?:(?: |$))?/
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']
const MAX_PRIORITY = 191

/**
 * Reads a message as RFC 5424, else as RFC 3164, else as bare text: there is no message that cannot be read.
 * @param received when it came; RFC 3339 in UTC: the year of an RFC 3164 time is the one that lies nearest to it
 */
export function parseSyslog(message: string, received: string): SyslogMessage {
  const text = withoutEnd(message)
  const priority = PRIORITY.exec(text)
  const value = Number(priority?.[1])
  if (!priority || value > MAX_PRIORITY) return { ...parse3164(text, received) }
  const rest = text.slice(priority[0].length)
  const body = parse5424(rest) ?? parse3164(rest, received)
  return { facility: value >> 3, severity: value & 7, ...body }
}

/** Without line ends and padding. By hand: a pattern tries again at each of many NULs that stand in the middle. */
function withoutEnd(message: string): string {
  let end = message.length
  while (end > 0 && '\r\n\0'.includes(message.charAt(end - 1))) end--
  return message.slice(0, end)
}

function parse5424(rest: string): SyslogMessage | undefined {
  const header = HEADER_5424.exec(rest)
  if (!header) return undefined
  const [whole, time, host, app, procId, msgId] = header
  const { data, end } = parseStructuredData(rest, whole.length)
  const from = rest[end] === ' ' ? end + 1 : end
  const text = rest.slice(rest[from] === '\uFEFF' ? from + 1 : from)
  return { ...given({ time, host, app, procId, msgId }), ...(data ? { data } : {}), text }
}

function parse3164(rest: string, received: string): SyslogMessage {
  const header = HEADER_3164.exec(rest)
  if (!header) return { text: rest }
  const [whole, month = '', day = '', clock, iso, host, app, procId] = header
  const text = rest.slice(whole.length)
  if (iso !== undefined) return { ...given({ time: iso, host, app, procId }), text }
  const at = MONTHS.indexOf(month)
  if (at < 0) return { text: rest }
  const time = nearest(`${String(at + 1).padStart(2, '0')}-${day.padStart(2, '0')}T${clock}Z`, received)
  return { ...given({ time, host, app, procId }), assumed: true, text }
}

/** The year before, of, or after `received` that brings the time nearest to it. The 29th of February has to exist. */
function nearest(monthAndRest: string, received: string): string {
  const now = Date.parse(received)
  const year = new Date(now).getUTCFullYear()
  const times = [year, year - 1, year + 1].map((one) => `${String(one).padStart(4, '0')}-${monthAndRest}`)
  const distance = (time: string) =>
    exists(time) ? Math.abs(Date.parse(time) - now) : Number.POSITIVE_INFINITY
  return times.reduce((best, time) => (distance(time) < distance(best) ? time : best))
}

/** Date.parse takes the 30th of February for the 2nd of March. */
function exists(time: string): boolean {
  const parsed = Date.parse(time)
  return !Number.isNaN(parsed) && new Date(parsed).toISOString().slice(0, 10) === time.slice(0, 10)
}

type Elements = Record<string, Record<string, string | string[]>>

/** RFC 5424 §6.3. What is malformed is no structured data but the beginning of the message. */
function parseStructuredData(text: string, start: number): { data?: Elements; end: number } {
  if (text[start] === '-' && (text[start + 1] === ' ' || start + 1 === text.length)) return { end: start + 1 }
  const data: Elements = Object.create(null) as Elements
  let at = start
  while (text[at] === '[') {
    const element = parseElement(text, at)
    if (!element) return { end: start }
    data[element.id] ??= element.params
    at = element.end
  }
  return at === start ? { end: start } : { data: { ...data }, end: at }
}

const SD_NAME = /[^ =\]"]{1,64}/y
const SD_VALUE = /="((?:[^"\\\]]|\\[\s\S])*)"/y

function parseElement(
  text: string,
  start: number,
): { id: string; params: Record<string, string | string[]>; end: number } | undefined {
  const id = matchAt(SD_NAME, text, start + 1)?.[0]
  if (id === undefined) return undefined
  const params = new Map<string, string | string[]>()
  let at = start + 1 + id.length
  while (text[at] === ' ') {
    const name = matchAt(SD_NAME, text, at + 1)?.[0]
    const value = name === undefined ? undefined : matchAt(SD_VALUE, text, at + 1 + name.length)
    if (name === undefined || value?.[1] === undefined) return undefined
    add(params, name, value[1].replace(/\\(["\\\]])/g, '$1'))
    at += 1 + name.length + value[0].length
  }
  return text[at] === ']' ? { id, params: Object.fromEntries(params), end: at + 1 } : undefined
}

function add(params: Map<string, string | string[]>, name: string, value: string): void {
  const before = params.get(name)
  // Added to, not copied: a message has room for ten thousand of one name.
  if (Array.isArray(before)) before.push(value)
  else params.set(name, before === undefined ? value : [before, value])
}

function matchAt(pattern: RegExp, text: string, at: number): RegExpExecArray | null {
  pattern.lastIndex = at
  return pattern.exec(text)
}

/** Without those that are NIL. */
function given<T extends Record<string, string | undefined>>(fields: T): { [name in keyof T]?: string } {
  const kept = Object.entries(fields).filter(([, value]) => value !== undefined && value !== '-')
  return Object.fromEntries(kept) as { [name in keyof T]?: string }
}

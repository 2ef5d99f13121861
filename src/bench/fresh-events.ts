// Requests of events, made before the clock starts: per call only the ids change, in place.
import { randomBytes } from 'node:crypto'
import { httpRequest, type Load } from './http-load.ts'

/** Events of one request: as many as the entries of a bundle in the bulk row. */
export const EVENTS = 1024

/** Hex digits in the id of each event that are counted up. */
const DIGITS = 12
const MARK = 'ffffffffffff'
let serial = 0

/** Nothing of it is personal: the vault has nothing to do. */
function plainEvent(i: number): object {
  return {
    id: `${MARK}-${i}`,
    time: '2026-11-25T10:00:00.123456789Z',
    action: 'document.read',
    outcome: 'success',
    actor: { id: 'billing-worker', type: 'service' },
    targets: [{ type: 'document', id: `document-${i}` }],
    http: { method: 'GET', path: `/v1/documents/${i}`, status: 200 },
    trace_id: '4bf92f3577b34da6a3ce929d0e0e4736',
    severity: 9,
    service: { name: 'billing', version: '1.4.2' },
  }
}

/** Five personal fields of one of a thousand people. */
function personalEvent(i: number): object {
  const person = i % 1000
  return {
    ...plainEvent(i),
    actor: {
      id: `user-${person}`,
      type: 'user',
      name: `Person ${person}`,
      email: `user-${person}@example.com`,
    },
    src: { ip: `10.0.${person % 256}.${i % 256}` },
    http: {
      method: 'GET',
      path: `/v1/documents/${i}`,
      status: 200,
      user_agent: 'Mozilla/5.0 (X11; Linux x86_64)',
    },
  }
}

/** NDJSON, a request for each connection. */
export function freshLines(
  connections: number,
  path: string,
  headers: Readonly<Record<string, string>>,
  personal: boolean,
): Load['request'] {
  const event = personal ? personalEvent : plainEvent
  const body = Buffer.from(Array.from({ length: EVENTS }, (_, i) => `${JSON.stringify(event(i))}\n`).join(''))
  return freshRequests(connections, path, { ...headers, 'Content-Type': 'application/x-ndjson' }, body)
}

/** OTLP protobuf (opentelemetry-proto logs/v1), a request for each connection. */
export function freshOtlp(
  connections: number,
  path: string,
  headers: Readonly<Record<string, string>>,
): Load['request'] {
  const records = Array.from({ length: EVENTS }, (_, i) => field(2, logRecord(i)))
  const resource = field(1, attribute('service.name', 'billing'))
  // ResourceLogs{resource=1, scope_logs=2{log_records=2}}
  const body = field(1, Buffer.concat([field(1, resource), field(2, Buffer.concat(records))]))
  return freshRequests(connections, path, { ...headers, 'Content-Type': 'application/x-protobuf' }, body)
}

function logRecord(i: number): Buffer {
  const time = Buffer.alloc(9)
  time[0] = (1 << 3) | 1
  time.writeBigUInt64LE(1_795_000_000_123_456_789n, 1)
  const attributes = {
    'audit.record.id': `${MARK}-${i}`,
    'audit.action': 'document.read',
    'audit.outcome': 'success',
    'audit.actor.id': 'billing-worker',
    'audit.actor.type': 'service',
    'audit.target.id': `document-${i}`,
    'audit.target.type': 'document',
    'http.request.method': 'GET',
    'url.path': `/v1/documents/${i}`,
  }
  return Buffer.concat([
    time,
    Buffer.from([2 << 3, 9]),
    ...Object.entries(attributes).map(([key, value]) => field(6, attribute(key, value))),
    field(9, Buffer.from('4bf92f3577b34da6a3ce929d0e0e4736', 'hex')),
  ])
}

/** A KeyValue with a string. */
function attribute(key: string, value: string): Buffer {
  return Buffer.concat([field(1, Buffer.from(key)), field(2, field(1, Buffer.from(value)))])
}

/** A length-delimited field. */
function field(number: number, content: Buffer): Buffer {
  const length: number[] = []
  let rest = content.length
  for (; rest > 127; rest >>>= 7) length.push((rest & 127) | 128)
  return Buffer.concat([Buffer.from([(number << 3) | 2, ...length, rest]), content])
}

/** The same body for each connection, its ids counted up before every call. */
function freshRequests(
  connections: number,
  path: string,
  headers: Record<string, string>,
  body: Buffer,
): Load['request'] {
  const requests = Array.from({ length: connections }, () => {
    const request = httpRequest('POST', path, headers, body)
    const places: number[] = []
    for (let at = request.indexOf(MARK); at >= 0; at = request.indexOf(MARK, at + 1)) places.push(at)
    return { request, places, prefix: randomBytes(2).toString('hex') }
  })
  return (_, connection) => {
    const one = requests[connection]
    if (one === undefined) throw new RangeError(`there is no request for connection ${connection}`)
    const id = one.prefix + (++serial).toString(16).padStart(DIGITS - 4, '0')
    for (const at of one.places) one.request.write(id, at, 'latin1')
    return one.request
  }
}

// Every way in for events, as its senders use it: how records are put into a request, and what a refusal looks like.
import { Reader } from 'protobufjs/minimal.js'
import { expect } from 'vitest'
import { any, attributes, encode, type Record_, requestOf } from '../ingest/otlp-encode.ts'

/** What every protocol can say. */
export interface Sent {
  readonly id: string
  /** RFC 3339 in UTC. */
  readonly time: string
  /** Something personal. */
  readonly params?: unknown
}

export interface Request_ {
  readonly type: string
  readonly headers?: Readonly<Record<string, string>>
  readonly query?: string
  readonly body: Uint8Array
}

export interface Door {
  readonly name: string
  readonly path: string
  /** How refusals are written. */
  readonly refusal: 'problem' | 'protobuf' | 'json' | 'hec'
  /** Refused when it is wrong and alone, because its sender can mend it; otherwise kept in quarantine. */
  readonly refusesAlone: boolean
  /** What ends in its middle is kept as it came; otherwise its end is missed. */
  readonly cutIsKept?: true
  /** One request, several records: `binary` CloudEvents and HEC lines of one query hold no more than the first. */
  readonly many: boolean
  readonly request: (sent: readonly Sent[]) => Request_
  /** The id that an event has in the log. */
  readonly idOf: (id: string) => string
}

const bytes = (text: string): Uint8Array => Buffer.from(text)
const json = (value: unknown): Uint8Array => bytes(JSON.stringify(value))

export function nativeOf({ id, time, params }: Sent): object {
  return { id, time, action: 'user.login', outcome: 'success', actor: { id: 'alice', type: 'user' }, params }
}

function cloudEventOf({ id, time, params }: Sent): object {
  return { specversion: '1.0', id, source: '/test', type: 'user.login', time, data: params }
}

function k8sOf({ id, time, params }: Sent): object {
  return {
    kind: 'Event',
    apiVersion: 'audit.k8s.io/v1',
    level: 'RequestResponse',
    auditID: id,
    stage: 'ResponseComplete',
    requestURI: '/api/v1/pods',
    verb: 'create',
    user: { username: 'alice' },
    requestReceivedTimestamp: time,
    stageTimestamp: time,
    annotations: params === undefined ? {} : { params: JSON.stringify(params) },
  }
}

function recordOf({ id, time, params }: Sent): Record_ {
  const nanos = `${Date.parse(time)}000000`
  return {
    timeUnixNano: nanos,
    observedTimeUnixNano: nanos,
    eventName: 'user.login',
    ...(params === undefined ? {} : { body: any(JSON.stringify(params)) }),
    attributes: attributes({
      'audit.record.id': id,
      'audit.actor.id': 'alice',
      'audit.actor.type': 'user',
      'audit.action': 'user.login',
      'audit.outcome': 'success',
    }),
  }
}

const same = (id: string): string => id
const otlp = (path: string, encoding: 'protobuf' | 'json'): Door => ({
  name: `${path} ${encoding}`,
  path,
  refusal: encoding,
  refusesAlone: path === '/v1/audit',
  many: true,
  request: (sent) => ({
    type: encoding === 'json' ? 'application/json' : 'application/x-protobuf',
    body: encode[encoding](requestOf(sent.map(recordOf))),
  }),
  idOf: same,
})
const hec = (path: string): Door => ({
  name: path,
  path,
  refusal: 'hec',
  refusesAlone: false,
  many: true,
  request: (sent) => ({
    type: 'application/json',
    body: bytes(
      sent
        .map((one) => JSON.stringify({ time: Date.parse(one.time) / 1000, event: nativeOf(one) }))
        .join('\n'),
    ),
  }),
  idOf: same,
})
const hecRaw = (path: string): Door => ({
  ...hec(path),
  cutIsKept: true,
  request: (sent) => ({
    type: 'text/plain',
    body: bytes(sent.map((one) => JSON.stringify(nativeOf(one))).join('\n')),
  }),
})
const problem = { refusal: 'problem', refusesAlone: true, many: true, idOf: same } as const
const cloudEvents = { ...problem, path: '/v1/cloudevents', idOf: (id: string) => `/test ${id}` } as const

export const DOORS: readonly Door[] = [
  {
    ...problem,
    name: 'native',
    path: '/v1/events',
    request: (sent) => ({
      type: 'application/json',
      body: json(sent.length === 1 ? nativeOf(sent[0]!) : sent.map(nativeOf)),
    }),
  },
  {
    ...problem,
    name: 'native lines',
    path: '/v1/events',
    cutIsKept: true,
    refusesAlone: false,
    request: (sent) => ({
      type: 'application/x-ndjson',
      body: bytes(sent.map((one) => `${JSON.stringify(nativeOf(one))}\n`).join('')),
    }),
  },
  otlp('/v1/logs', 'protobuf'),
  otlp('/v1/logs', 'json'),
  otlp('/v1/audit', 'protobuf'),
  otlp('/v1/audit', 'json'),
  {
    ...problem,
    name: 'k8s',
    path: '/v1/k8s/audit',
    refusesAlone: false,
    request: (sent) => ({
      type: 'application/json',
      body: json({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', items: sent.map(k8sOf) }),
    }),
    idOf: (id) => `${id}/ResponseComplete`,
  },
  {
    ...cloudEvents,
    name: 'CloudEvents structured',
    many: false,
    request: ([one]) => ({ type: 'application/cloudevents+json', body: json(cloudEventOf(one!)) }),
  },
  {
    ...cloudEvents,
    name: 'CloudEvents binary',
    many: false,
    request: ([one]) => ({
      type: 'application/json',
      headers: {
        'ce-specversion': '1.0',
        'ce-id': one!.id,
        'ce-source': '/test',
        'ce-type': 'user.login',
        'ce-time': one!.time,
      },
      body: one!.params === undefined ? new Uint8Array(0) : json(one!.params),
    }),
  },
  {
    ...cloudEvents,
    name: 'CloudEvents batch',
    refusesAlone: false,
    request: (sent) => ({
      type: 'application/cloudevents-batch+json',
      body: json(sent.map(cloudEventOf)),
    }),
  },
  hec('/services/collector'),
  hecRaw('/services/collector/raw'),
]

/** What is served by the same handlers under other names. */
export const ALIASES: readonly Door[] = [
  hec('/services/collector/event'),
  hec('/services/collector/event/1.0'),
  hecRaw('/services/collector/raw/1.0'),
]

/** That a refusal is in the sender's own protocol; resolves to what it says. */
export async function refusalOf(door: Door, response: Response): Promise<string> {
  const type = response.headers.get('content-type')
  const body = new Uint8Array(await response.arrayBuffer())
  const text = Buffer.from(body).toString()
  if (door.refusal === 'protobuf') {
    expect(type).toBe('application/x-protobuf')
    const { code, message } = statusOf(body)
    expect(code).toBeGreaterThan(0)
    return message
  }
  const value = JSON.parse(text) as Record<string, unknown>
  if (door.refusal === 'problem') {
    expect(type).toBe('application/problem+json')
    expect(value).toMatchObject({ status: response.status, code: expect.stringMatching(/^[a-z0-9_]+$/) })
  } else {
    expect(type).toBe('application/json')
    expect(value).toMatchObject({ code: expect.any(Number) })
    expect(typeof value[door.refusal === 'hec' ? 'text' : 'message']).toBe('string')
  }
  return text
}

/** google.rpc.Status */
function statusOf(body: Uint8Array): { code: number; message: string } {
  const reader = Reader.create(body)
  const status = { code: 0, message: '' }
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag === 8) status.code = reader.int32()
    else if (tag === 18) status.message = reader.string()
    else throw new Error(`field ${tag} is none of google.rpc.Status`)
  }
  return status
}

// Whatever a sender sends, at every door: the fault is named in the sender's own protocol and without a word of the event, it is
// never called ours, and what is answered 200 is in the log.
import { request as httpRequest } from 'node:http'
import { gzipSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { growthDuring, memoryInUse } from '../../support/memory.ts'
import { BOMBS, deepProtobuf, GARBAGE, NOTHING_IN_IT, NOW, SECRET, zstdStored } from './bad-bodies.ts'
import { ALIASES, type Door, DOORS, nativeOf, refusalOf, type Request_, type Sent } from './doors.ts'
import { type HttpGround, httpGround, readLog, treeSize } from './ground.ts'

const LOG = 'default'
let ground: HttpGround
let key: string
let made = 0

beforeAll(async () => {
  ground = await httpGround()
  await newAgent()
})
afterAll(() => ground.close())
afterEach(() => {
  const [fault] = ground.faults.splice(0)
  if (fault !== undefined) throw new Error(`a fault of ours that nobody foresaw: ${JSON.stringify(fault)}`)
})

/** A source of its own: what another one sent already is not the same event. */
async function newAgent(): Promise<void> {
  ;({ key } = await ground.key({ name: `agent ${++made}`, scopes: ['events:append'] }))
}

const newId = (): string => `id-${++made}`
const sent = (more: Partial<Sent> = {}): Sent => ({ id: newId(), time: NOW, ...more })

function post(
  door: Door,
  { type, headers, query = '', body }: Request_,
  more: object = {},
): Promise<Response> {
  const path = door.path + query
  return ground.ask(path, { method: 'POST', key, type, headers: { ...headers, ...more }, body })
}

async function expectRefused(door: Door, response: Response, status: number): Promise<string> {
  expect([door.name, response.status]).toEqual([door.name, status])
  const text = await refusalOf(door, response)
  expect(text).not.toContain(SECRET)
  return text
}

/** What `work` added to the log. */
async function added<T>(
  work: () => Promise<T>,
): Promise<{ answer: T; events: Awaited<ReturnType<typeof readLog>> }> {
  const before = await treeSize(ground, LOG)
  const answer = await work()
  const count = (await treeSize(ground, LOG)) - before
  return { answer, events: await readLog(ground, LOG, before, count) }
}

async function expectNothingAdded(work: () => Promise<unknown>): Promise<void> {
  const before = await treeSize(ground, LOG)
  await work()
  expect(await treeSize(ground, LOG)).toBe(before)
}

describe.each(DOORS)('$name', (door) => {
  const many = door.many ? 3 : 1
  beforeAll(newAgent)

  test('what is answered 200 is in the log, in order, and once', async () => {
    const records = Array.from({ length: many }, () => sent({ params: { word: SECRET } }))
    const { answer, events } = await added(async () => {
      const answers = []
      for (let i = 0; i < 2; i++) answers.push((await post(door, door.request(records))).status)
      return answers
    })
    expect(answer).toEqual([200, 200])
    expect(events.map(({ type, id }) => [type, id])).toEqual(
      records.map(({ id }) => ['event', door.idOf(id)]),
    )
    for (const { event } of events) expect(JSON.stringify(event)).toContain(SECRET)
  })

  test('compressed as gzip and zstd it is the same', async () => {
    for (const [encoding, compress] of Object.entries({ gzip: gzipSync, zstd: zstdStored })) {
      const record = sent({ params: { word: SECRET } })
      const plain = door.request([record])
      const { answer, events } = await added(() =>
        post(door, { ...plain, body: compress(plain.body) }, { 'content-encoding': encoding }),
      )
      expect([encoding, answer.status]).toEqual([encoding, 200])
      expect(events.map(({ id }) => id)).toEqual([door.idOf(record.id)])
    }
  })

  test.skipIf(door.refusal === 'hec')('another content type is 415', async () => {
    const { body } = door.request([sent({ params: SECRET })])
    await expectNothingAdded(async () => {
      for (const type of ['text/html', 'application/xml', 'multipart/form-data; boundary=x']) {
        const response = await post(door, { type, body })
        expect([type, response.status]).toEqual([type, 415])
        // The encoding of the request is not known then.
        expect(await response.text()).not.toContain(SECRET)
      }
    })
  })

  test('a compressed body that is cut off, or damaged, is 400, and an unknown encoding is 415', async () => {
    const plain = door.request([sent({ params: SECRET })])
    const gzip = gzipSync(plain.body)
    const bodies: readonly [encoding: string, body: Uint8Array, status: number][] = [
      ['gzip', gzip.subarray(0, gzip.length - 5), 400],
      ['gzip', gzip.subarray(0, 5), 400],
      ['gzip', new Uint8Array(0), 400],
      ['gzip', plain.body, 400],
      ['zstd', zstdStored(plain.body).subarray(0, -2), 400],
      ['deflate', gzip, 400],
      ['br', gzip, 415],
      ['gzip, gzip', gzip, 415],
    ]
    const { answer, events } = await added(async () => {
      const answers: number[] = []
      for (const [encoding, body, status] of bodies) {
        const response = await post(door, { ...plain, body }, { 'content-encoding': encoding })
        await expectRefused(door, response, status)
        answers.push(response.status)
      }
      return answers
    })
    expect(answer).toEqual(bodies.map(([, , status]) => status))
    expect(events).toEqual([])
  })

  test('a decompression bomb is 413, and memory does not jump', async () => {
    const plain = door.request([sent()])
    await expectNothingAdded(async () => {
      const peak = await growthDuring(memoryInUse, async () => {
        for (const [encoding, body] of Object.entries({ gzip: BOMBS.gzip, zstd: BOMBS.zstd })) {
          const text = await expectRefused(
            door,
            await post(door, { ...plain, body }, { 'content-encoding': encoding }),
            413,
          )
          expect(text).toContain('67108864')
        }
      })
      expect(peak).toBeLessThan(512 * 2 ** 20)
    })
  })

  // The same for all doors.
  test.runIf(door === DOORS[0])(
    'thirty bodies that expand to just below the limit, at once, are bounded together',
    async () => {
      const plain = door.request([sent()])
      const body = gzipSync(Buffer.alloc(63 * 2 ** 20, ' '), { level: 9 })
      await expectNothingAdded(async () => {
        const statuses: number[] = []
        const peak = await growthDuring(memoryInUse, async () => {
          const all = Array.from({ length: 30 }, () =>
            post(door, { ...plain, body }, { 'content-encoding': 'gzip' }),
          )
          for (const response of await Promise.all(all)) {
            await response.arrayBuffer()
            statuses.push(response.status)
          }
        })
        expect(statuses).toContain(503)
        expect(peak).toBeLessThan(2 ** 30) // it was two gigabytes
      })
    },
  )

  test('a body over 16 MiB is 413 with the limit named, declared or not', async () => {
    const plain = door.request([sent()])
    await expectNothingAdded(async () => {
      for (const declared of [true, false]) {
        const { status, body } = await postTooMuch(door, plain, declared)
        expect([door.name, declared, status]).toEqual([door.name, declared, 413])
        expect(body).toContain('16777216')
      }
    })
  })

  const large = (): Sent => sent({ params: { word: SECRET.padEnd(10_000_000, 'x') } })

  test.runIf(door.refusesAlone)('10 MB of parameters alone are refused, with the limit named', async () => {
    const { answer, events } = await added(() => post(door, door.request([large()])))
    // The draft of the audit signal knows one fault of records only.
    const text = await expectRefused(door, answer, door.path === '/v1/audit' ? 400 : 413)
    expect(text).toContain('262144')
    expect(events).toEqual([])
  })

  test.skipIf(door.refusesAlone)(
    '10 MB of parameters alone are kept in quarantine, as far as they go',
    async () => {
      const { answer, events } = await added(() => post(door, door.request([large()])))
      expect(answer.status).toBe(200)
      expect(events).toMatchObject([{ type: 'raw', event: { reason: 'too_large' }, flags: ['quarantined'] }])
      expect(rawOf(events[0]?.event)).toContain(SECRET)
    },
  )

  test.runIf(door.many && door.path !== '/v1/audit')(
    '10 MB of parameters keep no other record out',
    async () => {
      const [first, last] = [sent(), sent()]
      const { answer, events } = await added(() => post(door, door.request([first, large(), last])))
      expect(answer.status).toBe(200)
      expect(events.map(({ type, id }) => (type === 'raw' ? type : id))).toEqual([
        door.idOf(first.id),
        'raw',
        door.idOf(last.id),
      ])
    },
  )

  test('events of 1970 and 2100 are kept as they say, and flagged', async () => {
    const times = ['1970-01-01T00:00:01Z', '2100-01-01T00:00:00Z']
    for (const [time, flag] of [
      [times[0]!, 'time_past'],
      [times[1]!, 'time_future'],
    ] as const) {
      const { answer, events } = await added(() => post(door, door.request([sent({ time })])))
      expect(answer.status).toBe(200)
      expect(events).toMatchObject([{ type: 'event', event: { time }, flags: [flag] }])
    }
    // Four minutes ahead is what clocks differ by.
    for (const skew of [0, 240_000]) {
      const time = new Date(Date.now() + skew).toISOString()
      const { events } = await added(() => post(door, door.request([sent({ time })])))
      expect(events).toMatchObject([{ flags: [] }])
    }
  })

  test.each(Object.keys(GARBAGE))('%s: refused in the protocol of the sender, or kept', async (what) => {
    const plain = door.request([sent()])
    const { answer, events } = await added(() => post(door, { ...plain, body: GARBAGE[what]!() }))
    const kept = events.length > 0 || NOTHING_IN_IT.includes(`${door.name}: ${what}`)
    expect([200, 400, 413]).toContain(answer.status)
    expect({ accepted: answer.status === 200 }).toEqual({ accepted: kept })
    if (!kept) await expectRefused(door, answer, answer.status)
  })

  test('a body that ends in its middle is refused, or kept as it came', async () => {
    const { body, ...plain } = door.request([sent({ params: { word: SECRET } })])
    const statuses: number[] = []
    for (const part of [0.2, 0.5, 0.9, 0.99]) {
      const cut = body.subarray(0, Math.floor(body.length * part))
      const { answer, events } = await added(() => post(door, { ...plain, body: cut }))
      if (answer.status !== 200) await expectRefused(door, answer, 400)
      expect(events).toHaveLength(answer.status === 200 ? 1 : 0)
      statuses.push(answer.status)
    }
    expect([400, ...(door.cutIsKept ? [200] : [])]).toEqual(expect.arrayContaining(statuses))
  })
})

test('the other paths of HEC are the same door', async () => {
  await newAgent()
  for (const door of ALIASES) {
    const record = sent()
    const plain = door.request([record])
    const { answer, events } = await added(() => post(door, plain))
    expect([answer.status, events.map(({ id }) => id)]).toEqual([200, [record.id]])
    const cut = { ...plain, body: gzipSync(plain.body).subarray(0, 9) }
    expect(await expectRefused(door, await post(door, cut, { 'content-encoding': 'gzip' }), 400)).toContain(
      '"code":6',
    )
  }
})

test('what is nested a thousand deep is 400 alone, and kept among others', async () => {
  for (const door of DOORS.filter(({ path }) => path === '/v1/events')) {
    const deep = `{"id":"${newId()}","time":"${NOW}","action":"x","params":${'['.repeat(1_000)}"${SECRET}"${']'.repeat(1_000)}}`
    const alone = await added(() => post(door, { ...door.request([]), body: Buffer.from(deep) }))
    expect(alone.answer.status).toBe(door.refusesAlone ? 400 : 200)
    expect(alone.events.map(({ type }) => type)).toEqual(door.refusesAlone ? [] : ['raw'])
    expect(await alone.answer.text()).toContain('too_deep')
    const good = sent()
    const body = Buffer.from(`${JSON.stringify(nativeOf(good))}\n${deep.replace('"x"', '"y"')}\n`)
    const batch = await added(() => post(door, { ...door.request([]), body }))
    expect(batch.answer.status).toBe(200)
    expect(batch.events.map(({ type }) => type)).toEqual(['event', 'raw'])
  }
})

test('values of OTLP that are nested a thousand deep are kept in quarantine, not lost', async () => {
  const { answer, events } = await added(() =>
    ground.ask('/v1/logs', {
      method: 'POST',
      key,
      type: 'application/x-protobuf',
      body: deepProtobuf(1_000),
    }),
  )
  expect(answer.status).toBe(200)
  expect(events.map(({ type }) => type)).toEqual(['raw'])
})

test('words that the vocabulary does not know are kept', async () => {
  const event = {
    ...nativeOf(sent()),
    outcome: 'maybe',
    severity_text: 'LOUD',
    actor: { id: 'a', type: 'robot' },
  }
  const { events } = await added(() =>
    ground.ask('/v1/events', { method: 'POST', key, type: 'application/json', body: JSON.stringify(event) }),
  )
  expect(events).toMatchObject([
    {
      event: {
        outcome: 'unknown',
        actor: { type: 'robot' },
        extra: { outcome: 'maybe', severity_text: 'LOUD' },
      },
    },
  ])
})

test('no event, and no event at all: what each protocol says of it', async () => {
  const empty: readonly [path: string, type: string, body: string, status: number, answer: string][] = [
    ['/v1/logs', 'application/x-protobuf', '', 200, ''],
    ['/v1/logs', 'application/json', '{}', 200, '{}'],
    ['/v1/audit', 'application/json', '{}', 200, '{"receipts":[]}'],
    [
      '/v1/k8s/audit',
      'application/json',
      '{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[]}',
      200,
      '{"count":0}',
    ],
    ['/v1/cloudevents', 'application/cloudevents-batch+json', '[]', 200, '{"log":"default","receipts":[]}'],
    ['/services/collector', 'application/json', '', 400, '{"text":"No data","code":5}'],
    ['/services/collector/raw', 'text/plain', '\n', 400, '{"text":"No data","code":5}'],
  ]
  await expectNothingAdded(async () => {
    for (const [path, type, body, status, answer] of empty) {
      const response = await ground.ask(path, { method: 'POST', key, type, body })
      expect([path, type, response.status, await response.text()]).toEqual([path, type, status, answer])
    }
    for (const body of ['', '[]', '\n'])
      expect(
        (await ground.ask('/v1/events', { method: 'POST', key, type: 'application/json', body })).status,
      ).toBe(400)
  })
})

/** What was sent, of a quarantined record. */
function rawOf(event: unknown): string {
  const { raw } = event as { raw: string }
  const base64 = /^data:[^,]*;base64,(.*)$/.exec(raw)?.[1]
  return base64 === undefined ? raw : Buffer.from(base64, 'base64').toString()
}

/** Goes on writing until there is an answer, as agents do. */
function postTooMuch(
  door: Door,
  { type, headers }: Request_,
  declared: boolean,
): Promise<{ status: number | undefined; body: string }> {
  const size = 17 * 2 ** 20
  return new Promise((resolve, reject) => {
    const request = httpRequest(ground.url + door.path, {
      method: 'POST',
      headers: {
        ...headers,
        'content-type': type,
        authorization: `Bearer ${key}`,
        ...(declared ? { 'content-length': size } : {}),
      },
    })
    request.on('response', (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => {
        resolve({ status: response.statusCode, body: Buffer.concat(chunks).toString() })
        request.destroy()
      })
    })
    request.on('error', reject)
    request.write(Buffer.alloc(declared ? 1_000 : size, 0x20))
  })
}

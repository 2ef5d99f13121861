import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Incoming } from '../../../src/audit/event/types.ts'
import { syslogIncoming } from '../../../src/audit/ingest/syslog-event.ts'
import { type SyslogFrame, SyslogFramer } from '../../../src/audit/ingest/syslog-frames.ts'
import { parseSyslog } from '../../../src/audit/ingest/syslog-message.ts'
import { growthOfCost } from '../../support/costs.ts'

const RECEIVED = '2026-02-01T00:00:00Z'
const bytes = (text: string) => new TextEncoder().encode(text)
const incoming = (message: string | Uint8Array): Incoming => {
  const frame = typeof message === 'string' ? bytes(message) : message
  return syslogIncoming({ bytes: frame, size: frame.length }, RECEIVED)
}
const eventOf = (message: string) => {
  const one = incoming(message)
  if (one.kind !== 'event') throw new Error(`quarantined: ${one.reason.message}`)
  return one.event
}

describe('RFC 5424', () => {
  test('example 1 of §6.5: with a message id and a byte order mark', () => {
    const message = `<34>1 2003-10-11T22:14:15.003Z mymachine.example.com su - ID47 - \uFEFF'su root' failed for lonvick on /dev/pts/8`
    expect(eventOf(message)).toEqual({
      time: '2003-10-11T22:14:15.003Z',
      action: 'ID47',
      outcome: 'unknown',
      message: `'su root' failed for lonvick on /dev/pts/8`,
      service: { name: 'su' },
      src: { host: 'mymachine.example.com' },
      severity: 18,
      extra: { facility: 'auth' },
    })
  })

  test('example 2: an offset, a process id, and no message id', () => {
    const message =
      "<165>1 2003-08-24T05:14:15.000003-07:00 192.0.2.1 myproc 8710 - - %% It's time to make the do-nuts."
    expect(eventOf(message)).toMatchObject({
      time: '2003-08-24T12:14:15.000003Z',
      action: 'log.record',
      severity: 10,
      extra: { facility: 'local4', procid: '8710' },
    })
  })

  test('example 3 and 4: structured data, with a message and without', () => {
    const data =
      '[exampleSDID@32473 iut="3" eventSource="Application" eventID="1011"][examplePriority@32473 class="high"]'
    const header = '<165>1 2003-10-11T22:14:15.003Z mymachine.example.com evntslog - ID47'
    const structured_data = {
      'exampleSDID@32473': { iut: '3', eventSource: 'Application', eventID: '1011' },
      'examplePriority@32473': { class: 'high' },
    }
    const event = eventOf(`${header} ${data} \uFEFFAn application event log entry...`)
    expect(event.extra).toEqual({ facility: 'local4', structured_data })
    expect(event.message).toBe('An application event log entry...')
    expect(eventOf(`${header} ${data}`).message).toBeUndefined()
    expect(eventOf(`${header} ${data}`).extra?.['structured_data']).toEqual(structured_data)
  })

  test('escapes in parameters, names that come again, and brackets in a message', () => {
    const message = String.raw`<13>1 2003-10-11T22:14:15Z h a - - [x@1 a="\"\\\]\n" a="2"][x@2] [not data]`
    expect(parseSyslog(message, RECEIVED)).toMatchObject({
      data: { 'x@1': { a: [String.raw`"\]\n`, '2'] }, 'x@2': {} },
      text: '[not data]',
    })
  })

  test('malformed structured data is the beginning of the message', () => {
    for (const data of ['[x@1 a=b] m', '[x@1 a="b', '[]', '[x@1'])
      expect(parseSyslog(`<13>1 2003-10-11T22:14:15Z h a p m ${data}`, RECEIVED)).toMatchObject({
        text: data,
        msgId: 'm',
      })
  })

  test('a name like __proto__ is a name', () => {
    const parsed = parseSyslog('<13>1 - - - - - [__proto__ __proto__="x"] m', RECEIVED)
    expect(JSON.stringify(parsed.data)).toBe('{"__proto__":{"__proto__":"x"}}')
  })

  test('NIL everywhere: the time is that of its reception, and the event says so', () => {
    expect(eventOf('<0>1 - - - - - -')).toEqual({
      time: RECEIVED,
      action: 'log.record',
      outcome: 'unknown',
      severity: 21,
      extra: { facility: 'kern', time_assumed: 'when it was received' },
    })
  })

  test('severities are those of OpenTelemetry, facilities by name', () => {
    const all = Array.from({ length: 8 }, (_, n) =>
      eventOf(`<${8 * (n + 16) + n}>1 2003-10-11T22:14:15Z h a - - - m`),
    )
    expect(all.map(({ severity }) => severity)).toEqual([21, 19, 18, 17, 13, 10, 9, 5])
    expect(all.map(({ extra }) => extra?.['facility'])).toEqual(
      Array.from({ length: 8 }, (_, n) => `local${n}`),
    )
  })

  test('the same message is the same event, whenever it comes', () => {
    const message = bytes('<34>1 2003-10-11T22:14:15.003Z h su - ID47 - m')
    const frame = { bytes: message, size: message.length }
    expect(syslogIncoming(frame, RECEIVED)).toEqual(syslogIncoming(frame, '2030-01-01T00:00:00Z'))
  })
})

describe('a message that is JSON', () => {
  const header = '<110>1 2026-01-31T12:00:00Z web-1 shop 77 - -'
  const native = { action: 'user.login', outcome: 'success', actor: { id: 'u1' }, src: { ip: '192.0.2.1' } }

  test.each([
    ['bare', JSON.stringify(native)],
    ['after @cee:', `@cee: ${JSON.stringify(native)}`],
    ['after @cee: without a space', `@cee:${JSON.stringify(native)}\n`],
  ])('%s is a native event, with what syslog says as defaults', (_, text) => {
    expect(eventOf(`${header} ${text}`)).toEqual({
      ...native,
      time: '2026-01-31T12:00:00Z',
      src: { ip: '192.0.2.1', host: 'web-1' },
      service: { name: 'shop' },
      severity: 9,
      extra: { facility: 'audit', procid: '77' },
    })
  })

  test('without an action it has that of the frame', () => {
    expect(eventOf(`${header.replace('- -', 'AUTH -')} {"message":"hi","k":1}`)).toMatchObject({
      action: 'AUTH',
      message: 'hi',
      extra: { k: 1, facility: 'audit' },
    })
    expect(eventOf(`${header} {"k":1}`)).toMatchObject({ action: 'log.record', extra: { k: 1 } })
  })

  test('what is no event stays text', () => {
    for (const text of ['{"action":}', '{"a":1,"a":2}', '{"actor":7}', '@cee: nothing'])
      expect(eventOf(`${header} ${text}`)).toMatchObject({ action: 'log.record', message: text })
  })
})

describe('RFC 3164', () => {
  test.each([
    [
      "<34>Oct 11 22:14:15 mymachine su: 'su root' failed",
      '2025-10-11T22:14:15Z',
      'mymachine',
      'su',
      "'su root' failed",
    ],
    ['<13>Jan  5 01:02:03 web-1 sshd[4711]: Accepted', '2026-01-05T01:02:03Z', 'web-1', 'sshd', 'Accepted'],
    ['<13>Feb  2 00:00:00 h a: soon', '2026-02-02T00:00:00Z', 'h', 'a', 'soon'],
    ['<13>Dec 31 23:59:59 h a: last year', '2025-12-31T23:59:59Z', 'h', 'a', 'last year'],
    ['<13>Jan 31 12:00:00 crond[1]: no host', '2026-01-31T12:00:00Z', undefined, 'crond', 'no host'],
    ['<13>Jan 31 12:00:00 h no tag: here', '2026-01-31T12:00:00Z', 'h', undefined, 'no tag: here'],
    ['<13>2026-01-31T13:00:00.5+01:00 h a[1]: iso', '2026-01-31T12:00:00.5Z', 'h', 'a', 'iso'],
  ])('%s', (message, time, host, app, text) => {
    expect(eventOf(message)).toMatchObject({
      time,
      action: 'log.record',
      message: text,
      ...(app === undefined ? {} : { service: { name: app } }),
      ...(host === undefined ? {} : { src: { host } }),
    })
    expect(eventOf(message).extra?.['time_assumed']).toBe(
      message.includes('T13') ? undefined : 'year and UTC',
    )
  })

  test('the year is the nearest one, over the turn of a year and for the 29th of February', () => {
    const timeOf = (message: string, received: string) => parseSyslog(message, received).time
    expect(timeOf('<13>Jan  1 00:00:01 h a: m', '2025-12-31T23:59:59Z')).toBe('2026-01-01T00:00:01Z')
    expect(timeOf('<13>Dec 31 23:59:59 h a: m', '2026-01-01T00:00:01Z')).toBe('2025-12-31T23:59:59Z')
    expect(timeOf('<13>Feb 29 12:00:00 h a: m', '2025-01-15T00:00:00Z')).toBe('2024-02-29T12:00:00Z')
  })

  test('text of no known form is a message', () => {
    for (const text of ['hello', '<999>hello', '<13', '<13>Foo 11 22:14:15 h a: m', '13 monkeys'])
      expect(eventOf(text)).toMatchObject({
        action: 'log.record',
        time: RECEIVED,
        message: text.replace(/^<13>/, ''),
      })
  })
})

test('what is no UTF-8, cut or unfinished is quarantined, with its size', () => {
  expect(incoming(Uint8Array.of(0x3c, 0xff))).toMatchObject({ kind: 'raw', reason: { code: 'not_utf8' } })
  const cut = { bytes: bytes('<13>1 cut'), size: 100_000, fault: 'too_large' } as const
  expect(syslogIncoming(cut, RECEIVED)).toMatchObject({
    kind: 'raw',
    raw: '<13>1 cut',
    size: 100_000,
    reason: { code: 'too_large' },
  })
  expect(syslogIncoming({ ...cut, fault: 'unfinished' }, RECEIVED)).toMatchObject({
    reason: { code: 'invalid_event' },
  })
})

test('there is no message that cannot be taken', () => {
  const part = fc.constantFrom(
    '<34>',
    '1 ',
    '- ',
    '[a ',
    'b="',
    '"]',
    '\\',
    '2026-01-31T12:00:00Z ',
    'Oct 11 22:14:15 ',
    'h ',
    'a: ',
    '{"action":"x"}',
    '@cee:',
    '\n',
  )
  const text = fc.array(part, { maxLength: 20 }).map((parts) => bytes(parts.join('')))
  fc.assert(
    fc.property(
      fc.oneof(text, fc.uint8Array({ maxLength: 60 }), fc.string({ unit: 'binary' }).map(bytes)),
      (message) => {
        expect(['event', 'raw']).toContain(incoming(message).kind)
      },
    ),
    { numRuns: 3_000 },
  )
})

test('a long line of one character is parsed in no time', () => {
  for (const filler of [' ', 'a', '[', '"', ':', '\\'])
    for (const head of ['<13>1 2026-01-31T12:00:00Z h a p m [x@1 a="', '<13>Oct 11 22:14:15 ', ''])
      expect(growthOfCost(60_000, (length) => void incoming(head + filler.repeat(length)))).toBeLessThan(10)
})

describe('framing', () => {
  const framesOf = (chunks: readonly Uint8Array[], max = 65_536, broken = false): SyslogFrame[] => {
    const framer = new SyslogFramer(max)
    return [...chunks.flatMap((chunk) => framer.push(chunk)), ...framer.end(broken)]
  }
  const plain = (frames: readonly SyslogFrame[]) =>
    frames.map((frame) => ({ ...frame, bytes: [...frame.bytes] }))
  const texts = (frames: readonly SyslogFrame[]) =>
    frames.map((frame) => Buffer.from(frame.bytes).toString('utf8'))

  test('octet counting and lines may be mixed on one connection', () => {
    const stream = bytes('5 <1>ab<2>line\n7 <3>a\nb\n4 <4>c\r\n<5>last')
    expect(texts(framesOf([stream]))).toEqual(['<1>ab', '<2>line', '<3>a\nb\n', '<4>c', '<5>last'])
  })

  test('frames are the same wherever the stream was cut', () => {
    // A line may not begin with a digit, which is a length, nor with what is skipped between frames.
    const line = fc
      .tuple(fc.constantFrom('<', 'a', '{', 'é'), fc.string({ maxLength: 30 }))
      .map(([first, rest]) => first + rest.replaceAll('\n', ' '))
    const message = fc.record({ text: line, counted: fc.boolean() })
    fc.assert(
      fc.property(
        fc.array(message, { maxLength: 12 }),
        fc.array(fc.nat({ max: 400 }), { maxLength: 30 }),
        (messages, cuts) => {
          const stream = Buffer.concat(
            messages.map(({ text, counted }) =>
              bytes(counted ? `${bytes(text).length} ${text}` : `${text}\n`),
            ),
          )
          const at = [...new Set([0, ...cuts.filter((cut) => cut < stream.length), stream.length])].toSorted(
            (a, b) => a - b,
          )
          const chunks = at.slice(1).map((end, n) => stream.subarray(at[n], end))
          const frames = framesOf(chunks)
          expect(texts(frames)).toEqual(messages.map(({ text }) => text))
          expect(frames.every(({ fault }) => fault === undefined)).toBe(true)
          expect(plain(framesOf(Array.from(stream, (byte) => Uint8Array.of(byte))))).toEqual(plain(frames))
        },
      ),
    )
  })

  test('whatever bytes come, cut anywhere, the frames are the same and none is larger than allowed', () => {
    const part = fc.constantFrom('3 abc', '<1>x\n', '12', ' ', '\n', '0', '99999999999 ', 'a', '\u0000')
    const stream = fc.oneof(
      fc.uint8Array({ maxLength: 60 }),
      fc.array(part, { maxLength: 20 }).map((parts) => bytes(parts.join(''))),
    )
    fc.assert(
      fc.property(stream, fc.integer({ min: 1, max: 9 }), (all, step) => {
        const chunks = Array.from({ length: Math.ceil(all.length / step) }, (_, n) =>
          all.subarray(n * step, (n + 1) * step),
        )
        const frames = framesOf(chunks, 8)
        expect(plain(frames)).toEqual(plain(framesOf([all], 8)))
        for (const { bytes: kept, size, fault } of frames) {
          expect(kept.length).toBeLessThanOrEqual(8)
          expect(size).toBeGreaterThanOrEqual(kept.length)
          expect(fault === undefined && size > kept.length).toBe(false)
        }
      }),
      { numRuns: 2_000 },
    )
  })

  test('a frame that is too large is cut, its size is told, and the next one is whole', () => {
    const large = 'x'.repeat(100)
    for (const stream of [`100 ${large}3 abc`, `${large}\nabc\n`]) {
      const [first, second, ...others] = framesOf([bytes(stream)], 10)
      expect(first).toMatchObject({ size: 100, fault: 'too_large' })
      expect(first?.bytes).toHaveLength(10)
      expect(texts([second!])).toEqual(['abc'])
      expect(others).toEqual([])
    }
  })

  test('a number that is no length begins a line', () => {
    expect(texts(framesOf([bytes('2026-01-31 x\n99999999 y\n99999999999 z\n12')]))).toEqual([
      '2026-01-31 x',
      '99999999 y',
      '99999999999 z',
      '12',
    ])
  })

  test('what a broken connection leaves is known to be unfinished', () => {
    expect(framesOf([bytes('9 abc')])).toMatchObject([{ size: 3, fault: 'unfinished' }])
    expect(framesOf([bytes('<1>abc')])).toMatchObject([{ size: 6 }])
    expect(framesOf([bytes('<1>abc')])[0]?.fault).toBeUndefined()
    expect(framesOf([bytes('<1>abc')], 100, true)).toMatchObject([{ size: 6, fault: 'unfinished' }])
  })
})

test('marks in the middle of a message, however many, cost no more than other letters', () => {
  for (const mark of ['\0', '\r']) {
    const parse = (many: number): void => {
      expect(parseSyslog(`<13>${mark.repeat(many)}x${mark}\n`, RECEIVED).text).toBe(`${mark.repeat(many)}x`)
    }
    expect(growthOfCost(64_000, parse)).toBeLessThan(10) // it was five seconds
  }
})

test('a parameter that comes again ten thousand times has a list of all', () => {
  const message = `<13>1 - - - - - [a ${Array.from({ length: 10_000 }, () => 'p="v"').join(' ')}] x`
  expect(parseSyslog(message, RECEIVED).data?.['a']?.['p']).toHaveLength(10_000)
})

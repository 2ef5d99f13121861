import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeUtf8 } from '../../src/core/bytes.ts'
import { formatVkey, parseVkey } from '../../src/core/keys.ts'
import { formatLogList, type ListedLog, parseLogList } from '../../src/core/log-list.ts'
import { codeOf } from '../support/note-vectors.ts'

const key = (name: string, type: 0x01 | 0x04 = 0x01) =>
  parseVkey(formatVkey(name, type, new Uint8Array(32).fill(1)))
const A = key('log.example/a')
const B = key('log.example/b')
const parse = (text: string): ListedLog[] => parseLogList(encodeUtf8(text))

test('a list as the witness network writes it', () => {
  const text = `# a comment

logs/v0

vkey ${A.vkey}
origin the log of a, which has spaces
qpd 86400
contact someone at a.example

# another
vkey ${B.vkey}
qpd 1
contact b`
  expect(parse(text)).toEqual([
    { key: A, origin: 'the log of a, which has spaces', qpd: 86_400, contact: 'someone at a.example' },
    { key: B, origin: 'log.example/b', qpd: 1, contact: 'b' },
  ])
  expect(parse('logs/v0\r\nvkey ' + A.vkey + '\r\n')).toEqual([{ key: A, origin: A.name }])
  expect(parse('logs/v0\n')).toEqual([])
})

test('what is written is read again', () => {
  const line = fc.stringMatching(/^[!-~]([ -~]{0,40}[!-~])?$/)
  const log = fc.record(
    { origin: line, qpd: fc.integer({ min: 1, max: 2 ** 31 - 1 }), contact: line },
    { requiredKeys: ['origin'] },
  )
  fc.assert(
    fc.property(fc.uniqueArray(log, { selector: ({ origin }) => origin, maxLength: 5 }), (parts) => {
      const logs: ListedLog[] = parts.map((part) => ({ key: A, ...part }))
      expect(parse(formatLogList(logs))).toEqual(logs)
    }),
  )
})

test('what would not be read again is not written', () => {
  for (const contact of ['two\nlines', ' before', ''])
    expect(() => formatLogList([{ key: A, origin: 'a', contact }])).toThrow(
      expect.objectContaining({ code: 'invalid_log_list' }),
    )
})

describe('a list is refused as a whole', () => {
  test.each([
    ['empty', ''],
    ['without its header', `vkey ${A.vkey}\n`],
    ['of another version', `logs/v1\nvkey ${A.vkey}\n`],
    ['with two headers', `logs/v0\nlogs/v0\n`],
    ['with a field before any log', `logs/v0\nqpd 1\n`],
    ['with a key that is none', `logs/v0\nvkey ${A.vkey.slice(0, -2)}\n`],
    ['with a broken key before a good one', `logs/v0\nvkey nonsense\nvkey ${A.vkey}\n`],
    ["with a witness's key", `logs/v0\nvkey ${key('w', 0x04).vkey}\n`],
    ['without a key', `logs/v0\nvkey\n`],
    ['with fields out of order', `logs/v0\nvkey ${A.vkey}\nqpd 1\norigin x\n`],
    ['with a field twice', `logs/v0\nvkey ${A.vkey}\nqpd 1\nqpd 1\n`],
    ['with an unknown field', `logs/v0\nvkey ${A.vkey}\nurl https://log.example\n`],
    ['with an origin twice', `logs/v0\nvkey ${A.vkey}\nvkey ${B.vkey}\norigin ${A.name}\n`],
    ['with an origin of 256 bytes', `logs/v0\nvkey ${A.vkey}\norigin ${'x'.repeat(256)}\n`],
    ...['0', '01', '1.5', '-1', '2147483648', 'many', ''].map((qpd) => [
      `with qpd "${qpd}"`,
      `logs/v0\nvkey ${A.vkey}\nqpd ${qpd}\n`,
    ]),
    ['with a control character', `logs/v0\nvkey ${A.vkey}\ncontact a\u0007b\n`],
  ])('%s', (_, text) => {
    expect(() => parse(text ?? '')).toThrow(expect.objectContaining({ code: 'invalid_log_list' }))
  })

  test('larger than 32 MB', () => {
    expect(() => parseLogList(new Uint8Array(32_000_001))).toThrow(
      expect.objectContaining({ code: 'invalid_log_list' }),
    )
  })

  test('any bytes are a list or are refused, never anything else', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        expect(['invalid_log_list', 'invalid_utf8', undefined]).toContain(codeOf(() => parseLogList(bytes)))
      }),
    )
  })
})

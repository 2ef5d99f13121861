import { createHash } from 'node:crypto'
import { SDJwt } from '@sd-jwt/core'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { withDisclosed } from '../../src/core/disclose.ts'
import {
  disclosureDigest,
  disclosureJson,
  formatDisclosure,
  fromBase64url,
  MAX_DISCLOSURE_LENGTH,
  parseDisclosure,
  toBase64url,
} from '../../src/core/disclosure.ts'
import { codeOf, readVectors, utf8 } from '../support/note-vectors.ts'

type Vector = { json: string; disclosure: string; salt: string; name: string; value: unknown; digest: string }
const { members, compact, element } = readVectors<{ members: Vector[]; compact: Vector; element: Vector }>(
  'sd-jwt-disclosures.json',
)

const encoded = (json: string) => toBase64url(utf8(json))

describe('disclosures are those of RFC 9901', () => {
  test.each(members)('$json', ({ json, disclosure, salt, name, value, digest }) => {
    expect(encoded(json)).toBe(disclosure)
    expect(parseDisclosure(disclosure)).toEqual({ salt, path: name, value })
    expect(disclosureDigest(disclosure)).toBe(digest)
  })

  test('and are written without white space', () => {
    expect(disclosureJson('_26bc4LT-ac6q2KI6cBW5es', 'family_name', 'Möbius')).toBe(compact.json)
    expect(formatDisclosure('_26bc4LT-ac6q2KI6cBW5es', 'family_name', 'Möbius')).toBe(compact.disclosure)
    expect(disclosureDigest(compact.disclosure)).toBe(compact.digest)
  })

  test('but not those of array elements, which have no name', () => {
    expect(disclosureDigest(element.disclosure)).toBe(element.digest)
    expect(codeOf(() => parseDisclosure(element.disclosure))).toBe('invalid_disclosure')
  })
})

test('@sd-jwt/core finds our disclosures by the digests in an envelope, and reads them as we do', async () => {
  const hasher = (data: string | ArrayBuffer) =>
    new Uint8Array(
      createHash('sha256')
        .update(typeof data === 'string' ? data : Buffer.from(data))
        .digest(),
    )
  const value = { b: [1, null, 'ü'], a: { 'x"y': true } }
  const [shown, hidden] = ['params.order', 'src.ip'].map((path) =>
    formatDisclosure('AAAAAAAAAAAAAAAAAAAAAA', path, value),
  )
  const _sd = [shown!, hidden!].map(disclosureDigest).sort()
  const payload = encoded(JSON.stringify({ v: 1, _sd, _sd_alg: 'sha-256' }))
  const sdJwt = await SDJwt.fromEncode(`${encoded('{"alg":"none"}')}.${payload}.AA~${shown}~`, hasher)
  expect(await sdJwt.getClaims(hasher)).toEqual({ v: 1, 'params.order': value })
})

test('the order of members plays no part, and what was written is read again', () => {
  expect(formatDisclosure('s', 'p', { b: 1, a: 2 })).toBe(formatDisclosure('s', 'p', { a: 2, b: 1 }))
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), fc.jsonValue(), (path, value) => {
      fc.pre(path !== '_sd' && path !== '...')
      const plain: unknown = JSON.parse(JSON.stringify(value))
      expect(parseDisclosure(formatDisclosure('salt', path, value))).toEqual({
        salt: 'salt',
        path,
        value: plain,
      })
    }),
  )
})

test.each([
  ['nothing', ''],
  ['padding', `${encoded('["s","p",1]')}=`],
  ['the other alphabet of base64', 'WyJz+yJd'],
  ['unused bits that are set', `${encoded('["s","p",1]').slice(0, -1)}R`],
  ['white space', `${encoded('["s","p",1]')} `],
  ['no UTF-8', toBase64url(new Uint8Array([0xff]))],
  ['no JSON', encoded('["s","p",1')],
  ['no array', encoded('{"0":"s","1":"p","2":1}')],
  ['four parts', encoded('["s","p",1,2]')],
  ['a salt that is a number', encoded('[1,"p",1]')],
  ['a name that is a number', encoded('["s",1,1]')],
  ['the name _sd', encoded('["s","_sd",1]')],
  ['the name ...', encoded('["s","...",1]')],
  ['more characters than an event has', 'A'.repeat(MAX_DISCLOSURE_LENGTH + 1)],
])('%s is no disclosure', (_, text) => {
  expect(codeOf(() => parseDisclosure(text))).toBe('invalid_disclosure')
})

test('base64url is that of Node, both ways, and has one spelling', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
      const text = toBase64url(bytes)
      expect(text).toBe(Buffer.from(bytes).toString('base64url'))
      expect(fromBase64url(text)).toEqual(new Uint8Array(bytes))
    }),
  )
  for (const text of ['A', 'AB', 'AAB', 'AA==', 'A+', 'A/', 'ä', ' '])
    expect(
      codeOf(() => fromBase64url(text)),
      text,
    ).toBe('invalid_base64')
})

describe('disclosed fields', () => {
  test('go back to their places', () => {
    const document = { targets: [{ type: 'user' }, {}], http: { method: 'GET' } }
    const fields = [
      { path: 'targets.1.name', value: 'x' },
      { path: 'http.query', value: 'q' },
      { path: 'actor.on_behalf_of.id', value: 'u' },
      { path: 'extra.a.b', value: 1 },
      { path: 'params.', value: 2 },
      { path: 'params.__proto__', value: 3 },
    ]
    const placed = withDisclosed(document, fields)
    expect(JSON.stringify(placed)).toBe(
      '{"targets":[{"type":"user"},{"name":"x"}],"http":{"method":"GET","query":"q"},' +
        '"actor":{"on_behalf_of":{"id":"u"}},"extra":{"a.b":1},"params":{"":2,"__proto__":3}}',
    )
    expect(Object.getPrototypeOf(placed['params'])).toBe(Object.prototype)
    expect(document).toEqual({ targets: [{ type: 'user' }, {}], http: { method: 'GET' } })
  })

  test('that are whole objects join the members that are there', () => {
    expect(withDisclosed({ extra: { a: 1 } }, [{ path: 'extra', value: { b: 2 } }])).toEqual({
      extra: { a: 1, b: 2 },
    })
  })

  test.each([
    ['in a place that is taken', { a: 1 }, 'a', 2],
    ['in a member that is taken', { extra: { a: 1 } }, 'extra', { a: 2 }],
    ['below a value', { a: 1 }, 'a.b', 2],
    ['behind the end of a list', { a: [{}] }, 'a.1.b', 2],
    ['at an element of a list', { a: [1] }, 'a.0', 2],
    ['at a name in a list', { a: [{}] }, 'a.x', 2],
    ['at a longer spelling of an index', { a: [{}] }, 'a.00.b', 2],
    ['at the length of a list', { a: [{}] }, 'a.length', 2],
  ])('are refused %s', (_, document, path, value) => {
    expect(codeOf(() => withDisclosed(document, [{ path, value }]))).toBe('invalid_disclosure')
  })
})

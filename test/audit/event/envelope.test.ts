import { describe, expect, test } from 'vitest'
import { sealField } from '../../../src/audit/event/disclosures.ts'
import { formatEnvelope, parseEnvelope } from '../../../src/audit/event/envelope.ts'
import type { Envelope } from '../../../src/audit/event/types.ts'
import { viewOf } from '../../../src/audit/event/view.ts'
import { disclosureDigest, formatDisclosure } from '../../../src/core/disclosure.ts'
import { codeOf, utf8 } from '../../support/note-vectors.ts'

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA'
const name = sealField(SALT, 'actor.name', 'Ada')
const ip = sealField(SALT, 'src.ip', '203.0.113.7')
const ENVELOPE: Envelope = {
  v: 1,
  type: 'event',
  id: 'e',
  source: 'app',
  format: 'native',
  time: '2026-01-31T12:00:00Z',
  actor: { type: 'user', ref: 0 },
  refs: ['r-0'],
  _sd: [name.digest, ip.digest].sort(),
  _sd_alg: 'sha-256',
}

test('the server makes the disclosures that a browser checks', () => {
  const value = { b: [1, 'ü'], a: null }
  const disclosure = formatDisclosure(SALT, 'params.x', value)
  expect(sealField(SALT, 'params.x', value)).toEqual({ disclosure, digest: disclosureDigest(disclosure) })
})

describe('an entry', () => {
  test('is an envelope, byte for byte', () => {
    const entry = formatEnvelope(ENVELOPE)
    expect(Buffer.from(entry).toString()).toMatch(/^\{"_sd":\["/)
    expect(parseEnvelope(entry)).toEqual(ENVELOPE)
  })

  test('has 65,535 bytes at most', () => {
    const message = (length: number) => ({ ...ENVELOPE, message: 'x'.repeat(length) })
    const room = 65_535 - formatEnvelope(message(0)).length
    expect(formatEnvelope(message(room))).toHaveLength(65_535)
    expect(codeOf(() => formatEnvelope(message(room + 1)))).toBe('event_too_large')
  })

  const text = Buffer.from(formatEnvelope(ENVELOPE)).toString()
  const but = (members: object) =>
    JSON.stringify(
      Object.fromEntries(Object.entries({ ...ENVELOPE, ...members }).sort(([a], [b]) => (a < b ? -1 : 1))),
    )

  test.each([
    ['nothing', ''],
    ['no JSON', 'hello'],
    ['no object', '[]'],
    ['null', 'null'],
    ['white space', `${text} `],
    ['another order', text.replace('"_sd_alg":"sha-256",', '').replace(/}$/, ',"_sd_alg":"sha-256"}')],
    ['a name twice', text.replace('"id":"e"', '"id":"e","id":"e"')],
    ['a number spelled otherwise', text.replace('"v":1', '"v":1.0')],
    ['an escape that is not needed', text.replace('"id":"e"', '"id":"\\u0065"')],
    ['half a surrogate pair', text.replace('"id":"e"', '"id":"\\ud800"')],
    ['another version', but({ v: 2 })],
    ['another type', but({ type: 'other' })],
    ['no id', but({ id: undefined })],
    ['an id that is a number', but({ id: 1 })],
    ['no source', but({ source: undefined })],
    ['refs that are no texts', but({ refs: [1] })],
    ['digests without a word how', but({ _sd_alg: undefined })],
    ['a word how without digests', but({ _sd: undefined })],
    ['another hash', but({ _sd_alg: 'sha-512' })],
    ['digests in another order', but({ _sd: [name.digest, ip.digest].sort().reverse() })],
    ['a digest twice', but({ _sd: [name.digest, name.digest] })],
    ['a digest that is none', but({ _sd: ['x'] })],
  ])('with %s is no event', (_, wrong) => {
    expect(codeOf(() => parseEnvelope(utf8(wrong)))).toBe('not_an_event')
  })

  test('that is not UTF-8 is no event', () => {
    expect(codeOf(() => parseEnvelope(Uint8Array.of(0xff)))).toBe('not_an_event')
  })
})

describe('a view', () => {
  test('shows what is clear, what is disclosed, and how much is not', () => {
    const view = viewOf(ENVELOPE, [name.disclosure])
    expect(view).toEqual({
      type: 'event',
      id: 'e',
      source: 'app',
      format: 'native',
      event: { time: '2026-01-31T12:00:00Z', actor: { type: 'user', ref: 'r-0', name: 'Ada' } },
      disclosed: ['actor.name'],
      hidden: 1,
      refs: ['r-0'],
    })
    expect(viewOf(ENVELOPE, []).hidden).toBe(2)
  })

  test('keeps what this log looked up apart', () => {
    expect(viewOf({ ...ENVELOPE, enriched: ['src.geo'] }, []).event['enriched']).toEqual(['src.geo'])
  })

  test.each([
    ['of another entry', [sealField(SALT, 'actor.name', 'Eve').disclosure]],
    ['twice', [name.disclosure, name.disclosure]],
    ['that is none', ['x']],
  ])('refuses a disclosure %s', (_, disclosures) => {
    expect(codeOf(() => viewOf(ENVELOPE, disclosures))).toBe('not_an_event')
  })

  test('refuses two disclosures of one field, and one of a field that is clear', () => {
    const eve = sealField(SALT, 'actor.name', 'Eve')
    const type = sealField(SALT, 'actor.type', 'service')
    const both = { ...ENVELOPE, _sd: [name.digest, eve.digest, type.digest] }
    expect(codeOf(() => viewOf(both, [name.disclosure, eve.disclosure]))).toBe('not_an_event')
    expect(codeOf(() => viewOf(both, [type.disclosure]))).toBe('not_an_event')
  })
})

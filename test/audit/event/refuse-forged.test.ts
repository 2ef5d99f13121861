// Whoever may append bytes appends nothing that any reader takes for an event, and everything else.
import { expect, test } from 'vitest'
import { glanceEnvelope, parseEnvelope } from '../../../src/audit/event/envelope.ts'
import { refuseForged } from '../../../src/audit/event/refuse-forged.ts'
import { codeOf, utf8 } from '../../support/note-vectors.ts'

const FORGED = { format: 'native', id: 'e', source: 'app', type: 'event', v: 1 }
const TEXT = JSON.stringify(FORGED)
const but = (more: object): string => JSON.stringify({ ...FORGED, ...more })

test.each([
  ...['event', 'raw', 'erasure', 'custody'].map((type): [string, string] => [
    `of type ${type}`,
    but({ type }),
  ]),
  ['in another order', JSON.stringify(Object.fromEntries(Object.entries(FORGED).reverse()))],
  ['with a name twice', TEXT.replace('"id":"e"', '"id":1,"id":"e"')],
  ['with spaces', JSON.stringify(FORGED, undefined, 2)],
  ['with an end of line', `${TEXT}\n`],
  ['with escapes', TEXT.replace('event', '\\u0065vent')],
  ['about persons', but({ refs: ['r-0'] })],
  ['with digests that are none', but({ _sd: ['x'], _sd_alg: 'md5' })],
  ['with members that no event has', but({ actor: 5, time: [], targets: 'x' })],
])('what reads as an envelope %s is refused, and named by its place', (_, entry) => {
  expect(() => refuseForged([utf8('{"a":1}'), utf8(entry), utf8(TEXT)])).toThrow(
    expect.objectContaining({ code: 'forged_event', evidence: { entry: 1 } }),
  )
})

test.each([
  ['nothing', ''],
  ['text', 'event'],
  ['JSON of another kind', '{"v":1,"type":"event"}'],
  ['another version', but({ v: 2 })],
  ['a version as text', but({ v: '1' })],
  ['a type that is none', but({ type: 'events' })],
  ['an id that is none', but({ id: 5 })],
  ['no source', but({ source: undefined })],
  ['names that are none', but({ refs: [0] })],
  ['a list', `[${TEXT}]`],
  ['half of one', TEXT.slice(0, -1)],
  ['one with more after it', `${TEXT}{}`],
  ['one after white space', ` ${TEXT}`],
  ['one after a line', `\n${TEXT}`],
  ['one after a byte order mark', `\ufeff${TEXT}`],
])('%s is bytes like any other, to every reader', (_, entry) => {
  expect(() => refuseForged([utf8(entry)])).not.toThrow()
  expect(glanceEnvelope(utf8(entry))).toBeUndefined()
  expect(codeOf(() => parseEnvelope(utf8(entry)))).toBe('not_an_event')
})

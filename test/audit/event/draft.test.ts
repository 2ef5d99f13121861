import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalText } from '../../../src/audit/event/canonical.ts'
import { sealField } from '../../../src/audit/event/disclosures.ts'
import { draftOf, internalDraft } from '../../../src/audit/event/draft.ts'
import { formatEnvelope, parseEnvelope } from '../../../src/audit/event/envelope.ts'
import { leafFields } from '../../../src/audit/event/fields.ts'
import { DEFAULT_PRIVACY, parsePrivacy, type PrivacyPolicy } from '../../../src/audit/event/privacy.ts'
import {
  type AuditEvent,
  type Disclosure,
  type Draft,
  type Envelope,
  type Incoming,
  type Json,
  type JsonObject,
  MAX_DISCLOSURES,
} from '../../../src/audit/event/types.ts'
import { viewOf } from '../../../src/audit/event/view.ts'
import { arbitraryEvent } from './arbitrary-event.ts'

const SALT = 'AAAAAAAAAAAAAAAAAAAAAA'
const EVENT: AuditEvent = { id: 'e', time: '2026-01-31T12:00:00Z', action: 'a', outcome: 'success' }
const ADA = { id: 'u-1', name: 'Ada', email: 'ada@example.org' }

const incoming = (event: AuditEvent): Incoming & { kind: 'event' } => ({
  kind: 'event',
  format: 'native',
  event,
})
const draft = (event: Partial<AuditEvent>, policy = DEFAULT_PRIVACY) =>
  draftOf(incoming({ ...EVENT, ...event }), 'app', policy)
const pathsOf = ({ personal }: Draft) => personal.map(({ path }) => path)

/** Seals as the vault does, with a salt that is no secret. */
function sealed({ clear, personal, subjects }: Draft): { envelope: Envelope; disclosures: Disclosure[] } {
  const fields = personal.map(({ path, value }) => sealField(SALT, path, value))
  const hidden = fields.map(({ digest }) => digest).sort()
  const envelope = {
    id: '~id',
    ...clear,
    ...(subjects.length > 0 && { refs: subjects.map((_, i) => `ref-${i}`), _sd: hidden, _sd_alg: 'sha-256' }),
  } as unknown as Envelope
  return {
    envelope: parseEnvelope(formatEnvelope(envelope)),
    disclosures: fields.map(({ disclosure }) => disclosure),
  }
}

const paths = leafFields().map(({ path }) => path)
const movable = paths.filter((path) => !['id', 'time', 'action', 'outcome', 'enriched'].includes(path))
const arbitraryPolicy: fc.Arbitrary<PrivacyPolicy> = fc
  .tuple(fc.uniqueArray(fc.constantFrom(...movable, 'params.a', 'extra.a')), fc.nat(50))
  .map(([moved, at]) =>
    parsePrivacy(JSON.stringify({ personal: moved.slice(0, at), clear: moved.slice(at) })),
  )

const withoutRefs = (value: Json): Json => {
  const { actor, targets, ...rest } = value as { [name: string]: JsonObject | JsonObject[] }
  const strip = (party: JsonObject) =>
    Object.fromEntries(Object.entries(party).filter(([name]) => name !== 'ref'))
  const stripped = actor && strip(actor as JsonObject)
  return {
    ...rest,
    ...(stripped && {
      actor: {
        ...stripped,
        ...(stripped['on_behalf_of'] && { on_behalf_of: strip(stripped['on_behalf_of'] as JsonObject) }),
      },
    }),
    ...(targets && { targets: (targets as JsonObject[]).map(strip) }),
  } as Json
}

describe('whatever the event and the policy', () => {
  test('every leaf is clear or personal: what is clear and what is disclosed are the event again', () => {
    fc.assert(
      fc.property(arbitraryEvent, arbitraryPolicy, (event, policy) => {
        const { envelope, disclosures } = sealed(draftOf(incoming(event), 'app', policy))
        const view = viewOf(envelope, disclosures)
        expect(view.hidden).toBe(0)
        const { id: _, ...members } = event
        expect(canonicalText(withoutRefs(view.event))).toBe(canonicalText(members))
      }),
      { numRuns: 1_000 },
    )
  })

  test('no personal value is in the clear', () => {
    // Marks every text of the event, so that each can be told from all others.
    const marked = (value: Json, marks: { count: number }): Json => {
      if (typeof value === 'string') return `mark-${(marks.count += 1)}-`
      if (typeof value !== 'object' || value === null) return value
      if (Array.isArray(value)) return (value as Json[]).map((member) => marked(member, marks))
      return Object.fromEntries(
        Object.entries(value).map(([name, member]) => [name, marked(member as Json, marks)]),
      )
    }
    fc.assert(
      fc.property(arbitraryEvent, arbitraryPolicy, (event, policy) => {
        const { personal, clear } = draftOf(
          incoming(marked(event as Json, { count: 0 }) as unknown as AuditEvent),
          'app',
          policy,
        )
        const text = canonicalText(clear)
        const marks = personal.flatMap(({ value }) => canonicalText(value).match(/mark-\d+-/g) ?? [])
        expect(marks.filter((mark) => text.includes(mark))).toEqual([])
      }),
    )
  })

  test('the order of members plays no part', () => {
    const reversed = (value: Json): Json => {
      if (typeof value !== 'object' || value === null) return value
      if (Array.isArray(value)) return (value as Json[]).map(reversed)
      return Object.fromEntries(
        Object.entries(value)
          .reverse()
          .map(([name, member]) => [name, reversed(member as Json)]),
      )
    }
    fc.assert(
      fc.property(arbitraryEvent, (event) => {
        const [one, other] = [event, reversed(event as Json) as unknown as AuditEvent].map((sent) =>
          draftOf(incoming(sent), 'app', DEFAULT_PRIVACY),
        )
        expect(canonicalText(other!.clear)).toBe(canonicalText(one!.clear))
        expect(canonicalText(other!.personal)).toBe(canonicalText(one!.personal))
        expect(other!.subjects).toEqual(one!.subjects)
        expect(other!.nameless).toEqual(one!.nameless)
      }),
    )
  })
})

describe('whom personal fields are about', () => {
  test('the actor, by the identifier that is sent; and what has no person of its own', () => {
    const { subjects, personal, clear } = draft({
      actor: { ...ADA, type: 'user' },
      src: { ip: '203.0.113.7' },
      message: 'm',
    })
    expect(subjects).toEqual([{ kind: 'actor', id: 'u-1' }])
    expect(personal.map(({ path, subject }) => [path, subject])).toEqual([
      ['actor.id', 0],
      ['actor.name', 0],
      ['actor.email', 0],
      ['src.ip', 0],
      ['message', 0],
    ])
    expect(clear['actor']).toEqual({ type: 'user', ref: 0 })
  })

  test.each<[string, AuditEvent['actor'], string]>([
    ['id', { name: 'n', email: 'e', id: 'i' }, 'i'],
    ['email', { name: 'n', email: 'e' }, 'e'],
    ['name', { name: 'n' }, 'n'],
  ])('by %s', (_, actor, id) => {
    expect(draft({ actor }).subjects).toEqual([{ kind: 'actor', id }])
  })

  test('a service is no person: its names are clear, and the address has the rest', () => {
    const { subjects, clear, personal } = draft({
      actor: { ...ADA, type: 'Service' },
      src: { ip: '203.0.113.7' },
    })
    expect(clear['actor']).toEqual({ ...ADA, type: 'Service' })
    expect(subjects).toEqual([{ kind: 'ip', id: '203.0.113.7' }])
    expect(personal).toEqual([{ subject: 0, path: 'src.ip', value: '203.0.113.7' }])
  })

  test('without person or address the source has it', () => {
    expect(draft({ message: 'm' }).subjects).toEqual([{ kind: 'source', id: 'app' }])
  })

  test('whom it was done for, and to, are persons of their own; the same person is one subject', () => {
    const { subjects, personal, clear } = draft({
      actor: { id: 'svc', type: 'service', on_behalf_of: { id: 'u-1' } },
      targets: [
        { id: 'd', type: 'document', name: 'Letter' },
        { id: 'u-2', type: 'user', name: 'Bob' },
        { id: 'u-1', type: 'user' },
      ],
    })
    expect(subjects).toEqual([
      { kind: 'source', id: 'app' },
      { kind: 'actor', id: 'u-1' },
      { kind: 'actor', id: 'u-2' },
    ])
    expect(personal.map(({ path, subject }) => [path, subject])).toEqual([
      ['actor.on_behalf_of.id', 1],
      ['targets.0.name', 0],
      ['targets.1.id', 2],
      ['targets.1.name', 2],
      ['targets.2.id', 1],
    ])
    expect(clear['actor']).toEqual({ id: 'svc', type: 'service', on_behalf_of: { ref: 1 } })
    expect(clear['targets']).toEqual([
      { id: 'd', type: 'document' },
      { type: 'user', ref: 2 },
      { type: 'user', ref: 1 },
    ])
  })

  test('nobody, when nothing is personal', () => {
    expect(draft({ severity: 9 })).toEqual({
      clear: { ...EVENT, severity: 9, v: 1, type: 'event', source: 'app', format: 'native' },
      personal: [],
      subjects: [],
    })
  })
})

test('the default policy keeps what issues and searches need, and nothing else of persons', () => {
  const clear = [...DEFAULT_PRIVACY.rules].filter(([, rule]) => rule === 'clear').map(([path]) => path)
  expect(clear).toEqual([
    'id',
    'time',
    'observed_time',
    'action',
    'outcome',
    'actor.type',
    'actor.on_behalf_of.type',
    'targets[].type',
    'http.method',
    'http.path',
    'http.status',
    'http.host',
    'auth.method',
    'auth.mfa',
    'auth.session_id',
    'auth.event_id',
    'trace_id',
    'span_id',
    'correlation_id',
    'causation_id',
    'severity',
    'service.name',
    'service.version',
    'enriched',
  ])
})

test('members of params and extra are personal one by one', () => {
  expect(pathsOf(draft({ params: { b: 1, a: [2] }, extra: { 'x.y': 1 } }))).toEqual([
    'params.a',
    'params.b',
    'extra.x.y',
  ])
  expect(pathsOf(draft({ params: [1, 2] }))).toEqual(['params'])
  expect(pathsOf(draft({ params: {}, extra: {} }))).toEqual(['params', 'extra'])
})

test('an event without an id is named by all of it', () => {
  const { id: _, ...event } = EVENT
  const nameless = draftOf(incoming(event), 'app', DEFAULT_PRIVACY)
  expect(Buffer.from(nameless.nameless ?? []).toString()).toBe(canonicalText(event))
  expect(nameless.clear).not.toHaveProperty('id')
  expect(draft({})).not.toHaveProperty('nameless')
})

test('the verdict on a signature is clear, what would confirm a guess is personal', () => {
  const signed = draftOf(
    { ...incoming(EVENT), signature: { result: 'passed', alg: 'ES256' }, evidence: { value: 'abc' } },
    'app',
    DEFAULT_PRIVACY,
  )
  expect(signed.clear['signature']).toEqual({ result: 'passed', alg: 'ES256' })
  expect(signed.personal).toEqual([{ subject: 0, path: 'evidence', value: { value: 'abc' } }])
  const long = 'x'.repeat(100_000)
  const hostile = draftOf(
    { ...incoming(EVENT), signature: { result: 'unsupported', alg: long } },
    'app',
    DEFAULT_PRIVACY,
  )
  expect(canonicalText(hostile.clear).length).toBeLessThan(1_000)
  expect(hostile.personal[0]?.value).toEqual({ signature: { result: 'unsupported', alg: long } })
})

describe('what is too much for an entry is personal, and the event is whole', () => {
  const roundTrip = (event: AuditEvent, policy = DEFAULT_PRIVACY) => {
    const { envelope, disclosures } = sealed(draftOf(incoming(event), 'app', policy))
    expect(disclosures.length).toBeLessThanOrEqual(MAX_DISCLOSURES)
    const { id: _, ...members } = event
    expect(canonicalText(withoutRefs(viewOf(envelope, disclosures).event))).toBe(canonicalText(members))
    return envelope
  }

  test('with more members than there is room for digests', () => {
    const many = Object.fromEntries(Array.from({ length: 3_000 }, (_, i) => [`m${i}`, i]))
    expect(roundTrip({ ...EVENT, extra: many })._sd).toHaveLength(1)
    expect(roundTrip({ ...EVENT, params: many, extra: many })._sd).toHaveLength(2)
  })

  test('with the longest clear fields there are', () => {
    const longest = (max: number) => '\u0001'.repeat(max)
    const envelope = roundTrip({
      ...EVENT,
      id: longest(256),
      action: longest(256),
      targets: Array.from({ length: 64 }, () => ({ id: longest(512), type: longest(64) })),
      http: { path: longest(4_096), host: longest(256) },
      trace_id: longest(128),
    })
    expect(envelope['action']).toBe(longest(256))
    expect(envelope['trace_id']).toBe(longest(128))
  })

  test('with a policy that keeps large ones clear', () => {
    const all = parsePrivacy(JSON.stringify({ clear: movable }))
    const envelope = roundTrip(
      { ...EVENT, message: 'm'.repeat(60_000), params: { a: 'p'.repeat(30_000) } },
      all,
    )
    expect(envelope).not.toHaveProperty('message')
    expect(envelope['params']).toEqual({ a: 'p'.repeat(30_000) })
  })
})

test('a raw record is its own subject, and in the clear there is only why and how large', () => {
  const raw: Incoming = {
    kind: 'raw',
    format: 'hec',
    raw: '{"x',
    size: 3,
    reason: { code: 'not_json', message: 'This is not JSON.' },
  }
  const { clear, personal, subjects, nameless } = draftOf(raw, 'app', DEFAULT_PRIVACY)
  expect(clear).toEqual({ v: 1, type: 'raw', source: 'app', format: 'hec', reason: 'not_json', size: 3 })
  expect(personal).toEqual([{ subject: 0, path: 'raw', value: '{"x' }])
  expect(subjects).toEqual([{ kind: 'raw', id: expect.stringMatching(/^[0-9a-f]{64}$/) as string }])
  expect(Buffer.from(nameless ?? []).toString()).toBe('{"raw":"{\\"x","size":3}')
})

test('what this log writes itself has nothing personal, and cannot say that it is something else', () => {
  expect(internalDraft('erasure', 'er-1', '_', { type: 'event', basis: 'art. 17', v: 9 })).toEqual({
    clear: { v: 1, type: 'erasure', id: 'er-1', source: '_', format: 'internal', basis: 'art. 17' },
    personal: [],
    subjects: [],
  })
})

describe('a privacy policy', () => {
  test('moves fields, groups and single members either way', () => {
    const policy = parsePrivacy(
      '{"personal":["http","auth.session_id","params.secret"],"clear":["params","src.geo","http.method"]}',
    )
    expect(
      pathsOf(
        draft(
          {
            http: { method: 'GET', path: '/', status: 200 },
            auth: { method: 'm', session_id: 's' },
            src: { ip: 'i', geo: { country: 'DE' } },
            params: { secret: 1, open: 2 },
          },
          policy,
        ),
      ),
    ).toEqual(['src.ip', 'http.path', 'http.status', 'params.secret', 'auth.session_id'])
  })

  test('may be empty', () => {
    expect(parsePrivacy('{}')).toEqual(DEFAULT_PRIVACY)
  })

  test.each([
    ['no JSON', '{'],
    ['no object', '[]'],
    ['another member', '{"private":[]}'],
    ['no list', '{"personal":"src"}'],
    ['no texts', '{"clear":[1]}'],
    ['an unknown field', '{"personal":["actor.phone"]}'],
    ['an element of a list', '{"personal":["targets.0.id"]}'],
    ['nothing of params', '{"personal":["params."]}'],
    ['a prefix that is no group', '{"personal":["sr"]}'],
    ['a path in both', '{"personal":["src"],"clear":["src"]}'],
    ['the id', '{"personal":["id"]}'],
    ['the evidence', '{"clear":["evidence"]}'],
  ])('with %s is refused', (_, text) => {
    expect(() => parsePrivacy(text)).toThrow(/Not a privacy policy: /)
  })
})

test('what the schema does not know of another person is about that person, not about who acts', () => {
  const { personal, subjects } = draftOf(
    incoming({
      ...EVENT,
      actor: { ...ADA, on_behalf_of: { id: 'grace', type: 'user' } },
      targets: [
        { id: 'd-7', type: 'document' },
        { id: 'alan', type: 'user' },
      ],
      extra: {
        'targets.0.title': 'Bombe',
        'targets.1.email': 'alan@example.org',
        'actor.on_behalf_of.phone': '7',
        'targets.x': 0,
        'targets.9.y': 0,
      },
    }),
    'app',
    DEFAULT_PRIVACY,
  )
  const owners = personal
    .filter(({ path }) => path.startsWith('extra.'))
    .map(({ path, subject }) => [path, subjects[subject]?.id])
  expect(owners).toEqual([
    ['extra.actor.on_behalf_of.phone', 'grace'],
    ['extra.targets.0.title', ADA.id],
    ['extra.targets.1.email', 'alan'],
    ['extra.targets.9.y', ADA.id],
    ['extra.targets.x', ADA.id],
  ])
})

test('members of params belong to whom the door says that they are about', () => {
  const about = { kind: 'source', id: 'sought' } as const
  const { personal, subjects } = draftOf(
    { ...incoming({ ...EVENT, actor: ADA, params: { a: 1, b: 2 } }), owners: new Map([['params.b', about]]) },
    'app',
    DEFAULT_PRIVACY,
  )
  const owners = personal.map(({ path, subject }) => [path, subjects[subject]?.id])
  expect(owners).toContainEqual(['params.a', ADA.id])
  expect(owners).toContainEqual(['params.b', 'sought'])
})

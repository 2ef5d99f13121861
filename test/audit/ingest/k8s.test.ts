import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { AuditError } from '../../../src/audit/event/errors.ts'
import { parseEventList } from '../../../src/audit/ingest/k8s.ts'
import { MAX_EVENTS } from '../../../src/audit/ingest/native.ts'

const bytes = (text: string) => new TextEncoder().encode(text)
const textOf = (body: Uint8Array) => Buffer.from(body).toString('utf8')
const list = (...items: readonly object[]) =>
  bytes(JSON.stringify({ kind: 'EventList', apiVersion: 'audit.k8s.io/v1', metadata: {}, items }))

// As kube-apiserver sends it at level RequestResponse.
const CREATE_POD = {
  level: 'RequestResponse',
  auditID: '7d5b4a3e-7c3a-4f39-9a54-2a5b8a4c1f1e',
  stage: 'ResponseComplete',
  requestURI: '/api/v1/namespaces/shop/pods?fieldManager=kubectl-create&fieldValidation=Strict',
  verb: 'create',
  user: {
    username: 'alice@example.com',
    uid: '1234',
    groups: ['dev', 'system:authenticated'],
    extra: { 'authentication.kubernetes.io/credential-id': ['X509SHA256=ab12'] },
  },
  sourceIPs: ['203.0.113.66', '10.0.0.9'],
  userAgent: 'kubectl/v1.31.0 (linux/amd64) kubernetes/9edcffc',
  objectRef: { resource: 'pods', namespace: 'shop', name: 'web-0', apiVersion: 'v1' },
  responseStatus: { metadata: {}, code: 201 },
  requestObject: { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'web-0' } },
  responseObject: { kind: 'Pod', apiVersion: 'v1', metadata: { name: 'web-0', uid: 'u-1' } },
  requestReceivedTimestamp: '2026-01-31T12:00:00.100000Z',
  stageTimestamp: '2026-01-31T12:00:00.123456Z',
  annotations: { 'authorization.k8s.io/decision': 'allow', 'authorization.k8s.io/reason': 'RBAC: …' },
}

const eventOf = (item: object) => {
  const [one] = parseEventList(list(item)).incoming
  if (one?.kind !== 'event') throw new Error(`quarantined: ${one?.reason.message}`)
  return one.event
}

describe('an Event of kube-apiserver', () => {
  test('is mapped, and nothing of it is lost', () => {
    expect(eventOf(CREATE_POD)).toEqual({
      id: '7d5b4a3e-7c3a-4f39-9a54-2a5b8a4c1f1e/ResponseComplete',
      correlation_id: '7d5b4a3e-7c3a-4f39-9a54-2a5b8a4c1f1e',
      time: '2026-01-31T12:00:00.123456Z',
      action: 'k8s.pods.create',
      outcome: 'success',
      actor: { id: 'alice@example.com', type: 'user' },
      targets: [{ type: 'pods', id: 'shop/web-0' }],
      src: { ip: '10.0.0.9' },
      http: {
        path: '/api/v1/namespaces/shop/pods',
        query: 'fieldManager=kubectl-create&fieldValidation=Strict',
        status: 201,
        user_agent: 'kubectl/v1.31.0 (linux/amd64) kubernetes/9edcffc',
      },
      auth: { token_id: 'X509SHA256=ab12' },
      params: { requestObject: CREATE_POD.requestObject, responseObject: CREATE_POD.responseObject },
      extra: {
        level: 'RequestResponse',
        stage: 'ResponseComplete',
        user: { uid: '1234', groups: CREATE_POD.user.groups, extra: CREATE_POD.user.extra },
        objectRef: { resource: 'pods', namespace: 'shop', apiVersion: 'v1' },
        responseStatus: { metadata: {} },
        requestReceivedTimestamp: '2026-01-31T12:00:00.100000Z',
        annotations: CREATE_POD.annotations,
        forwarded_for: ['203.0.113.66'],
      },
    })
  })

  test.each([
    [{ code: 200 }, 'ResponseStarted', 'success'],
    [{ code: 304 }, 'ResponseComplete', 'success'],
    [{ code: 403 }, 'ResponseComplete', 'failure'],
    [{ code: 500 }, 'Panic', 'failure'],
    [undefined, 'Panic', 'failure'],
    [undefined, 'RequestReceived', 'unknown'],
    [{ metadata: {} }, 'ResponseComplete', 'unknown'],
  ])('status %j at %s: %s', (responseStatus, stage, outcome) => {
    expect(eventOf({ ...CREATE_POD, responseStatus, stage }).outcome).toBe(outcome)
  })

  test.each([
    ['system:serviceaccount:kube-system:replicaset-controller', 'service'],
    ['system:apiserver', 'system'],
    ['system:anonymous', 'system'],
    ['alice', 'user'],
  ])('%s is a %s', (username, type) => {
    expect(eventOf({ ...CREATE_POD, user: { username } }).actor).toEqual({ id: username, type })
  })

  test('who impersonates is the actor, and whom is said', () => {
    const impersonatedUser = { username: 'bob', groups: ['ops'] }
    const event = eventOf({ ...CREATE_POD, impersonatedUser })
    expect(event.actor).toEqual({
      id: 'alice@example.com',
      type: 'user',
      on_behalf_of: { id: 'bob', type: 'user' },
    })
    expect(event.extra?.['impersonatedUser']).toEqual({ groups: ['ops'] })
  })

  test.each([
    [
      { resource: 'pods', subresource: 'exec', namespace: 'a', name: 'p' },
      'get',
      'k8s.pods.exec.get',
      { type: 'pods', id: 'a/p' },
    ],
    [
      { resource: 'deployments', apiGroup: 'apps', namespace: 'a', name: 'd' },
      'patch',
      'k8s.deployments.patch',
      { type: 'deployments.apps', id: 'a/d' },
    ],
    [{ resource: 'nodes', name: 'n' }, 'delete', 'k8s.nodes.delete', { type: 'nodes', id: 'n' }],
    [{ resource: 'pods' }, 'list', 'k8s.pods.list', { type: 'pods' }],
  ])('%j by %s is %s', (objectRef, verb, action, target) => {
    const event = eventOf({ ...CREATE_POD, objectRef, verb, responseObject: undefined })
    expect(event.action).toBe(action)
    expect(event.targets).toEqual([target])
  })

  test('a request for no resource has a path and no target', () => {
    const event = eventOf({ ...CREATE_POD, objectRef: undefined, verb: 'get', requestURI: '/healthz' })
    expect(event.action).toBe('k8s.nonresource.get')
    expect(event.targets).toBeUndefined()
    expect(event.http).toMatchObject({ path: '/healthz' })
  })

  test('a name that the server made up is the target', () => {
    const objectRef = { resource: 'pods', namespace: 'shop' }
    expect(eventOf({ ...CREATE_POD, objectRef }).targets).toEqual([{ type: 'pods', id: 'shop/web-0' }])
  })

  test('objects that are too large leave a marker with their size, and the event stays', () => {
    const event = eventOf({ ...CREATE_POD, requestObject: { data: 'x'.repeat(200_000) } })
    expect(event.params).toEqual({
      requestObject: { left_out: 'too large', size: 200_011 },
      responseObject: { left_out: 'too large', size: JSON.stringify(CREATE_POD.responseObject).length },
    })
  })
})

describe('secrets are never kept', () => {
  const SECRET = 'aHVudGVyMg=='
  const secret = { kind: 'Secret', apiVersion: 'v1', metadata: { name: 's' }, data: { password: SECRET } }
  const holds = (body: Uint8Array) => {
    const { incoming } = parseEventList(body)
    expect(incoming).toHaveLength(1)
    return JSON.stringify(incoming).includes(SECRET)
  }

  test('the guard sees a secret that is there', () => {
    expect(holds(list({ ...CREATE_POD, requestObject: { kind: 'ConfigMap', data: { a: SECRET } } }))).toBe(
      true,
    )
  })

  test.each([
    ['secrets', { resource: 'secrets', namespace: 'a', name: 's' }, { data: { password: SECRET } }],
    [
      'token reviews',
      { resource: 'tokenreviews', apiGroup: 'authentication.k8s.io' },
      { spec: { token: SECRET } },
    ],
    [
      'token requests',
      { resource: 'serviceaccounts', subresource: 'token', name: 'a' },
      { status: { token: SECRET } },
    ],
    ['secrets of another name', { resource: 'sealedthings' }, secret],
    ['lists of them', { resource: 'things' }, { kind: 'SecretList', items: [secret] }],
  ])('%s', (_, objectRef, object) => {
    for (const part of [{ requestObject: object, responseObject: undefined }, { responseObject: object }]) {
      const item = { ...CREATE_POD, objectRef, ...part }
      expect(holds(list(item))).toBe(false)
      expect(JSON.stringify(eventOf(item).params)).toContain('{"left_out":"secret"}')
    }
  })

  test.each([
    [
      'an event that is none',
      (json: string) => json.replace('"stageTimestamp":"2026', '"stageTimestamp":"then'),
    ],
    ['a name that is there twice', (json: string) => json.replace('"level"', '"auditID":"x","level"')],
    ['half a surrogate pair', (json: string) => json.replace('"verb":"create"', '"verb":"\\ud800"')],
    [
      'an escaped name',
      (json: string) =>
        json.replace('"requestObject"', '"request\\u004fbject"').replace('"level"', '"auditID":"x","level"'),
    ],
    ['an item that is no JSON', (json: string) => json.replace('"level"', 'level')],
    [
      'an item that is an array',
      (json: string) => json.replace('[{"level"', '[[{"level"').replace('}]}', '}]]}'),
    ],
  ])('not even when the item is quarantined: %s', (_, damage) => {
    const body = textOf(
      list({
        ...CREATE_POD,
        objectRef: { resource: 'secrets' },
        requestObject: secret,
        responseObject: secret,
      }),
    )
    const damaged = damage(body)
    expect(damaged).not.toBe(body)
    expect(parseEventList(bytes(damaged)).incoming).toMatchObject([{ kind: 'raw' }])
    expect(holds(bytes(damaged))).toBe(false)
  })
})

/** How many items, or -1 when the list was refused. */
const itemsOf = (body: Uint8Array) => {
  try {
    return parseEventList(body).incoming.length
  } catch (error) {
    if (error instanceof AuditError) return -1
    throw error
  }
}

describe('the list', () => {
  test('every item is a record, in order; a bad one is quarantined, even alone', () => {
    const items = [CREATE_POD, { level: 'Metadata' }, { ...CREATE_POD, auditID: 'second' }]
    const parsed = parseEventList(list(...items))
    expect(parsed.single).toBe(false)
    expect(
      parsed.incoming.map((one) => (one.kind === 'event' ? one.event.correlation_id : one.reason.code)),
    ).toEqual([CREATE_POD.auditID, 'invalid_event', 'second'])
    expect(parseEventList(list({ level: 'Metadata' }))).toMatchObject({
      single: false,
      incoming: [{ kind: 'raw', raw: '{"level":"Metadata"}' }],
    })
  })

  test('one Event by itself is fine', () => {
    const body = bytes(JSON.stringify({ kind: 'Event', apiVersion: 'audit.k8s.io/v1', ...CREATE_POD }))
    expect(parseEventList(body).incoming).toEqual(parseEventList(list(CREATE_POD)).incoming)
  })

  test.each(['[]', 'null'])('no items (%s), no events', (items) => {
    const body = `{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":${items}}`
    expect(parseEventList(bytes(body))).toEqual({ incoming: [], single: false })
  })

  test.each([
    '',
    '[]',
    '{}',
    '{"kind":"EventList","apiVersion":"audit.k8s.io/v1beta1","items":[]}',
    '{"kind":"PodList","apiVersion":"audit.k8s.io/v1","items":[]}',
    '{"kind":"EventList","apiVersion":"audit.k8s.io/v1"}',
    '{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":{}}',
    '{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[],"items":[]}',
    '{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[{}]',
    '{"kind":"EventList","apiVersion":"audit.k8s.io/v1","items":[]} and more',
  ])('%s is refused', (body) => {
    expect(() => parseEventList(bytes(body))).toThrow(expect.objectContaining({ code: 'invalid_event_list' }))
  })

  test('there is a limit to the events of one request', () => {
    expect(() => parseEventList(list(...Array.from({ length: MAX_EVENTS + 1 }, () => ({}))))).toThrow(
      expect.objectContaining({ code: 'too_many_events' }),
    )
  })

  test('whatever bytes come, they are refused or kept, each item in its place', () => {
    const whole = list(CREATE_POD, CREATE_POD, CREATE_POD)
    fc.assert(
      fc.property(fc.nat({ max: whole.length - 1 }), fc.nat({ max: 255 }), (at, byte) => {
        const damaged = Uint8Array.from(whole)
        damaged[at] = byte
        expect(itemsOf(damaged)).not.toBe(0)
      }),
      { numRuns: 1_000 },
    )
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 100 }), (body) => {
        expect(() => parseEventList(body)).toThrow(AuditError)
      }),
    )
  })
})

// The bytes of entries, ids, salts and digests, pinned: a producer that sends an event again must get its first index, whichever
// version of this code took it in the first time. A change of any of these hashes is a change of the format.
import { createHash, hash } from 'node:crypto'
import { expect, test } from 'vitest'
import { draftOf } from '../../../src/audit/event/draft.ts'
import { DEFAULT_PRIVACY, parsePrivacy, type PrivacyPolicy } from '../../../src/audit/event/privacy.ts'
import type { Incoming, Subject } from '../../../src/audit/event/types.ts'
import { parseHec } from '../../../src/audit/ingest/hec.ts'
import { parseEventList } from '../../../src/audit/ingest/k8s.ts'
import { parseNative } from '../../../src/audit/ingest/native.ts'
import { parseOtlpLogs } from '../../../src/audit/ingest/otlp.ts'
import { bindingOf, sealDraft } from '../../../src/audit/vault/seal.ts'
import { deriveSubjectKey, type SubjectKey } from '../../../src/audit/vault/subject-key.ts'
import { openBytes } from '../../../src/audit/vault/wrap.ts'
import { hashLeaf } from '../../../src/core/hash.ts'
import { encodeProtobuf, type Request_ } from '../ingest/otlp-encode.ts'

const STRICTER = parsePrivacy(
  '{"personal":["targets","trace_id","service"],"clear":["src.port","params.amount"]}',
)
const TEXTS = [
  '',
  'a',
  'x".\\/\n\u0000\u001f\u007f',
  'Grüße, Ada',
  '日本語 😀 \u2028',
  '12:30:00',
  'x'.repeat(300),
]
const TIMES = [
  '2026-11-25T10:00:00Z',
  '2026-11-25T10:00:00.120Z',
  '2026-11-25t11:30:00.123456789+01:30',
  '1969-12-31 23:59:60.5z',
  '2024-02-29T00:00:00.0000000001Z',
  0,
  1_700_000_000.123,
  1_700_000_000_123,
  -5,
  '1700000000123456789',
  '2023-02-29T00:00:00Z',
  '2026-11-25T24:00:00Z',
]

/** One event after the other, each with other members, the members in another order, and other texts in them. */
function* natives(): Generator<object> {
  for (let i = 0; i < 400; i++) {
    const text = (n: number): string => `${TEXTS[(i * 7 + n) % TEXTS.length]}${(i * n) % 11}`
    const party = { id: text(1), type: ['user', 'service', 'System', 'USER', 'role'][i % 5], name: text(2) }
    const members: Record<string, unknown> = {
      id: i % 3 === 0 ? undefined : `event-${i}`,
      time: TIMES[i % TIMES.length],
      observed_time: i % 4 === 0 ? TIMES[(i * 5) % TIMES.length] : undefined,
      action: i % 29 === 0 ? '' : `document.${text(3)}`,
      outcome: ['success', 'failure', 'unknown', 'denied', undefined, null][i % 6],
      actor: i % 7 === 0 ? undefined : { ...party, email: i % 2 ? text(4) : undefined },
      targets:
        i % 2 ? [party, { id: text(5), type: 'user', department: text(1) }, {}].slice(i % 3) : undefined,
      src:
        i % 3
          ? { ip: `10.0.0.${i % 256}`, port: i, host: text(2), geo: { city: text(4) } }
          : i % 2
            ? {}
            : undefined,
      http:
        i % 4 ? { method: 'GET', path: text(6), status: i, user_agent: text(3), query: text(2) } : undefined,
      params: [undefined, { amount: i, b: [text(1), { c: null }], a: text(2) }, [1.5, -0, 1e21], 'text', {}][
        i % 5
      ],
      device: i % 6 === 0 ? { id: text(1), managed: true, posture: { os: text(2) } } : undefined,
      auth:
        i % 5 === 0
          ? { method: 'saml', mfa: i % 2 === 0, session_id: text(3), token_id: text(4) }
          : undefined,
      trace_id: i % 2 ? '4bf92f3577b34da6a3ce929d0e0e4736' : undefined,
      severity: i % 30 === 0 ? undefined : i % 30,
      service: { name: 'billing', version: text(1) },
      message: i % 3 === 0 ? text(5) : undefined,
      extra: i % 8 === 0 ? { z: i, 'a.b': text(1), constructor: text(2), '': null } : undefined,
      [`own_${i % 10}`]: i % 9 === 0 ? { deep: [[[text(1)]]] } : undefined,
    }
    if (i % 11 === 0)
      members['actor'] = { ...party, on_behalf_of: { id: text(8), name: text(9), type: 'user' } }
    const names = Object.keys(members)
    yield Object.fromEntries(
      names.map((_, at) => names[(at * 5 + i) % names.length]!).map((name) => [name, members[name]]),
    )
  }
}

const ODD = [
  '{"time":0,"action":"a","id":"1","id":"2"}',
  '{"time":0,"action":"a","params":{"x":1,"\\u0078":2}}',
  '{"time":0,"action":"a","message":"\\ud800"}',
  '{"time":0,"action":"a","message":"\\u003a\\ud83d\\ude00"}',
  '{"time":0,"action":"a","params":12345678901234567890}',
  '{"time":0,"action":"a","params":1e400}',
  '{"time":0,"action":"a","params":1e20,"__proto__":{"x":1},"extra":{"__proto__":2}}',
  `{"time":0,"action":"a","params":${'['.repeat(40)}${']'.repeat(40)}}`,
  `{"time":0,"action":"a","params":"${'y'.repeat(40_000)}","http":{"path":"/"},"correlation_id":"c"}`,
  `{"time":0,"action":"a","extra":{${Array.from({ length: 600 }, (_, i) => `"m${i}":${i}`).join()}}}`,
  `{"time":0,"action":"a","targets":[${Array.from({ length: 64 }, (_, i) => `{"id":"${'ü'.repeat(500)}${i}"}`).join()}]}`,
  '{"message":"{\\"time\\":1,\\"action\\":\\"inner\\"}","date":5}',
  '{"log":"plain","timestamp":"2026-01-01T00:00:00Z","host":"h"}',
  '{"action":"org.add","@timestamp":1700000000000,"actor":"octo","_document_id":"d","actor_ip":"192.0.2.1"}',
  '{"class_uid":3002,"time":1700000000000,"metadata":{"uid":"u"},"user":{"uid":"7","name":"Ada"},"status_id":1}',
  '{"no":"event"}',
  '[]',
  'not json',
  '{"time":0,"action":"a"',
]

function allIncoming(): Record<string, readonly Incoming[]> {
  const lines = [...natives()].map((event) => JSON.stringify(event))
  const escaped = lines.map((line) =>
    line.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`),
  )
  const native = (text: string, type = 'application/x-ndjson') => [
    ...parseNative(Buffer.from(text), type).incoming,
  ]
  const otlp = otlpRequest()
  return {
    lines: native(lines.join('\n')),
    array: native(`[${escaped.join(' , ')}]`, 'application/json'),
    odd: native(ODD.join('\n')),
    'not utf-8': [
      ...parseNative(
        Buffer.from('{"time":0,"action":"a\xff"}\n{"time":0,"action":"b"}', 'latin1'),
        'application/jsonl',
      ).incoming,
    ],
    'otlp protobuf': [...parseOtlpLogs(encodeProtobuf(otlp), 'protobuf').incoming],
    hec: parseHec(
      Buffer.from(
        lines
          .slice(0, 60)
          .map((line) => `{"time":1.5,"host":"h","event":${line}}`)
          .join(''),
      ),
    ).incoming,
    k8s: parseEventList(Buffer.from(JSON.stringify(AUDIT_LIST))).incoming,
  }
}

const AUDIT_LIST = {
  kind: 'EventList',
  apiVersion: 'audit.k8s.io/v1',
  items: Array.from({ length: 12 }, (_, i) => ({
    level: 'Metadata',
    auditID: `audit-${i}`,
    stage: 'ResponseComplete',
    requestURI: `/api/v1/namespaces/default/pods/p${i}?watch=1`,
    verb: ['get', 'create', 'delete'][i % 3],
    user: { username: i % 2 ? 'ada' : 'system:serviceaccount:kube-system:job', groups: ['g'] },
    sourceIPs: ['192.0.2.1'],
    userAgent: 'kubectl',
    objectRef: { resource: 'pods', namespace: 'default', name: `p${i}` },
    responseStatus: { code: 200 + i },
    requestReceivedTimestamp: '2026-11-25T10:00:00.123456Z',
    stageTimestamp: '2026-11-25T10:00:01.000000Z',
  })),
}

function otlpRequest(): Request_ {
  const attribute = (key: string, value: string) => ({ key, value: { stringValue: value } })
  return {
    resourceLogs: [
      {
        resource: { attributes: [attribute('service.name', 'billing'), attribute('cloud.region', 'eu')] },
        scopeLogs: [
          {
            scope: { name: 'lib', version: '1' },
            logRecords: Array.from({ length: 60 }, (_, i) => ({
              timeUnixNano: String(1_795_000_000_123_456_789n + BigInt(i) * 250_000_000n),
              observedTimeUnixNano: i % 3 ? String(1_795_000_001_000_000_000n) : '0',
              severityNumber: i % 26,
              severityText: i % 2 ? 'INFO' : '',
              body: [
                { stringValue: `body ${TEXTS[i % 7]}` },
                { kvlistValue: { values: [attribute('k', 'v')] } },
                { intValue: '7' },
              ][i % 3]!,
              traceId: Buffer.alloc(i % 4 ? 16 : 0, i),
              spanId: Buffer.alloc(i % 5 ? 8 : 0, i),
              eventName: i % 3 ? 'login' : '',
              attributes: [
                ...(i % 4 ? [attribute('audit.record.id', `r${i}`)] : []),
                attribute('audit.action', 'document.read'),
                attribute('audit.outcome', i % 2 ? 'success' : 'odd'),
                attribute('audit.actor.id', TEXTS[(i + 1) % 7]!),
                ...(i % 2
                  ? [attribute('audit.actor.type', 'service')]
                  : [attribute('user.id', 'ada'), attribute('user.name', 'Ada')]),
                attribute('audit.target.id', `document-${i}`),
                attribute('client.address', i % 2 ? '192.0.2.9' : 'host.example'),
                { key: 'http.response.status_code', value: { intValue: '204' } },
                { key: 'big', value: { intValue: '9223372036854775807' } },
                ...(i % 9 ? [] : [attribute('twice', '1'), attribute('twice', '2')]),
              ],
            })),
          },
        ],
      },
    ],
  } as Request_
}

function keyOf({ kind, id }: Subject): SubjectKey {
  const key = hash('sha256', `key of ${kind} ${id}`, 'buffer')
  return deriveSubjectKey(1, key.toString('base64url').slice(0, 22), key)
}

/** All that is kept of a record: its entry and, per subject, the texts that were encrypted. */
function keptOf(incoming: readonly Incoming[], policy: PrivacyPolicy): string {
  const all = createHash('sha256')
  const add = (bytes: Uint8Array): void => {
    all.update(`${bytes.length}:`).update(bytes)
  }
  for (const one of incoming) {
    const draft = draftOf(one, 'sender', policy)
    const keys = draft.subjects.map(keyOf)
    const { entry, sidecars } = sealDraft(7, draft, keys)
    add(entry)
    let next = 0
    for (const [i, key] of keys.entries()) {
      if (!draft.personal.some(({ subject }) => subject === i)) continue
      add(openBytes(key.sealing, sidecars[next++]!.sealed, bindingOf(7, hashLeaf(entry))))
    }
    expect(next).toBe(sidecars.length)
  }
  return all.digest('hex')
}

test('the same records give the same entries and disclosures as ever', () => {
  const found = Object.entries(allIncoming()).flatMap(([name, incoming]) => [
    [
      name,
      incoming.length,
      incoming.filter(({ kind }) => kind === 'raw').length,
      keptOf(incoming, DEFAULT_PRIVACY),
    ],
    [`${name}, stricter`, incoming.length, 0, keptOf(incoming, STRICTER)],
  ])
  expect(found).toMatchInlineSnapshot(`
    [
      [
        "lines",
        400,
        127,
        "8314e2d1541770a71da266178f21e4eedc469e351e887191218edca20a2fba14",
      ],
      [
        "lines, stricter",
        400,
        0,
        "42c8dda511e68acccc5cc1b8050790a4a6f6cf62282e778f325a84730f424308",
      ],
      [
        "array",
        400,
        127,
        "554716bf603feed5f992f822ae5402667332ba683540fccb7c45b45834a2b278",
      ],
      [
        "array, stricter",
        400,
        0,
        "f6a55e33214b58c7796799ae4975d4c6e4c3610428c35ffcc4d807030560ec58",
      ],
      [
        "odd",
        19,
        9,
        "c110d63d084a834e87621117a4513c0ea0dc6a835fcb1d8714c022cce0f2499f",
      ],
      [
        "odd, stricter",
        19,
        0,
        "0c2b3b3f96a3859739b562cc32b57bbed53e602649cfcb799cd76bb5d57e93cd",
      ],
      [
        "not utf-8",
        2,
        1,
        "1c2b5d033b24dd7e40a9607f77788f2d4bddae79271d08ce1f378e1ea34f643b",
      ],
      [
        "not utf-8, stricter",
        2,
        0,
        "1c2b5d033b24dd7e40a9607f77788f2d4bddae79271d08ce1f378e1ea34f643b",
      ],
      [
        "otlp protobuf",
        60,
        7,
        "dc95d8e25310ff4ab28422afcb017118e3de02e1b65fb4280dc5e3af85638854",
      ],
      [
        "otlp protobuf, stricter",
        60,
        0,
        "7ebece826a41f0a18cddec730eeb660f6386620d304e051e3927d66518ab1d6a",
      ],
      [
        "hec",
        60,
        19,
        "f7564aaebd145fd00a903a3674420989fdff9ad173ae2fbcc640d7c3f79471ca",
      ],
      [
        "hec, stricter",
        60,
        0,
        "cec62550c94bf9f31df425f901ae05569f8b55224c61548f1bf62a1793e16c63",
      ],
      [
        "k8s",
        12,
        0,
        "6e7d47cca8d49ed85f6988c4348197e92fe97df23f2159c4273d08262b9db742",
      ],
      [
        "k8s, stricter",
        12,
        0,
        "a0e14409bb7115eb1d457749efcc5364e4c7efc06972f2c935109dc779a3ee70",
      ],
    ]
  `)
})

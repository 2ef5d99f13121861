import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { toBase64 } from '../../src/core/bytes.ts'
import { checkPolicy } from '../../src/core/check-policy.ts'
import { formatCheckpoint } from '../../src/core/checkpoint.ts'
import { formatVkey, generateSkey, type KeyType, parseVkey, vkeyOf } from '../../src/core/keys.ts'
import { installMlDsa } from '../../src/core/ml-dsa.ts'
import { formatNote } from '../../src/core/note.ts'
import {
  formatPolicy,
  MAX_POLICY_LINES,
  MAX_POLICY_SIZE,
  parsePolicy,
  policyFromVkeys,
  quorumIsMet,
} from '../../src/core/policy.ts'
import { localSigner } from '../../src/core/signer.ts'
import { codeOf, mutate, NOTES, signNote, utf8 } from '../support/note-vectors.ts'

beforeAll(installMlDsa)

/** A verifier key of 32 bytes of `fill`; nobody has its private key, which a policy's text does not need. */
const vkey = (name: string, fill: number, type: KeyType = 0x04) =>
  formatVkey(name, type, new Uint8Array(32).fill(fill))
const log = (fill: number, name = 'example.com/log') => vkey(name, fill, 0x01)
const W = [1, 2, 3, 4, 5, 6].map((n) => vkey(`w.example/${n}`, n))
const lines = (...items: string[]) => `${items.join('\n')}\n`
const code = (...items: string[]) => codeOf(() => parsePolicy(lines(...items)))

const NESTED = lines(
  '',
  '# example policy',
  `log ${log(100)} https://log.example/`,
  '  # comment',
  `  log ${log(101)}`,
  `witness W1 ${W[0]} https://w1`,
  `witness \t W2 ${vkey('w.example/same-key-as-the-log', 100)} \t`,
  `witness W3 ${W[2]}`,
  `witness W4 ${W[3]}`,
  `witness W5 ${W[4]}`,
  'group G1 any W1 W2',
  'group G2 2 W3 W4 W5',
  '\tgroup G3 all G1 G2',
  'quorum G3',
  ` log ${log(1, 'other.example')}`,
  `witness W6 ${W[5]}`,
)

describe('what a policy says', () => {
  test('logs, witnesses, groups and the quorum are read, in any order the format allows', () => {
    const policy = parsePolicy(NESTED)
    expect(policy.logs.map((l) => [l.key.name, l.url])).toEqual([
      ['example.com/log', 'https://log.example/'],
      ['example.com/log', undefined],
      ['other.example', undefined],
    ])
    expect(policy.witnesses.map((w) => w.name)).toEqual(['W1', 'W2', 'W3', 'W4', 'W5', 'W6'])
    expect(policy.groups).toEqual([
      { name: 'G1', threshold: 1, members: ['W1', 'W2'] },
      { name: 'G2', threshold: 2, members: ['W3', 'W4', 'W5'] },
      { name: 'G3', threshold: 2, members: ['G1', 'G2'] },
    ])
    expect(policy.quorum).toBe('G3')
  })

  test.each([
    [[], false],
    [[1], false],
    [[2], false],
    [[3], false],
    [[3, 4, 5], false],
    [[1, 2], false],
    [[1, 3], false],
    [[6], false],
    [[1, 3, 4], true],
    [[2, 3, 5], true],
    [[1, 2, 3, 4, 5, 6], true],
  ])('any of two and two of three: witnesses %j satisfy it: %j', (cosigned, met) => {
    expect(quorumIsMet(parsePolicy(NESTED), new Set(cosigned.map((n) => `W${n}`)))).toBe(met)
  })

  test.each([
    ['A1', true],
    ['A3', true],
    ['A1 B1', true],
    ['B1', false],
    ['B3', false],
    ['B1 B3', true],
    ['B1 B2 B3', true],
    ['', false],
  ])('one of A or two of B: %j satisfies it: %j', (cosigned, met) => {
    const text = lines(
      ...['A1', 'A2', 'A3', 'B1', 'B2', 'B3'].map((name, at) => `witness ${name} ${W[at]}`),
      'group A 1 A1 A2 A3',
      'group B 2 B1 B2 B3',
      'group G any A B',
      'quorum G',
    )
    expect(quorumIsMet(parsePolicy(text), new Set(cosigned.split(' ')))).toBe(met)
  })

  test('the name of a group does not count as a cosignature of it', () => {
    expect(quorumIsMet(parsePolicy(NESTED), new Set(['G1', 'G2', 'G3']))).toBe(false)
  })

  test('quorum none needs nobody', () => {
    expect(quorumIsMet(parsePolicy('quorum none\n'), new Set())).toBe(true)
  })

  test('32 logs, 32 witnesses and 32 groups fit, with ML-DSA-44 keys', () => {
    const long = (name: string, fill: number) => formatVkey(name, 0x06, new Uint8Array(1312).fill(fill))
    const text = lines(
      ...Array.from({ length: 32 }, (_, i) => `log ${long(`log.example/${i}`, i)}`),
      ...Array.from({ length: 32 }, (_, i) => `witness w${i} ${long(`w.example/${i}`, 100 + i)}`),
      'group g0 any w0',
      ...Array.from({ length: 31 }, (_, i) => `group g${i + 1} all g${i} w${i + 1}`),
      'quorum g31',
    )
    const policy = parsePolicy(text)
    const all = policy.witnesses.map((w) => w.name)
    expect(quorumIsMet(policy, new Set(all))).toBe(true)
    expect(quorumIsMet(policy, new Set(all.slice(1)))).toBe(false)
  })

  test('names are compared as written: two forms of one letter are two names', () => {
    const kelvin = lines(
      `witness K ${W[0]}`,
      `witness \u212a ${W[1]}`,
      `witness \u00e9 ${W[2]}`,
      `witness e\u0301 ${W[3]}`,
      'quorum \u212a',
    )
    expect(quorumIsMet(parsePolicy(kelvin), new Set(['K']))).toBe(false)
    expect(quorumIsMet(parsePolicy(utf8(kelvin)), new Set(['\u212a']))).toBe(true)
  })
})

describe('what is not a policy', () => {
  test.each<[string, string[]]>([
    ['nothing', []],
    ['no quorum', [`witness W1 ${W[0]}`, `witness W2 ${W[1]}`, 'group G all W1 W2']],
    ['two quorums', ['quorum none', 'quorum none']],
    ['a quorum of two names', [`witness W1 ${W[0]}`, `witness W2 ${W[1]}`, 'quorum W1 W2']],
    ['an unknown quorum', ['quorum unknown']],
    ['a quorum defined later', ['quorum W1', `witness W1 ${W[0]}`]],
    ['a form feed', ['# \f', 'quorum none']],
    ['a DEL', ['# \u007f', 'quorum none']],
    ['a carriage return', ['quorum none\r']],
    ['an unknown keyword', ['logs x', 'quorum none']],
    ['a keyword in capitals', ['Quorum none']],
    ['a non-breaking space', ['quorum\u00a0none']],
    ['a log without key', ['log', 'quorum none']],
    ['a comment at the end of a line', [`log ${log(1)} https://log.example #comment`, 'quorum none']],
    ['a duplicate log', [`log ${log(1)}`, `log ${log(1)}`, 'quorum none']],
    ['a duplicate log under another name', [`log ${log(1)}`, `log ${log(1, 'other')}`, 'quorum none']],
    ['a duplicate witness', [`witness W1 ${W[0]}`, `witness W2 ${W[0]}`, 'quorum none']],
    [
      'a duplicate witness under another key name',
      [`witness W1 ${W[0]}`, `witness W2 ${vkey('x', 1)}`, 'quorum none'],
    ],
    ['a duplicate name', [`witness W1 ${W[0]}`, `witness W1 ${W[1]}`, 'quorum none']],
    [
      'a group named like a witness',
      [`witness W1 ${W[0]}`, `witness W2 ${W[1]}`, 'group W1 any W2', 'quorum W1'],
    ],
    ['a witness named none', [`witness none ${W[0]}`, 'quorum none']],
    ['a group named none', [`witness W1 ${W[0]}`, 'group none any W1', 'quorum none']],
    ['a member none', [`witness W1 ${W[0]}`, 'group G any W1 none', 'quorum G']],
    ['an undefined member', [`witness W1 ${W[0]}`, `witness W2 ${W[1]}`, 'group G all W1 W3 W2', 'quorum G']],
    ['a group within itself', [`witness W1 ${W[0]}`, 'group G any W1 G', 'quorum G']],
    ['a member twice', [`witness W1 ${W[0]}`, `witness W2 ${W[1]}`, 'group G all W1 W2 W1', 'quorum G']],
    [
      'a member of two groups',
      [`witness W1 ${W[0]}`, `witness W2 ${W[1]}`, 'group G1 all W1', 'group G2 all W2 W1', 'quorum G2'],
    ],
    ['a group without members', ['group G any', 'quorum G']],
    ['a threshold of 0', [`witness W1 ${W[0]}`, 'group G 0 W1', 'quorum G']],
    ['a threshold above the members', [`witness W1 ${W[0]}`, 'group G 2 W1', 'quorum G']],
    ['a negative threshold', [`witness W1 ${W[0]}`, 'group G -1 W1', 'quorum G']],
    ['a threshold with a leading zero', [`witness W1 ${W[0]}`, 'group G 01 W1', 'quorum G']],
    ['a threshold in words', [`witness W1 ${W[0]}`, 'group G one W1', 'quorum G']],
    ['a log key that is a cosigner key', [`log ${W[0]}`, 'quorum none']],
    ['a witness key that is a plain key', [`witness W1 ${log(1)}`, 'quorum none']],
    ['a damaged key', [`log ${log(1).slice(0, -1)}`, 'quorum none']],
  ])('%s', (_, items) => {
    expect(items.length === 0 ? codeOf(() => parsePolicy('')) : code(...items)).toBe('invalid_policy')
  })

  test('a text cut off before its last newline, which could turn G10 into G1', () => {
    expect(codeOf(() => parsePolicy('quorum none'))).toBe('invalid_policy')
  })

  test('too much text or too many lines', () => {
    expect(codeOf(() => parsePolicy(`#${'a'.repeat(MAX_POLICY_SIZE)}\nquorum none\n`))).toBe('invalid_policy')
    expect(codeOf(() => parsePolicy(`${'\n'.repeat(MAX_POLICY_LINES)}quorum none\n`))).toBe('invalid_policy')
  })

  test('bytes that are not UTF-8', () => {
    expect(codeOf(() => parsePolicy(Uint8Array.of(0x23, 0xff, 0x0a)))).toBe('invalid_utf8')
  })

  test('two keys that share name and key ID, which a signature line could not tell apart', () => {
    // Public keys found by counting up until two key IDs (b90f7cfe) met.
    const collide = (n: number) =>
      formatVkey(
        'w',
        0x04,
        Uint8Array.from({ length: 32 }, (_, at) => Math.floor(n / 256 ** (31 - at)) % 256),
      )
    expect(collide(6094)).not.toBe(collide(23_356))
    expect(parseVkey(collide(6094)).keyId).toBe(parseVkey(collide(23_356)).keyId)
    expect(code(`witness A ${collide(6094)}`, `witness B ${collide(23_356)}`, 'quorum A')).toBe(
      'invalid_policy',
    )
  })

  test('the refusal names the line', () => {
    expect(() => parsePolicy(lines('', '# a', 'quorum nobody'))).toThrow(/^Line 3 of the policy: .*"nobody"/)
  })
})

test('a policy whose names or addresses would break its lines cannot be formatted', () => {
  const key = parseVkey(W[0]!)
  const logKey = parseVkey(log(1))
  const none = { logs: [], witnesses: [], groups: [], quorum: 'none' }
  for (const bad of [
    { logs: [{ key: logKey, url: 'a b' }] },
    { logs: [{ key: logKey, url: 'a\nquorum none' }] },
    { logs: [{ key: logKey, url: '' }] },
    { witnesses: [{ name: 'a b', key }] },
    { witnesses: [{ name: '', key }] },
    { witnesses: [{ name: `a\nwitness b`, key }] },
    { quorum: 'nobody' },
  ]) {
    expect(codeOf(() => formatPolicy({ ...none, ...bad }))).toBe('invalid_policy')
  }
})

test('any policy formats to a text that parses to the same policy', () => {
  const shape = fc.record({
    logs: fc.nat(4),
    witnesses: fc.integer({ min: 1, max: 6 }),
    threshold: fc.nat(100),
    url: fc.boolean(),
    quorum: fc.nat(2),
  })
  fc.assert(
    fc.property(shape, ({ logs, witnesses, threshold, url, quorum }) => {
      const named = Array.from({ length: witnesses }, (_, i) => ({
        name: `w${i}`,
        key: parseVkey(W[i]!),
        ...(url ? { url: `https://w/${i}` } : {}),
      }))
      const policy = {
        logs: Array.from({ length: logs }, (_, i) => ({ key: parseVkey(log(50 + i)) })),
        witnesses: named,
        groups: [{ name: 'g', threshold: 1 + (threshold % witnesses), members: named.map((w) => w.name) }],
        quorum: ['none', 'g', 'w0'][quorum]!,
      }
      expect(parsePolicy(formatPolicy(policy))).toEqual(policy)
    }),
  )
})

test('a mutated policy is refused with an error of ours, or has a canonical text of the same meaning', () => {
  const original = utf8(NESTED)
  fc.assert(
    fc.property(fc.nat(2), fc.double({ min: 0, max: 1, noNaN: true }), fc.nat(255), (how, at, value) => {
      const refusal = codeOf(() => {
        const policy = parsePolicy(mutate(original, how, at, value))
        expect(parsePolicy(formatPolicy(policy))).toEqual(policy)
      })
      expect([undefined, 'invalid_policy', 'invalid_utf8']).toContain(refusal)
    }),
    { numRuns: 1000 },
  )
})

describe('checkpoints under a policy', () => {
  const origin = 'example.com/log'
  const checkpoint = { origin, size: 123, root: new Uint8Array(32).fill(5), extensions: [] }
  const signer = (name: string, type: KeyType, fill: number) =>
    localSigner(generateSkey(name, type, new Uint8Array(32).fill(fill)))
  type Signer = ReturnType<typeof signer>
  const of = (signers: Signer[], change = {}) =>
    signNote(formatCheckpoint({ ...checkpoint, ...change }), signers, 1_700_000_000)
  const setUp = () => {
    const [log1, log6] = [signer(origin, 0x01, 1), signer(origin, 0x06, 2)]
    const [w4, w6, stranger] = [
      signer('w.example/4', 0x04, 3),
      signer('w.example/6', 0x06, 4),
      signer('w.example/x', 0x04, 5),
    ]
    const text = (quorum: string) =>
      parsePolicy(
        lines(
          `log ${log1.vkey}`,
          `log ${log6.vkey}`,
          `witness four ${w4.vkey}`,
          `witness six ${w6.vkey}`,
          'group two all four six',
          `quorum ${quorum}`,
        ),
      )
    return { log1, log6, w4, w6, stranger, text }
  }

  test('one log key of two is enough, of either type, and both are told', async () => {
    const { log1, log6, text } = setUp()
    const keys = async (...signers: Signer[]) =>
      checkPolicy(await of(signers), text('none')).logKeys.map((k) => k.vkey)
    expect(await keys(log1)).toEqual([log1.vkey])
    expect(await keys(log6)).toEqual([log6.vkey])
    expect(await keys(log6, log1)).toEqual([log6.vkey, log1.vkey])
  })

  test('the checkpoint and the witnesses with their times are returned', async () => {
    const { log1, w4, w6, stranger, text } = setUp()
    expect(checkPolicy(await of([w6, stranger, log1, w4]), text('two'))).toEqual({
      checkpoint,
      logKeys: [{ vkey: log1.vkey, timestamp: undefined }],
      cosigners: [
        { name: 'four', vkey: w4.vkey, timestamp: 1_700_000_004 },
        { name: 'six', vkey: w6.vkey, timestamp: 1_700_000_006 },
      ],
    })
  })

  test('a missing witness leaves the quorum unmet', async () => {
    const { log1, w4, w6, stranger, text } = setUp()
    const check = async (quorum: string, ...signers: Signer[]) => {
      const note = await of(signers)
      return codeOf(() => checkPolicy(note, text(quorum)))
    }
    expect(await check('two', log1)).toBe('policy_quorum_not_met')
    expect(await check('two', log1, w4)).toBe('policy_quorum_not_met')
    expect(await check('two', log1, w4, stranger)).toBe('policy_quorum_not_met')
    expect(await check('two', log1, w4, w6)).toBeUndefined()
    expect(await check('six', log1, w4)).toBe('policy_quorum_not_met')
    expect(await check('six', log1, w6)).toBeUndefined()
  })

  test('witnesses do not stand in for the log', async () => {
    const { w4, w6, text } = setUp()
    const note = await of([w4, w6])
    expect(codeOf(() => checkPolicy(note, text('two')))).toBe('policy_unknown_log')
  })

  test('a key of the policy does not sign for another origin', async () => {
    const { log1, log6, text } = setUp()
    const note = await of([log1, log6], { origin: 'example.com/other' })
    expect(codeOf(() => checkPolicy(note, text('none')))).toBe('policy_unknown_log')
  })

  test('a policy without logs accepts no checkpoint', async () => {
    const { log1, w4 } = setUp()
    const note = await of([log1, w4])
    expect(codeOf(() => checkPolicy(note, parsePolicy(lines(`witness w ${w4.vkey}`, 'quorum w'))))).toBe(
      'policy_unknown_log',
    )
    expect(codeOf(() => checkPolicy(note, parsePolicy('quorum none\n')))).toBe('signature_missing')
  })

  test('a cosignature that does not verify refuses the checkpoint even if the quorum does not need it', async () => {
    const { log1, w4, text } = setUp()
    const textOf = formatCheckpoint(checkpoint)
    const stale = await w4.sign(formatCheckpoint({ ...checkpoint, size: 122 }), 1)
    const note = formatNote(textOf, [await log1.sign(textOf, 0), stale])
    expect(codeOf(() => checkPolicy(note, text('none')))).toBe('signature_invalid')
  })

  test('one ML-DSA-44 key may be log and witness at once', async () => {
    const both = signer(origin, 0x06, 2)
    const policy = parsePolicy(lines(`log ${both.vkey}`, `witness w ${both.vkey}`, 'quorum w'))
    expect(checkPolicy(await of([both]), policy)).toMatchObject({
      logKeys: [{ vkey: both.vkey }],
      cosigners: [{ name: 'w' }],
    })
  })

  test('a signed note that is no checkpoint is refused', () => {
    expect(
      codeOf(() => checkPolicy(utf8(NOTES.specExample.note), policyFromVkeys(NOTES.specExample.vkeys))),
    ).toBe('invalid_checkpoint')
  })

  test('checkpoints of other logs satisfy the policy of their own keys', () => {
    for (const vector of [NOTES.monkeys5, NOTES.monkeys8, NOTES.mldsa]) {
      const { checkpoint: found } = checkPolicy(utf8(vector.note), policyFromVkeys(vector.vkeys))
      expect(toBase64(found.root)).toBe(vector.note.split('\n')[2])
    }
  })

  test('a log that signs under a name other than its origin is unknown', () => {
    expect(codeOf(() => checkPolicy(utf8(NOTES.sumdb.note), policyFromVkeys(NOTES.sumdb.vkeys)))).toBe(
      'policy_unknown_log',
    )
  })
})

test('verifier keys alone make a policy without quorum', () => {
  const vkeys = [log(1), vkeyOf(generateSkey('example.com/log', 0x06, new Uint8Array(32)))]
  expect(formatPolicy(policyFromVkeys(vkeys))).toBe(lines(...vkeys.map((v) => `log ${v}`), 'quorum none'))
  expect(codeOf(() => policyFromVkeys([W[0]!]))).toBe('invalid_policy')
  expect(codeOf(() => policyFromVkeys(['']))).toBe('invalid_vkey')
})

import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { toBase64 } from '../../src/core/bytes.ts'
import { canonicalJson } from '../../src/core/canonical-json.ts'
import { formatCheckpoint } from '../../src/core/checkpoint.ts'
import { disclosureDigest, formatDisclosure, toBase64url } from '../../src/core/disclosure.ts'
import { ProoflogError } from '../../src/core/errors.ts'
import {
  type EventBundle,
  formatEventBundle,
  MAX_EVENT_BUNDLE_SIZE,
  parseEventBundle,
  verifyEventBundle,
} from '../../src/core/event-bundle.ts'
import { hashLeaf, hashNode } from '../../src/core/hash.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import { parsePolicy, policyFromVkeys } from '../../src/core/policy.ts'
import { formatProofFile } from '../../src/core/proof-file.ts'
import { localSigner } from '../../src/core/signer.ts'
import { codeOf, signNote, utf8 } from '../support/note-vectors.ts'

const ORIGIN = 'log.example/events'
const SKEY = generateSkey(ORIGIN, 0x01, new Uint8Array(32).fill(7))
const WITNESS = generateSkey('witness.example', 0x04, new Uint8Array(32).fill(8))
const POLICY = parsePolicy(`log ${vkeyOf(SKEY)}\nwitness w ${vkeyOf(WITNESS)}\nquorum w\n`)
const SALT = 'AAAAAAAAAAAAAAAAAAAAAA'
const TIME = 1_700_000_000

const NAME = formatDisclosure(SALT, 'actor.name', 'Ada Lovelace')
const IP = formatDisclosure(SALT, 'src.ip', '203.0.113.7')
const MEMBER = formatDisclosure(SALT, 'extra.a.b', { x: 1 })
const ENVELOPE = {
  v: 1,
  type: 'event',
  id: 'e-1',
  source: 'app',
  format: 'native',
  action: 'document.read',
  actor: { ref: 0 },
  refs: ['r'],
  _sd: [NAME, IP, MEMBER].map(disclosureDigest).sort(),
  _sd_alg: 'sha-256',
}

/** The text of the proof of `entry` at index 1 of a tree of two. */
async function proofOf(entry: Uint8Array): Promise<string> {
  const sibling = hashLeaf(utf8('sibling'))
  const text = formatCheckpoint({
    origin: ORIGIN,
    size: 2,
    root: hashNode(sibling, hashLeaf(entry)),
    extensions: [],
  })
  const checkpoint = await signNote(text, [SKEY, WITNESS].map(localSigner), TIME)
  return Buffer.from(formatProofFile({ index: 1, path: [sibling], checkpoint })).toString()
}

async function bundleOf(envelope: unknown, disclosures: readonly string[]): Promise<EventBundle> {
  const entry = utf8(typeof envelope === 'string' ? envelope : canonicalJson(envelope))
  return { entry, disclosures, proof: await proofOf(entry) }
}

/** What `run` returns, unless it throws a ProoflogError. */
function unlessRefused<T>(run: () => T): T | undefined {
  try {
    return run()
  } catch (error) {
    if (error instanceof ProoflogError) return undefined
    throw error
  }
}

describe('a bundle', () => {
  test('shows of an event what was chosen, and where it is in the log', async () => {
    const text = formatEventBundle(await bundleOf(ENVELOPE, [NAME, MEMBER]))
    const verified = verifyEventBundle(text, POLICY)
    expect(verified).toMatchObject({ index: 1, size: 2, hidden: 1, signedAt: TIME + 4 })
    expect(verified.disclosed).toEqual(['actor.name', 'extra.a.b'])
    expect(verified.event).toEqual({
      v: 1,
      type: 'event',
      id: 'e-1',
      source: 'app',
      format: 'native',
      action: 'document.read',
      actor: { ref: 0, name: 'Ada Lovelace' },
      extra: { 'a.b': { x: 1 } },
      refs: ['r'],
    })
    expect(verifyEventBundle(utf8(text), POLICY)).toEqual(verified)
    expect(verifyEventBundle(parseEventBundle(text), POLICY)).toEqual(verified)
  })

  test('may show nothing, of an event with or without personal fields', async () => {
    expect(verifyEventBundle(await bundleOf(ENVELOPE, []), POLICY)).toMatchObject({
      hidden: 3,
      disclosed: [],
    })
    const { _sd, _sd_alg, ...clear } = ENVELOPE
    expect(verifyEventBundle(await bundleOf(clear, []), POLICY).hidden).toBe(0)
  })

  test('is refused by a policy without the log', async () => {
    const other = policyFromVkeys([vkeyOf(generateSkey(ORIGIN, 0x01, new Uint8Array(32).fill(9)))])
    const bundle = await bundleOf(ENVELOPE, [NAME])
    expect(() => verifyEventBundle(bundle, other)).toThrow(ProoflogError)
  })

  test('is refused when its entry is another one', async () => {
    const bundle = await bundleOf(ENVELOPE, [NAME])
    const entry = utf8(canonicalJson({ ...ENVELOPE, action: 'document.write' }))
    expect(codeOf(() => verifyEventBundle({ ...bundle, entry }, POLICY))).toBe('proof_root_mismatch')
  })

  test.each<[string, unknown, string[]]>([
    ['of another event', ENVELOPE, [formatDisclosure(SALT, 'actor.name', 'Mallory')]],
    ['twice', ENVELOPE, [NAME, NAME]],
    ['in the spelling of base64 with padding', ENVELOPE, [`${NAME}=`]],
    ['that are no base64', ENVELOPE, ['ä']],
    ['of an event that hides nothing', { v: 1 }, [NAME]],
    [
      'of one field in two ways',
      {
        ...ENVELOPE,
        _sd: [NAME, formatDisclosure(SALT, 'actor.name', 'Mallory')].map(disclosureDigest).sort(),
      },
      [NAME, formatDisclosure(SALT, 'actor.name', 'Mallory')],
    ],
    [
      'of a field that is in the clear',
      { ...ENVELOPE, _sd: [disclosureDigest(formatDisclosure(SALT, 'action', 'x'))] },
      [formatDisclosure(SALT, 'action', 'x')],
    ],
    [
      'that can be read in two ways',
      { ...ENVELOPE, _sd: [disclosureDigest(toBase64url(utf8('["s","a",{"b":1,"b":2}]')))] },
      [toBase64url(utf8('["s","a",{"b":1,"b":2}]'))],
    ],
    ['hashed with something else', { ...ENVELOPE, _sd_alg: 'sha-512' }, [NAME]],
    ['without a word how', { ...ENVELOPE, _sd_alg: undefined }, [NAME]],
    ['whose digest is there twice', { ...ENVELOPE, _sd: [NAME, NAME].map(disclosureDigest) }, [NAME]],
    ['of an entry that is no JSON', 'entry', []],
    ['of an entry that is no object', '[]', []],
    ['of an entry that is not canonical', '{"v": 1}', []],
    ['of an entry with a name twice', '{"v":1,"v":1}', []],
  ])('is refused with disclosures %s', async (_, envelope, disclosures) => {
    const bundle = await bundleOf(envelope, disclosures)
    expect(codeOf(() => verifyEventBundle(bundle, POLICY))).toBe('invalid_event_bundle')
  })

  test('never shows what its entry does not hold, whichever byte of it is changed', async () => {
    const text = formatEventBundle(await bundleOf(ENVELOPE, [NAME, MEMBER]))
    const { event, index } = verifyEventBundle(text, POLICY)
    fc.assert(
      fc.property(fc.nat(text.length - 1), fc.integer({ min: 32, max: 126 }), (at, code) => {
        const changed = text.slice(0, at) + String.fromCharCode(code) + text.slice(at + 1)
        const shown = unlessRefused(() => verifyEventBundle(changed, POLICY))
        expect(shown === undefined || { event: shown.event, index: shown.index }).toEqual(
          shown === undefined || { event, index },
        )
      }),
      { numRuns: 500 },
    )
  })
})

describe('the text of a bundle', () => {
  const bundle = { entry: utf8('{}'), disclosures: ['a'], proof: 'p — q\n' }
  const text = formatEventBundle(bundle)
  const members = { v: 1, entry: toBase64(bundle.entry), disclosures: ['a'], proof: 'p' }

  test('is read again, also when it was indented', () => {
    expect(text).toBe('{"v":1,"entry":"e30=","disclosures":["a"],"proof":"p — q\\n"}\n')
    expect(parseEventBundle(text)).toEqual(bundle)
    expect(parseEventBundle(JSON.stringify(JSON.parse(text), null, 2))).toEqual(bundle)
  })

  test.each([
    ['nothing', ''],
    ['no JSON', text.slice(0, -3)],
    ['no object', '[]'],
    ['another version', JSON.stringify({ ...members, v: 2 })],
    ['no entry', JSON.stringify({ ...members, entry: undefined })],
    ['a member more', JSON.stringify({ ...members, note: '' })],
    ['a member twice', JSON.stringify(members).replace('{', '{"v":1,')],
    ['a member twice, once with an escape', JSON.stringify(members).replace('{', '{"\\u0076":1,')],
    ['an entry that is no base64', JSON.stringify({ ...members, entry: 'e30' })],
    ['an entry that is larger than entries are', JSON.stringify({ ...members, entry: 'A'.repeat(100_000) })],
    ['disclosures that are no list', JSON.stringify({ ...members, disclosures: 'a' })],
    ['disclosures that are no texts', JSON.stringify({ ...members, disclosures: [1] })],
    ['more disclosures than fit', JSON.stringify({ ...members, disclosures: Array(1_025).fill('a') })],
    ['a proof that is no text', JSON.stringify({ ...members, proof: [] })],
    ['more than a bundle can have', ' '.repeat(MAX_EVENT_BUNDLE_SIZE + 1)],
  ])('is refused with %s', (_, wrong) => {
    expect(codeOf(() => parseEventBundle(wrong))).toBe('invalid_event_bundle')
  })
})

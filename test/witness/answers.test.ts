// What a witness may answer, row by row, and what becomes of it.
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { checkPolicy } from '../../src/core/check-policy.ts'
import { parseVkey } from '../../src/core/keys.ts'
import { formatSignatures, parseNote, parseSignatures } from '../../src/core/note.ts'
import { parsePolicy } from '../../src/core/policy.ts'
import { checkConsistency } from '../../src/core/verify.ts'
import { cosigning } from '../support/cosigning.ts'
import {
  COSIGN,
  type Script,
  scriptedWitness,
  type ScriptedWitness,
  SILENT,
} from '../support/scripted-witness.ts'
import { signedTree } from '../support/signed-tree.ts'

const SIZE = 'text/x.tlog.size'
const tree = signedTree('log.example', { types: [0x01, 0x06] })
let witness: ScriptedWitness
let stranger: ScriptedWitness
let client: ReturnType<typeof cosigning>

beforeEach(async () => {
  witness = await scriptedWitness('w', [0x04, 0x06])
  stranger = await scriptedWitness('stranger')
  client = cosigning(tree, () => `${witness.lines}quorum w\n`)
})
afterEach(async () => {
  await client.cosigners.abandon()
  await witness.close()
  await stranger.close()
})

const policy = () => parsePolicy(client.cosigners.policyOf(client.log).text)

test('both keys of a witness are asked with one request, and both cosignatures are kept', async () => {
  const { note, quorum } = await client.collect(3)
  expect(quorum).toBe('met')
  expect(checkPolicy(note, policy()).cosigners.map(({ name }) => name)).toEqual(['w', 'w-2'])
  expect(witness.requests).toHaveLength(1)
  expect(witness.requests[0]).toMatchObject({ oldSize: 0, proof: [] })
  expect(client.told.outcomes).toEqual([{ witness: 'w', failure: undefined }])
})

test('its size is learnt from a 409 and remembered; the proof begins there and is computed once for all', async () => {
  witness.size = 5
  await client.collect(9)
  expect(witness.requests.map(({ oldSize }) => oldSize)).toEqual([0, 5])
  client.timer.advance(60_000)
  await client.collect(12)
  await client.collect(12)
  expect(witness.requests.map(({ oldSize }) => oldSize)).toEqual([0, 5, 9, 12])
  const { oldSize, proof } = witness.requests[2]!
  checkConsistency(oldSize, 12, tree.root(9), tree.root(12), proof)
  expect(witness.requests[3]!.proof).toEqual([])
})

test('one proof serves all witnesses of the same size', async () => {
  const other = await scriptedWitness('other')
  client = cosigning(tree, () => `${witness.lines}${other.lines}group g all w other\nquorum g\n`)
  witness.size = 5
  other.size = 5
  await client.collect(9)
  expect(new Set(client.told.proofs)).toEqual(new Set([0, 5]))
  expect(client.told.proofs).toHaveLength(2)
  await other.close()
})

test('only the signatures of the log are sent, and of those no more than 10 KiB', async () => {
  const { note } = await client.collect(2)
  expect(parseNote(witness.requests[0]!.note).signatures).toHaveLength(2)
  expect(parseNote(note).signatures).toHaveLength(4)
  const many = signedTree('log.example', { types: [0x01, 0x06, 0x01, 0x06, 0x01, 0x06, 0x06] })
  client = cosigning(many, () => `${witness.lines}quorum w\n`)
  witness.size = 0
  await client.collect(2)
  const sent = witness.requests.at(-1)!
  const ed25519 = many.vkeys.map(parseVkey).filter(({ type }) => type === 1)
  expect(parseNote(sent.note).signatures.map(({ keyId }) => keyId)).toEqual(ed25519.map(({ keyId }) => keyId))
})

describe('no cosignature, and no alarm', () => {
  test.each<[what: string, reason: string, script: Script]>([
    ['an unknown log', 'not_registered', () => ({ status: 404 })],
    ['an unknown log, as some witnesses say it', 'not_registered', () => ({ status: 403 })],
    ['a malformed request', 'refused', () => ({ status: 400, body: 'no' })],
    ['too many requests', 'rate_limited', () => ({ status: 429, headers: { 'retry-after': '7' } })],
    ['an error of its own', 'unavailable', () => ({ status: 500 })],
    ['an overloaded proxy', 'unavailable', () => ({ status: 503 })],
    ['no content', 'bad_answer', () => ({ status: 204 })],
    ['an empty 200', 'bad_answer', () => ({ status: 200 })],
    ['a page', 'bad_answer', () => ({ status: 200, body: '<html></html>\n' })],
    [
      'two paragraphs',
      'bad_answer',
      async ({ note }) => ({ status: 200, body: `\n${text(await witness.cosign(note))}` }),
    ],
    ['more than it can need', 'bad_answer', () => ({ status: 200, body: 'x'.repeat(100_000) })],
    ['no end of it', 'bad_answer', () => ({ status: 409, type: SIZE, body: '1'.repeat(10_000_000) })],
    [
      'a redirect',
      'bad_answer',
      () => ({ status: 307, headers: { location: `${stranger.url}/add-checkpoint` } }),
    ],
    [
      'a size that it tells again and again',
      'conflict',
      (_, count) => ({ status: 409, type: SIZE, body: `${count % 2}\n` }),
    ],
    ['a 422 before it told its size', 'refused', () => ({ status: 422 })],
    [
      "somebody else's cosignature",
      'bad_signature',
      async ({ note }) => ({ status: 200, body: await stranger.cosign(note) }),
    ],
    [
      'a cosignature of another checkpoint',
      'bad_signature',
      async () => ({ status: 200, body: await witness.cosign(await tree.checkpoint(7)) }),
    ],
    [
      'one good and one wrong line',
      'bad_signature',
      async ({ note }) => ({ status: 200, body: await oneWrong(note) }),
    ],
    [
      'a cosignature without a time',
      'bad_signature',
      async ({ note }) => ({ status: 200, body: await witness.cosign(note, 0) }),
    ],
  ])('%s: %s', async (_, reason, script) => {
    witness.script = script
    await expect(client.collect(3)).rejects.toMatchObject({
      code: 'quorum_missed',
      message: expect.stringMatching(/w, w-2: /),
      evidence: { missing: ['w', 'w-2'] },
    })
    expect(client.told).toMatchObject({ alarms: [], late: [], outcomes: [{ witness: 'w', failure: reason }] })
    expect(stranger.requests).toEqual([])
    expect(client.cosigners.review(client.log, undefined).witnesses).toMatchObject([
      { name: 'w', cosigned: false, failure: { reason } },
      { name: 'w-2', cosigned: false, failure: { reason } },
    ])
    // Once it does better, so do we.
    witness.script = COSIGN
    client.timer.advance(60_000)
    expect((await client.collect(4)).quorum).toBe('met')
    expect(client.cosigners.review(client.log, undefined).witnesses).toMatchObject([
      { failure: undefined },
      {},
    ])
  })

  test('nobody listens', async () => {
    await witness.close()
    await expect(client.collect(3)).rejects.toMatchObject({
      code: 'quorum_missed',
      message: expect.stringMatching(/ECONNREFUSED/),
    })
    expect(client.told.outcomes).toEqual([{ witness: 'w', failure: 'unreachable' }])
  })

  test('lines of unknown keys beside good ones are not kept', async () => {
    witness.script = async ({ note }) => ({
      status: 200,
      body: Buffer.concat([await stranger.cosign(note), await witness.cosign(note)]),
    })
    const { note } = await client.collect(3)
    expect(parseNote(note).signatures.map(({ name }) => name)).not.toContain('stranger.example')
    expect(checkPolicy(note, policy()).cosigners).toHaveLength(2)
  })

  test('a size beyond this head, but not beyond what was signed, is a head of our own', async () => {
    witness.script = () => ({ status: 409, type: SIZE, body: '9\n' })
    await expect(client.collect(3, { signedSize: async () => 9 })).rejects.toMatchObject({
      code: 'quorum_missed',
    })
    expect(client.told).toMatchObject({ alarms: [], outcomes: [{ failure: 'conflict' }] })
  })

  test('three requests are the most for one checkpoint', async () => {
    witness.script = (_, count) => ({ status: 409, type: SIZE, body: `${count % 2}\n` })
    await expect(client.collect(3)).rejects.toMatchObject({ code: 'quorum_missed' })
    expect(witness.requests).toHaveLength(3)
  })
})

test('a cosignature of a time to come is none: who verifies strictly would refuse the whole checkpoint', async () => {
  const at = (ahead: number): Script => {
    return async ({ note }) => ({
      status: 200,
      body: await witness.cosign(note, Math.floor(Date.now() / 1000) + ahead),
    })
  }
  for (const ahead of [7_200, 2 ** 52]) {
    witness.script = at(ahead)
    await expect(client.collect(3)).rejects.toMatchObject({ code: 'quorum_missed', message: /time to come/ })
    client.timer.advance(3_600_000)
  }
  client.timer.advance(3_600_000)
  witness.script = at(60)
  expect(await client.collect(3)).toMatchObject({ quorum: 'met' })
})

describe('another history is an alarm', () => {
  test.each<[what: string, said: RegExp, script: Script]>([
    [
      'a size beyond everything that was signed',
      /size 9 .* is 3/,
      () => ({ status: 409, type: SIZE, body: '9\n' }),
    ],
    ['a 409 that is no size', /409 without the size/, () => ({ status: 409, body: 'Conflict' })],
    ['a 409 with a garbled size', /409 without the size/, () => ({ status: 409, type: SIZE, body: '03\n' })],
    [
      'a 422 to a proof from the size that it told',
      /does not extend \(422\), "proof"/,
      ({ oldSize }) =>
        oldSize === 2 ? { status: 422, body: 'proof' } : { status: 409, type: SIZE, body: '2\n' },
    ],
    ['another root at this size', /another tree of size 3/, () => ({ status: 409, type: SIZE, body: '3\n' })],
  ])('%s', async (_, said, script) => {
    witness.script = script
    await expect(client.collect(3)).rejects.toMatchObject({
      code: 'log_halted',
      message: expect.stringMatching(said),
    })
    const { alarms, outcomes } = client.told
    expect(alarms).toHaveLength(1)
    expect(alarms[0]!.why).toMatch(said)
    expect(alarms[0]!.why).toContain(`witness w, w-2 (${witness.url}/add-checkpoint)`)
    const { note } = alarms[0]!.evidence
    expect(Buffer.from(note as string)).toEqual(Buffer.from(witness.requests[0]!.note))
    expect(outcomes).toEqual([{ witness: 'w', failure: 'other_history' }])
  })

  test('that the guard cannot be told of is not overlooked', async () => {
    witness.script = () => ({ status: 409 })
    const alarm = async (): Promise<void> => Promise.reject(new Error('the disk is full'))
    await expect(client.collect(3, { alarm })).rejects.toThrow('the disk is full')
  })

  test('although the others satisfy the quorum later', async () => {
    client = cosigning(tree, () => `${witness.lines}${stranger.lines}quorum stranger\n`)
    let release = (): void => {}
    stranger.script = () => new Promise((resolve) => (release = () => resolve('cosign')))
    witness.script = () => ({ status: 409 })
    const collecting = client.collect(3)
    await expect(collecting).rejects.toMatchObject({ code: 'log_halted' })
    release()
  })

  test('although the others satisfied the quorum before', async () => {
    client = cosigning(tree, () => `${witness.lines}${stranger.lines}quorum stranger\n`)
    let release = (): void => {}
    witness.script = () => new Promise((resolve) => (release = () => resolve({ status: 409 })))
    expect((await client.collect(3)).quorum).toBe('met')
    await expect.poll(() => witness.requests.length).toBe(1)
    release()
    await expect.poll(() => client.told.alarms.length).toBe(1)
  })
})

test('a proof that cannot be computed stops publication, and is no fault of the witness', async () => {
  const consistency = async (): Promise<never> => Promise.reject(new Error('a tile is missing'))
  await expect(client.collect(3, { consistency })).rejects.toThrow('a tile is missing')
  expect(client.cosigners.review(client.log, undefined).witnesses).toMatchObject([{ failure: undefined }, {}])
})

test('requests under way can be given up, which nobody is blamed for', async () => {
  witness.script = SILENT
  const collecting = client.collect(3)
  await expect.poll(() => witness.requests.length).toBe(1)
  await client.cosigners.abandon()
  await expect(collecting).rejects.toMatchObject({ code: 'quorum_missed' })
  expect(client.told.outcomes).toEqual([])
  witness.script = COSIGN
  expect((await client.collect(3)).quorum).toBe('met')
})

/** The cosignature of the second key is of another checkpoint. */
async function oneWrong(note: Uint8Array): Promise<Uint8Array> {
  const [good] = parseSignatures(await witness.cosign(note))
  const [, wrong] = parseSignatures(await witness.cosign(await tree.checkpoint(7)))
  return formatSignatures([good!, wrong!])
}

function text(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString()
}

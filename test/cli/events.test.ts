// What the commands for events tell people and scripts; what the service answers is a stub here.
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { type CliInput, type CliResult, runCli } from '../support/run-cli.ts'

type Answer = { status?: number; body?: unknown; headers?: Record<string, string> }
type Asked = { method: string; path: string; body: string }

let folder: string
let asked: Asked[]
let answers: (request: Asked) => Answer | Response

const EVIL = 'a\u001b[2J\u009b31m\u202eb\u2028\nc'
const PARTS = ['\u001b', '\u009b', '\u202e', '\u2028']

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'prooflog-cli-'))
  asked = []
})
afterEach(() => rm(folder, { recursive: true, force: true }))

async function run(args: readonly string[], input: CliInput = {}): Promise<CliResult> {
  return runCli(args, {
    ...input,
    env: { PROOFLOG_SERVER: 'http://log.test', ...input.env },
    fetch: async (url, init) => {
      const body = init?.body instanceof Uint8Array ? Buffer.from(init.body).toString() : init?.body
      const request = {
        method: init?.method ?? 'GET',
        path: String(url).replace('http://log.test/logs/default/', ''),
        body: typeof body === 'string' ? body : '',
      }
      asked.push(request)
      const answer = answers(request)
      if (answer instanceof Response) return Promise.resolve(answer)
      const { status = 200, body: told, headers = {} } = answer
      return Promise.resolve(new Response(JSON.stringify(told), { status, headers }))
    },
  })
}

const path = (name: string): string => join(folder, name)

describe('event send', () => {
  /** Every line is recorded, those that are no JSON are quarantined. */
  function recording(): void {
    let index = 0
    answers = ({ body }) => ({
      body: {
        log: 'default',
        receipts: body
          .trim()
          .split('\n')
          .map((line) => ({
            id: `id-${index}`,
            index: index++,
            leaf_hash: 'AAAA',
            duplicate: line.includes('again'),
            ...(line.startsWith('{')
              ? {}
              : { flags: ['quarantined'], quarantine: { code: 'not_json', message: 'This is not JSON.' } }),
          })),
        tree_size: 9,
      },
    })
  }
  beforeEach(recording)

  test('lines are sent in batches, empty ones are not, and the sum of them is told', async () => {
    const result = await run(['event', 'send', '--batch', '2', '--wait'], {
      stdin: '{"a":1}\n\n{"again":2}\n{"b":3}',
    })
    expect(result).toMatchObject({
      code: 0,
      err: '',
      out: '3 events, 1 sent before, last index 2, covered by the checkpoint of size 9\n',
    })
    expect(asked.map(({ body }) => body)).toEqual(['{"a":1}\n{"again":2}\n', '{"b":3}\n'])
    expect(asked[0]?.path).toBe('events?wait=published&timeout=60')
  })

  test('what could not be read as an event is named, and the exit code says so', async () => {
    const result = await run(['event', 'send'], { stdin: '{}\nrubbish\n{}\n' })
    expect(result.code).toBe(1)
    expect(result.out).toContain('3 events, 1 kept as it came, last index 2')
    expect(result.err).toMatch(
      /^event 2 was kept as it came: This is not JSON\. \(not_json\)\nerror: 1 of 3 events .* \(quarantined\)\n$/,
    )
  })

  test('a file in another format does not flood the terminal', async () => {
    const { code, err } = await run(['event', 'send'], { stdin: 'x\n'.repeat(1_000) })
    expect(code).toBe(1)
    expect(err.trim().split('\n')).toHaveLength(11)
    expect(err).toContain('990 of them not named above')
  })

  test('--json prints a receipt a line, with the reason of a quarantine', async () => {
    const { code, out, err } = await run(['event', 'send', '--json'], { stdin: '{}\nx\n' })
    expect(code).toBe(1)
    expect(
      out
        .trim()
        .split('\n')
        .map((line): unknown => JSON.parse(line)),
    ).toEqual([
      { id: 'id-0', index: 0, leaf_hash: 'AAAA', duplicate: false },
      {
        id: 'id-1',
        index: 1,
        leaf_hash: 'AAAA',
        duplicate: false,
        flags: ['quarantined'],
        quarantine: { code: 'not_json', message: 'This is not JSON.' },
      },
    ])
    expect(JSON.parse(err.trim().split('\n').at(-1) ?? '')).toMatchObject({ error: { code: 'quarantined' } })
  })

  test('nothing to send asks nothing', async () => {
    expect(await run(['event', 'send'])).toMatchObject({ code: 0, out: '0 events\n' })
    expect(asked).toEqual([])
  })

  test('a missing file is wrong usage', async () => {
    expect(await run(['event', 'send', path('none')])).toMatchObject({
      code: 2,
      err: expect.stringContaining('there is no such file'),
    })
  })
})

describe('event search, timeline and show', () => {
  const hit = {
    index: 7,
    source: EVIL,
    event: {
      time: '2026-11-25T10:00:00Z',
      action: EVIL,
      outcome: 'success',
      actor: { type: 'user', ref: EVIL },
      targets: [{ type: EVIL }],
    },
  }
  beforeEach(() => {
    answers = () => ({ body: { events: [hit], next: 7, indexed: 8, tree_size: 8 } })
  })

  test('an event cannot steer the terminal from a table', async () => {
    const { code, out, err } = await run(['event', 'search'])
    expect({ code, err }).toEqual({ code: 0, err: 'more: --before 7\n' })
    expect(PARTS.filter((part) => out.includes(part))).toEqual([])
    expect(out.trimEnd().split('\n')).toHaveLength(2)
  })

  test.each([
    ['event search', ['event', 'search', '--json']],
    ['event timeline', ['event', 'timeline', '--session', 's', '--json']],
    ['event show', ['event', 'show', '7']],
    ['event show on one line', ['event', 'show', '7', '--json']],
  ])('an event cannot steer the terminal from the JSON of %s, and is the same value', async (_, args) => {
    if (args[1] === 'show') answers = () => ({ body: hit })
    const { code, out } = await run(args)
    expect(code).toBe(0)
    expect(PARTS.filter((part) => out.includes(part))).toEqual([])
    expect(JSON.parse(out)).toEqual(hit)
    expect(out.trimEnd().includes('\n')).toBe(!args.includes('--json'))
  })

  test('filters are asked for as they are given', async () => {
    const filters = [
      '--action',
      'user.*',
      'doc.*',
      '--severity',
      '9',
      '--outcome',
      'failure',
      '--type',
      'event',
    ]
    await run(['event', 'search', ...filters, '--text', 'a&b', '--reveal', '--limit', '5', '--before', '9'])
    expect(asked.map((request) => request.path)).toEqual([
      'events?action=user.*&action=doc.*&text=a%26b&outcome=failure&type=event&severity=9&limit=5&before=9&reveal=true',
    ])
  })

  test.each([
    ['event', 'search', '--nonsense'],
    ['event', 'search', 'word'],
    ['event', 'search', '--severity', '25'],
    ['event', 'search', '--outcome', 'maybe'],
    ['event', 'search', '--type', 'entry'],
    ['event', 'search', '--limit', '0'],
    ['event', 'search', '--before', 'x'],
    ['event', 'search', '--log', 'NO LOG'],
    ['event', 'timeline'],
    ['event', 'timeline', '--session', 'a', '--trace', 'b'],
    ['event', 'show'],
    ['event', 'show', '-1'],
    ['event', 'bundle', 'x'],
    ['event', 'export', '--format', 'xml'],
    ['event', 'send', '--batch', '0'],
    ['event'],
    ['erasure', 'request', 'alice'],
    ['erasure', 'request', 'alice', '--basis', 'b', '--kind', 'person'],
    ['hold', 'place'],
    ['search', 'nonsense'],
    ['vault', 'nonsense'],
    ['key', 'create', 'k', '--role', 'wizard'],
  ])(
    'wrong usage is exit code 2, told as JSON if asked, and nothing is sent: %s %s %s %s',
    async (...args) => {
      const result = await run(args)
      expect(result).toMatchObject({ code: 2, out: '' })
      expect(result.err).not.toBe('')
      const json = await run([...args, '--json'])
      expect(json.code).toBe(2)
      expect(JSON.parse(json.err)).toMatchObject({ error: { message: expect.any(String) } })
      expect(asked).toEqual([])
    },
  )

  test('what the log refuses is exit code 1, what it cannot do now is 3', async () => {
    const refusal = (status: number, code: string) => () => ({ status, body: { code, detail: 'why' } })
    answers = refusal(403, 'reveal_not_allowed')
    expect(await run(['event', 'search', '--reveal'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('why (reveal_not_allowed)'),
    })
    answers = refusal(404, 'not_an_event')
    expect((await run(['event', 'show', '0'])).code).toBe(1)
    expect((await run(['event', 'export'])).code).toBe(1)
    answers = refusal(503, 'journal_unavailable')
    expect((await run(['event', 'export'])).code).toBe(3)
    answers = () => ({ body: 'no page' })
    expect(await run(['event', 'search'])).toMatchObject({
      code: 1,
      err: expect.stringContaining('(bad_answer)'),
    })
  })
})

describe('event export', () => {
  const headers = { 'prooflog-custody-index': '12' }
  beforeEach(() => {
    answers = () => new Response('one\ntwo\n', { headers })
  })

  test('goes to standard output alone; what is told goes to standard error', async () => {
    expect(await run(['event', 'export'])).toMatchObject({
      code: 0,
      out: 'one\ntwo\n',
      err: '8 bytes; custody entry 12\n',
    })
    expect(JSON.parse((await run(['event', 'export', '--json'])).err)).toEqual({
      bytes: 8,
      custody_index: 12,
      file: '-',
    })
  })

  test('goes to a file, which it replaces', async () => {
    await writeFile(path('out'), 'what was there before, and longer')
    const args = [
      'event',
      'export',
      '-o',
      path('out'),
      '--format',
      'csv',
      '--action',
      'a',
      'b',
      '--severity',
      '9',
    ]
    const { code, out } = await run([...args, '--json'])
    expect(code).toBe(0)
    expect(JSON.parse(out)).toEqual({ bytes: 8, custody_index: 12, file: path('out') })
    expect(await readFile(path('out'), 'utf8')).toBe('one\ntwo\n')
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({ format: 'csv', action: ['a', 'b'], severity: '9' })
  })

  test('one that breaks off is not done', async () => {
    answers = () => {
      let sent = false
      const body = new ReadableStream<Uint8Array>({
        pull(controller) {
          if (sent) controller.error(new Error('terminated'))
          else controller.enqueue(new TextEncoder().encode('one\n'))
          sent = true
        },
      })
      return new Response(body, { headers })
    }
    for (const args of [[], ['-o', path('out')]]) {
      expect(await run(['event', 'export', ...args])).toMatchObject({
        code: 3,
        err: expect.stringContaining('not complete'),
      })
    }
  })

  test('a file that cannot be written is known before the log is asked', async () => {
    for (const file of [path('none/out'), folder]) {
      expect((await run(['event', 'export', '-o', file])).code).toBe(2)
    }
    expect(asked).toEqual([])
  })

  test('one that is refused leaves the file as it was', async () => {
    answers = () => ({ status: 403, body: { code: 'insufficient_scope', detail: 'no' } })
    await writeFile(path('old'), 'old')
    expect((await run(['event', 'export', '-o', path('old')])).code).toBe(1)
    expect(await readFile(path('old'), 'utf8')).toBe('old')
    expect((await run(['event', 'export', '-o', path('new')])).code).toBe(1)
    await expect(stat(path('new'))).rejects.toThrow('ENOENT')
  })
})

describe('erasure, hold and search', () => {
  const erasure = { id: 'e1', state: 'done', ref: 'R', basis: EVIL, entries: 1, index: 4 }
  const hold = { id: 'h1', ref: null, reason: EVIL, placed_at: '2026-01-01T00:00:00Z', released_at: null }

  test('what was asked and done is told, for people and for scripts', async () => {
    answers = () => ({ body: erasure })
    const args = ['erasure', 'request', 'alice', '--basis', 'Art. 17', '--ticket', 'T-1']
    expect((await run(args)).out).toBe(
      'erasure e1 is done: 1 entry holds nothing of the person any more, recorded at index 4\n',
    )
    expect(JSON.parse(asked[0]?.body ?? '')).toEqual({
      subject: 'alice',
      kind: 'actor',
      basis: 'Art. 17',
      ticket: 'T-1',
    })
    await run(['erasure', 'request', 'R', '--kind', 'ref', '--basis', 'b'])
    expect(JSON.parse(asked.at(-1)?.body ?? '')).toMatchObject({ subject: 'R', kind: 'ref' })
    expect(JSON.parse((await run(['erasure', 'approve', 'a/b', '--json'])).out)).toEqual(erasure)
    expect(asked.at(-1)?.path).toBe('erasures/a%2Fb/approve')
    answers = () => ({ body: hold })
    expect((await run(['hold', 'place', '--reason', 'r'])).out).toBe('hold h1 is placed\n')
    expect(JSON.parse((await run(['hold', 'release', 'h1', '--json'])).out)).toEqual(hold)
    answers = () => ({ body: { indexed: 3, published: 5, rebuilding: true } })
    expect(JSON.parse((await run(['search', 'status', '--json'])).out)).toEqual({
      indexed: 3,
      published: 5,
      rebuilding: true,
    })
    expect((await run(['search', 'status'])).out).toMatch(/^3 of 5 /)
  })

  test('what somebody gave as a reason cannot steer the terminal', async () => {
    answers = ({ path: at }) => ({ body: at === 'holds' ? { holds: [hold] } : { erasures: [erasure] } })
    for (const command of ['erasure', 'hold']) {
      const { code, out } = await run([command, 'list'])
      expect(code).toBe(0)
      expect(PARTS.filter((part) => out.includes(part))).toEqual([])
      expect(out.trimEnd().split('\n')).toHaveLength(2)
    }
  })
})

test.each([
  ...['event', 'search', 'erasure', 'hold', 'vault'].map((name) => [name]),
  ...['send', 'search', 'timeline', 'show', 'bundle', 'export'].map((name) => ['event', name]),
  ...['request', 'approve', 'reject', 'list'].map((name) => ['erasure', name]),
  ...['place', 'release', 'list'].map((name) => ['hold', name]),
  ...['status', 'rebuild'].map((name) => ['search', name]),
  ...['rewrap', 'scrub'].map((name) => ['vault', name]),
])('the help of %s %s says what it does, and what each option is', async (...command) => {
  answers = () => ({ status: 500 })
  const { code, out, err } = await run([...command, '--help'])
  expect({ code, err }).toEqual({ code: 0, err: '' })
  expect(out).toMatch(/^Usage: prooflog /)
  // An option whose line ends after its argument, with no indented text below, has no description.
  expect(out.match(/^ {2}-.*[\]>]\n(?! {6})/gm)).toBeNull()
})

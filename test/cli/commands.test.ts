import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { encodeBundle } from '../../src/core/bundle.ts'
import { decodeUtf8, encodeUtf8, toBase64, toHex } from '../../src/core/bytes.ts'
import { hashLeaf } from '../../src/core/hash.ts'
import { type CliInput, type CliResult, runCli } from '../support/run-cli.ts'
import { entriesUpTo, signedCheckpoint, type StaticLog, staticLog } from '../support/static-log.ts'

let log: StaticLog
let folder: string

beforeEach(async () => {
  log = await staticLog()
  folder = await mkdtemp(join(tmpdir(), 'prooflog-cli-'))
  serveAsDefault()
})
afterEach(async () => {
  await log.close()
  await rm(folder, { recursive: true, force: true })
})

/** The static log under /logs/default as well, with what GET /logs/default says of a log. */
function serveAsDefault(): void {
  log.intercept((request, response) => {
    const path = request.url ?? ''
    if (path === '/logs/default') {
      const info = {
        name: 'default',
        origin: log.origin,
        vkeys: [log.vkey],
        created_at: '2026-01-01T00:00:00.000Z',
        size: 1,
        root: toBase64(hashLeaf(encodeUtf8('x'))),
        signed_at: '2026-01-02T00:00:00.000Z',
        level: 'tamper-evident',
      }
      response.end(JSON.stringify({ ...info, problems: [], public: true, dedup: true }))
      return true
    }
    if (!path.startsWith('/logs/default/')) return false
    const at = path.slice('/logs/default/'.length)
    if (at.startsWith('proofs/inclusion?hash=')) {
      const known = entriesUpTo(600).findIndex((entry) => at.endsWith(toHex(hashLeaf(entry))))
      response
        .writeHead(known < 0 ? 404 : 200)
        .end(JSON.stringify({ leaf_index: known, code: 'leaf_not_found' }))
      return true
    }
    const file = log.files.get(at)
    response.writeHead(file ? 200 : 404).end(file)
    return true
  })
}

function run(args: readonly string[], input: CliInput = {}): Promise<CliResult> {
  return runCli(args, { ...input, env: { PROOFLOG_SERVER: log.url, ...input.env } })
}

function path(name: string): string {
  return join(folder, name)
}

async function proofOf(index: number): Promise<string> {
  const file = path(`${index}.tlog-proof`)
  expect(await run(['prove', String(index), '-o', file, '--vkey', log.vkey])).toMatchObject({ code: 0 })
  return file
}

describe('prove and verify', () => {
  beforeEach(() => log.publish(entriesUpTo(600)))

  test('a proof is verified offline, with the policy that log show prints', async () => {
    const policy = path('log.policy')
    await writeFile(policy, (await run(['log', 'show', '--policy'])).out)
    const proof = await proofOf(300)
    await log.close()
    const verified = await runCli(['verify', '--proof', proof, '--line', 'entry 300', '--policy', policy])
    expect(verified).toMatchObject({ code: 0, err: '' })
    expect(verified.out).toMatch(/^verified\nindex +300\n/)
    expect(verified.out).toContain(log.origin)
  })

  test('another entry is refused with exit code 1 and the reason', async () => {
    const proof = await proofOf(300)
    const result = await runCli(['verify', '--proof', proof, '--line', 'entry 301', '--vkey', log.vkey])
    expect(result).toMatchObject({ code: 1, out: '' })
    expect(result.err).toMatch(/^error: .*\(proof_root_mismatch\)\n$/)
  })

  test('with --json the result and the error are objects', async () => {
    const proof = await proofOf(7)
    const args = ['verify', '--proof', proof, '--vkey', log.vkey, '--json']
    expect(JSON.parse((await runCli([...args, '--line', 'entry 7'])).out)).toMatchObject({
      index: 7,
      tree_size: 600,
    })
    const { code, out, err } = await runCli([...args, '--line', 'no'])
    expect([code, out]).toEqual([1, ''])
    expect(JSON.parse(err)).toEqual({ error: { code: 'proof_root_mismatch', message: expect.any(String) } })
  })

  test('the entry may be a file, or its leaf hash in hex or base64', async () => {
    const proof = await proofOf(5)
    const hash = hashLeaf(encodeUtf8('entry 5'))
    await writeFile(path('entry'), 'entry 5')
    await writeFile(path('vkeys'), `# the log\n${log.vkey}\n`)
    for (const claim of [
      ['--entry', path('entry')],
      ['--leaf-hash', toHex(hash)],
      ['--leaf-hash', toBase64(hash)],
    ]) {
      expect((await runCli(['verify', '--proof', proof, '--vkey-file', path('vkeys'), ...claim])).code).toBe(
        0,
      )
    }
  })

  test('a changed proof file is refused', async () => {
    const proof = await proofOf(5)
    await writeFile(proof, (await readFile(proof, 'utf8')).replace('index 5', 'index 6'))
    expect((await runCli(['verify', '--proof', proof, '--line', 'entry 5', '--vkey', log.vkey])).code).toBe(1)
    await writeFile(proof, 'nonsense')
    expect((await runCli(['verify', '--proof', proof, '--line', 'entry 5', '--vkey', log.vkey])).code).toBe(1)
  })

  test('an entry is found by its text, its file or its hash', async () => {
    await writeFile(path('entry'), 'entry 9')
    for (const by of [
      ['--line', 'entry 9'],
      ['--entry', path('entry')],
      ['--leaf-hash', toHex(hashLeaf(encodeUtf8('entry 9')))],
    ]) {
      const result = await run(['prove', ...by, '-o', path('p'), '--json'])
      expect(JSON.parse(result.out)).toMatchObject({ index: 9, file: path('p') })
    }
    expect(await run(['prove', '--line', 'not there', '-o', path('p')])).toMatchObject({ code: 1 })
  })

  test('a server that names the wrong index writes no proof', async () => {
    log.files.set('proofs', new Uint8Array())
    log.intercept((request, response) => {
      const at = (request.url ?? '').slice('/logs/default/'.length)
      if (at.startsWith('proofs/')) response.end('{"leaf_index":8}')
      else response.end(log.files.get(at))
      return true
    })
    const result = await run(['prove', '--line', 'entry 9', '-o', path('p'), '--vkey', log.vkey])
    expect(result).toMatchObject({ code: 1, out: '' })
    await expect(stat(path('p'))).rejects.toMatchObject({ code: 'ENOENT' })
  })

  test('-o - writes the proof to standard output and nothing else', async () => {
    const { bytes } = await run(['prove', '3', '-o', '-'])
    expect(decodeUtf8(bytes)).toMatch(/^c2sp\.org\/tlog-proof@v1\nindex 3\n/)
  })

  test.each([
    [['verify', '--proof', 'x', '--line', 'a'], /whom to believe/],
    [['verify', '--proof', 'x', '--vkey', 'garbage', '--line', 'a'], /--vkey/],
    [['prove', '--leaf-hash', 'a', '--hash', 'b'], /one of/],
    [['keygen', 'no spaces'], /cannot name a key/],
    [['bench', 'nosuchrow'], /no row begins with "nosuchrow"/],
    [['bench', 'append.growth'], /--growth/],
    [['key', 'create', 'a', '--scope', 'logs:admin', '--local', '--key', 'k'], /cannot be used with/],
    [['verify', '--proof', 'x', '--policy', 'a', '--vkey', 'b', '--line', 'a'], /one of/],
    [['prove'], /one of/],
    [['prove', '1', '--line', 'a'], /one of/],
    [['prove', '01'], /whole number/],
    [['get', '5-2'], /neither an index/],
    [['log', 'show', '../keys'], /not the name/],
    [['append', '--batch', '0'], /whole number/],
    [['nope'], /unknown command/],
    [['get'], /missing required argument/],
    [
      ['verify', '--proof', '/nonexistent/p', '--line', 'a', '--vkey-file', '/nonexistent/k'],
      /nonexistent\/[kp]: there is no such file or folder; check the path \(ENOENT\)/,
    ],
  ])('%j is wrong usage: exit code 2 and no stack', async (args, message) => {
    const { code, out, err } = await run(args)
    expect([code, out]).toEqual([2, ''])
    expect(err).toMatch(message)
    expect(err).not.toMatch(/^ +at /m)
  })
})

test('wrong usage is an object too with --json', async () => {
  for (const args of [['nope'], ['get'], ['append', '--batch', '0'], ['verify', '--nope'], []]) {
    const { code, out, err } = await run([...args, '--json'])
    expect([code, out]).toEqual([2, ''])
    expect(JSON.parse(err)).toEqual({ error: { code: 'usage', message: expect.any(String) } })
  }
})

test('the former names of --line and --leaf-hash are understood', async () => {
  log.publish(entriesUpTo(600))
  const proof = await proofOf(5)
  const hash = toHex(hashLeaf(encodeUtf8('entry 5')))
  for (const claim of [
    ['--text', 'entry 5'],
    ['--hash', hash],
  ]) {
    expect((await runCli(['verify', '--proof', proof, '--vkey', log.vkey, ...claim])).code).toBe(0)
    expect((await run(['prove', ...claim, '-o', path('p')])).code).toBe(0)
  }
})

test('log show says size, root and times as the other commands do', async () => {
  const root = toBase64(hashLeaf(encodeUtf8('x')))
  expect(JSON.parse((await run(['log', 'show', '--json'])).out)).toMatchObject({
    tree_size: 1,
    sha256_root_hash: root,
    signed_at: '2026-01-02T00:00:00.000Z',
    created_at: '2026-01-01T00:00:00.000Z',
  })
  expect((await run(['log', 'show'])).out).toContain(`root     ${root}\n`)
})

test('--version prints the version of the package', async () => {
  const { version } = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8')) as {
    version: string
  }
  expect(await run(['--version'])).toMatchObject({ code: 0, out: `${version}\n`, err: '' })
})

describe('get', () => {
  test('an entry that is not there is named, with a code of its own', async () => {
    log.publish(entriesUpTo(3))
    const { code, err } = await run(['get', '99999999', '--json'])
    expect(code).toBe(1)
    expect(JSON.parse(err)).toEqual({
      error: {
        code: 'index_out_of_range',
        message: 'entry 99999999 is not in the log, which has 3 entries',
      },
    })
  })

  test('one entry is printed byte for byte, a range one a line', async () => {
    log.publish([encodeUtf8('a'), new Uint8Array([0, 10, 255]), encodeUtf8('c')])
    expect((await run(['get', '1'])).bytes).toEqual(new Uint8Array([0, 10, 255]))
    expect((await run(['get', '0-0'])).out).toBe('a\n')
    const lines = (await run(['get', '0-2', '--json'])).out.trim().split('\n')
    expect(lines.map((line) => (JSON.parse(line) as { index: number }).index)).toEqual([0, 1, 2])
  })

  test('an altered entry is not printed', async () => {
    log.publish(entriesUpTo(3))
    log.files.set('tile/entries/000.p/3', encodeBundle([encodeUtf8('forged'), ...entriesUpTo(3).slice(1)]))
    expect(await run(['get', '0'])).toMatchObject({
      code: 1,
      out: '',
      err: expect.stringContaining('entry 0'),
    })
  })
})

describe('checkpoint', () => {
  test('is printed as it is, and remembered', async () => {
    log.publish(entriesUpTo(3))
    const args = ['checkpoint', '--vkey', log.vkey, '--remember', path('head')]
    expect((await run(args)).bytes).toEqual(log.files.get('checkpoint'))
    expect(new Uint8Array(await readFile(path('head')))).toEqual(log.files.get('checkpoint'))
    log.publish(entriesUpTo(5))
    expect((await run(args)).code).toBe(0)
  })

  test('that contradicts the remembered one is refused, and both are shown', async () => {
    log.publish(entriesUpTo(3))
    const remembered = signedCheckpoint(log.skey, log.origin, [encodeUtf8('x'), ...entriesUpTo(2)])
    await writeFile(path('head'), remembered)
    const result = await run(['checkpoint', '--vkey', log.vkey, '--remember', path('head')])
    expect(result).toMatchObject({ code: 1, out: '' })
    expect(result.err).toContain(`--- remembered\n${decodeUtf8(remembered)}`)
    expect(result.err).toContain(`--- offered\n${decodeUtf8(log.files.get('checkpoint')!)}`)
    expect(new Uint8Array(await readFile(path('head')))).toEqual(remembered)
  })

  test('an unreadable remembered head is not replaced', async () => {
    log.publish(entriesUpTo(3))
    await writeFile(path('head'), 'garbage')
    expect((await run(['checkpoint', '--vkey', log.vkey, '--remember', path('head')])).code).toBe(1)
    expect(await readFile(path('head'), 'utf8')).toBe('garbage')
  })

  test('keys that the server announces are believed with a warning', async () => {
    log.publish(entriesUpTo(3))
    expect((await run(['checkpoint'])).err).toMatch(/^warning: /)
    expect((await run(['checkpoint', '--vkey', log.vkey])).err).toBe('')
  })
})

describe('audit', () => {
  test('of a static log by its address says what was checked', async () => {
    log.publish(entriesUpTo(300))
    log.publish(entriesUpTo(600))
    const args = ['audit', log.url, '--vkey', log.vkey, '--remember', path('head')]
    const first = await run(args)
    expect(first).toMatchObject({ code: 0, err: '' })
    expect(first.out).toMatch(/^no difference\n/)
    expect(first.out).toContain('2 published, all checked')
    expect(JSON.parse((await run([...args, '--json'])).out)).toMatchObject({
      tree_size: 600,
      heads: 2,
      remembered_size: 600,
    })
  })

  test('ends with exit code 1 and the exact place', async () => {
    log.publish(entriesUpTo(600))
    const lie = entriesUpTo(256)
    lie[77] = encodeUtf8('forged')
    log.files.set('tile/entries/000', encodeBundle(lie))
    const result = await run(['audit', log.url, '--vkey', log.vkey])
    expect(result).toMatchObject({ code: 1, out: '' })
    expect(result.err).toBe('error: entry 77: leaf hash differs from tile/0/000 (entry_differs)\n')
  })

  test('of entries that need a key says how to go on', async () => {
    log.publish(entriesUpTo(600))
    log.intercept((request, response) => {
      if (!request.url?.startsWith('/tile/entries')) return false
      response.writeHead(401).end('{"code":"key_missing","detail":"send a key"}')
      return true
    })
    const refused = await run(['audit', log.url, '--vkey', log.vkey])
    expect(refused).toMatchObject({ code: 1, err: expect.stringContaining('--no-entries') })
    expect((await run(['audit', log.url, '--vkey', log.vkey, '--no-entries'])).out).toContain('not read')
  })
})

describe('keys', () => {
  test('who gave a key is not told to give one', async () => {
    const answer = (code: string): CliInput => ({
      fetch: () => Promise.resolve(new Response(JSON.stringify({ code, detail: 'no' }), { status: 401 })),
    })
    expect((await run(['log', 'list', '--key', 'k'], answer('key_revoked'))).err).not.toContain('--key-file')
    expect((await run(['log', 'list'], answer('key_missing'))).err).toContain('--key-file')
  })

  /** The authorization header of each request. */
  function sentKeys(): (string | undefined)[] {
    const sent: (string | undefined)[] = []
    log.intercept((request, response) => {
      sent.push(request.headers.authorization)
      const file = log.files.get((request.url ?? '').replace(/^\/(logs\/default\/)?/, ''))
      response.writeHead(file ? 200 : 404).end(file)
      return true
    })
    return sent
  }

  test('the admin key of this machine goes to this machine', async () => {
    log.publish(entriesUpTo(1))
    await writeFile(path('admin.key'), 'plog_admin\n')
    const sent = sentKeys()
    await run(['checkpoint', '--vkey', log.vkey], { env: { PROOFLOG_DATA: folder } })
    expect(sent).toEqual(['Bearer plog_admin'])
  })

  test('the admin key of this machine goes to no other machine', async () => {
    await writeFile(path('admin.key'), 'plog_admin\n')
    const sent: unknown[] = []
    await runCli(['log', 'show', '--url', 'https://elsewhere.example'], {
      env: { PROOFLOG_DATA: folder },
      fetch: (url, init) => {
        sent.push([url, init.headers])
        return Promise.resolve(new Response('{}', { status: 401 }))
      },
    })
    expect(sent).toEqual([['https://elsewhere.example/logs/default', {}]])
  })

  test('a key for one server is never sent to another', async () => {
    log.publish(entriesUpTo(1))
    await writeFile(path('admin.key'), 'plog_admin\n')
    const sent = sentKeys()
    const env = {
      PROOFLOG_SERVER: 'https://home.example',
      PROOFLOG_KEY: 'plog_secret',
      PROOFLOG_DATA: folder,
    }
    await run(['audit', log.url, '--vkey', log.vkey], { env })
    expect(sent.length).toBeGreaterThan(2)
    expect(new Set(sent)).toEqual(new Set([undefined]))
    await run(['audit', log.url, '--vkey', log.vkey, '--key', 'plog_given'], { env })
    expect(sent.at(-1)).toBe('Bearer plog_given')
  })

  test('--key-file comes before the environment', async () => {
    log.publish(entriesUpTo(1))
    await writeFile(path('k'), 'plog_file\n')
    const sent = sentKeys()
    await run(['checkpoint', '--vkey', log.vkey, '--key-file', path('k')], {
      env: { PROOFLOG_KEY: 'plog_env' },
    })
    expect(sent).toEqual(['Bearer plog_file'])
  })
})

describe('keygen', () => {
  test('writes a secret that only its owner can read, and never over another', async () => {
    const args = ['keygen', 'log.example/a', '-o', path('k')]
    const { out, code } = await run(args)
    expect(code).toBe(0)
    expect(out).toBe(await readFile(path('k.vkey'), 'utf8'))
    expect((await stat(path('k.skey'))).mode % 0o1000).toBe(0o600)
    const secret = await readFile(path('k.skey'), 'utf8')
    expect(await run(args)).toMatchObject({ code: 2, err: expect.stringContaining('not overwritten') })
    expect(await readFile(path('k.skey'), 'utf8')).toBe(secret)
    expect(out).not.toContain('PRIVATE')
  })

  test('--ml-dsa makes both keys, Ed25519 first', async () => {
    const { out } = await run(['keygen', 'log.example/a', '-o', path('k'), '--ml-dsa', '--json'])
    const { vkeys } = JSON.parse(out) as { vkeys: string[] }
    expect(vkeys.map((vkey) => vkey.length > 1000)).toEqual([false, true])
  })
})

describe('a server that is not there', () => {
  test('is exit code 3, and says how to start one', async () => {
    await log.close()
    const result = await run(['log', 'show'])
    expect(result).toMatchObject({ code: 3, out: '', err: expect.stringContaining('npm start') })
  })
})

test('every command has a help that names its options', async () => {
  const names = [...(await run(['--help'])).out.matchAll(/^ {2}([a-z]+) /gm)].map((match) => match[1]!)
  expect(names).toEqual(
    expect.arrayContaining(['serve', 'append', 'audit', 'verify', 'bench', 'migrate', 'keygen']),
  )
  for (const name of names.filter((name) => name !== 'help')) {
    const { code, out, err } = await run([name, '--help'])
    expect([name, code, err]).toEqual([name, 0, ''])
    expect(out).toContain(`Usage: prooflog ${name}`)
  }
})

// Keys that are not plain lines: encrypted, in the environment, behind a program, behind Vault. The Vault is a small server
// that answers as Transit's documentation says, and does what a test cannot make a real one do.
import { createPrivateKey, generateKeyPairSync, sign } from 'node:crypto'
import { chmodSync, readFileSync, writeFileSync } from 'node:fs'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { formatCheckpoint } from '../../src/core/checkpoint.ts'
import { EMPTY_ROOT } from '../../src/core/hash.ts'
import { formatVkey, generateSkey, type KeyType, vkeyOf } from '../../src/core/keys.ts'
import { formatNote, openNote } from '../../src/core/note.ts'
import { type Signer, verifierOf } from '../../src/core/signer.ts'
import { commandSigner } from '../../src/keys/command-signer.ts'
import { decryptKey, encryptKeys } from '../../src/keys/encrypted-key.ts'
import { createKeyFiles } from '../../src/keys/key-files.ts'
import { parseKeyLine } from '../../src/keys/key-line.ts'
import { createSecrets } from '../../src/keys/secrets.ts'
import { vaultSigner } from '../../src/keys/vault-signer.ts'
import type { LogInfo } from '../../src/log/types.ts'
import { testFolder } from '../support/engine.ts'

const ORIGIN = 'log.example/logs/a'
const TEXT = formatCheckpoint({ origin: ORIGIN, size: 0, root: EMPTY_ROOT, extensions: [] })
const NOW = 1_700_000_000
let home: ReturnType<typeof testFolder>

beforeEach(() => {
  home = testFolder()
})
afterEach(() => home.remove())

function skeyOf(type: KeyType, byte = 1): string {
  return generateSkey(ORIGIN, type, new Uint8Array(32).fill(byte))
}

function infoOf(vkeys: readonly string[]): LogInfo {
  const fixed = { id: 1, name: 'a', origin: ORIGIN, public: false, dedup: true, mirrored: false }
  const now = { state: 'open' as const, successor: undefined, revision: 0, createdAt: new Date(0) }
  return { ...fixed, ...now, vkeys, signing: vkeys }
}

/** Has a checkpoint signed; who signed it, for somebody who knows only the vkey. */
async function signs(signer: Signer): Promise<string[]> {
  const note = formatNote(TEXT, [await signer.sign(TEXT, NOW)])
  return openNote(note, [verifierOf(signer.vkey)]).verified.map(({ vkey }) => vkey)
}

function writeKeys(...lines: string[]): void {
  writeFileSync(join(home.folder, 'a.keys'), lines.map((line) => `${line}\n`).join(''))
}

/** The signers of a key file with these lines. */
function signersOf(lines: readonly string[], env: Record<string, string> = {}): Promise<readonly Signer[]> {
  writeKeys(...lines)
  return createKeyFiles(home.folder, env).signers(infoOf(lines.map((line) => parseKeyLine(line).vkey)))
}

describe('encrypted keys', () => {
  test('sign with the passphrase, from a file, a systemd credential or the environment', async () => {
    const skeys = [skeyOf(0x01), skeyOf(0x06)]
    const lines = (await encryptKeys(skeys, 'correct horse')).map(
      ({ vkey, blob }) => `encrypted ${vkey} ${blob}`,
    )
    expect(lines.join()).not.toMatch(/PRIVATE/)
    const file = join(home.folder, 'passphrase')
    writeFileSync(file, 'correct horse\n')
    writeFileSync(join(home.folder, 'prooflog-passphrase'), 'correct horse')
    for (const env of [
      { PROOFLOG_PASSPHRASE_FILE: file, PROOFLOG_PASSPHRASE: 'not looked at' },
      { CREDENTIALS_DIRECTORY: home.folder, PROOFLOG_PASSPHRASE: 'not looked at' },
      { PROOFLOG_PASSPHRASE: 'correct horse' },
    ]) {
      const signers = await signersOf(lines, env)
      expect(signers.map(({ vkey }) => vkey)).toEqual(skeys.map(vkeyOf))
      for (const signer of signers) expect(await signs(signer)).toEqual([signer.vkey])
    }
  })

  test('are closed without it, with another one, and when anything was changed', async () => {
    const [ours, other] = await encryptKeys([skeyOf(0x01), skeyOf(0x01, 2)], 'right')
    const line = `encrypted ${ours!.vkey} ${ours!.blob}`
    await expect(signersOf([line])).rejects.toMatchObject({
      code: 'log_halted',
      message: expect.stringContaining('PROOFLOG_PASSPHRASE_FILE'),
    })
    await expect(signersOf([line], { PROOFLOG_PASSPHRASE: 'wrong' })).rejects.toMatchObject({
      code: 'log_halted',
    })
    const bytes = Buffer.from(ours!.blob, 'base64')
    for (let at = 4; at < bytes.length; at += 5) {
      const changed = Buffer.from(bytes)
      changed[at]! ^= 1
      const blob = changed.toString('base64')
      await expect(decryptKey({ vkey: ours!.vkey, blob }, 'right')).rejects.toMatchObject({
        code: 'passphrase_wrong',
      })
    }
    const swapped = { vkey: ours!.vkey, blob: other!.blob }
    await expect(decryptKey(swapped, 'right')).rejects.toMatchObject({ code: 'passphrase_wrong' })
    await expect(decryptKey(ours!, 'right')).resolves.toBe(skeyOf(0x01))
  })

  test('that ask for gigabytes of memory are refused unread', async () => {
    const [key] = await encryptKeys([skeyOf(0x01)], 'right')
    for (const [at, value] of [
      [0, 2],
      [1, 30],
      [1, 1],
      [2, 255],
      [3, 0],
    ] as const) {
      const bytes = Buffer.from(key!.blob, 'base64')
      bytes[at] = value
      await expect(
        decryptKey({ vkey: key!.vkey, blob: bytes.toString('base64') }, 'right'),
      ).rejects.toMatchObject({
        code: 'invalid_key_line',
      })
    }
  })

  test('are what a log gets when there is a passphrase; and a rotation of encrypted keys needs it', async () => {
    const keys = createKeyFiles(home.folder, { PROOFLOG_PASSPHRASE: 'right' })
    const made = await keys.create('a', ORIGIN)
    for (const signer of made) expect(await signs(signer)).toEqual([signer.vkey])
    const file = (): string => readFileSync(join(home.folder, 'a.keys'), 'utf8')
    expect(file()).not.toContain('PRIVATE')
    const info = infoOf(made.map(({ vkey }) => vkey))
    await expect(createKeyFiles(home.folder).add(info)).rejects.toMatchObject({ code: 'log_halted' })
    const added = await keys.add(info)
    expect(added).toHaveLength(2)
    expect(file()).not.toContain('PRIVATE')
    expect(file().trimEnd().split('\n')).toHaveLength(4)
  })

  test('a passphrase file that is missing or empty is an error, not a missing passphrase', async () => {
    const empty = join(home.folder, 'empty')
    writeFileSync(empty, '\n')
    for (const PROOFLOG_PASSPHRASE_FILE of [empty, join(home.folder, 'missing')]) {
      const secrets = createSecrets({ PROOFLOG_PASSPHRASE_FILE, PROOFLOG_PASSPHRASE: 'not looked at' })
      await expect(secrets.passphrase()).rejects.toMatchObject({ code: 'passphrase_unusable' })
      await expect(
        createKeyFiles(home.folder, { PROOFLOG_PASSPHRASE_FILE }).create('b', ORIGIN),
      ).rejects.toMatchObject({
        code: 'log_halted',
      })
    }
  })
})

describe('keys in the environment', () => {
  test('sign; a variable that is missing or holds another key does not', async () => {
    const lines = [skeyOf(0x01), skeyOf(0x06)].map((skey, i) => `env ${vkeyOf(skey)} KEY_${i}`)
    const env = { KEY_0: skeyOf(0x01), KEY_1: skeyOf(0x06) }
    for (const signer of await signersOf(lines, env)) expect(await signs(signer)).toEqual([signer.vkey])
    for (const bad of [{}, { ...env, KEY_1: skeyOf(0x06, 2) }, { ...env, KEY_1: 'nonsense' }]) {
      await expect(signersOf(lines, bad)).rejects.toMatchObject({
        code: 'log_halted',
        message: expect.not.stringContaining('nonsense'),
      })
    }
  })
})

describe('keys behind a program', () => {
  test('sign: the message on stdin, the signature in bytes', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    const pem = join(home.folder, 'key.pem')
    writeFileSync(pem, privateKey.export({ format: 'pem', type: 'pkcs8' }))
    const raw = Buffer.from(publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
    const vkey = formatVkey(ORIGIN, 0x01, new Uint8Array(raw))
    const program = script(
      'sign.mjs',
      `import { sign } from 'node:crypto'
import { readFileSync } from 'node:fs'
process.stdout.write(sign(null, Buffer.concat(await process.stdin.toArray()), readFileSync(process.argv[2])))`,
    )
    const [signer] = await signersOf([`command ${vkey} ${process.execPath} ${program} ${pem}`])
    expect(await signs(signer!)).toEqual([vkey])
  })

  test('ML-DSA-44 as well, the signature in base64', async () => {
    const root = new URL('../..', import.meta.url).pathname
    const program = script(
      'sign.mjs',
      `import { ml_dsa44 } from '${root}node_modules/@noble/post-quantum/ml-dsa.js'
const message = Buffer.concat(await process.stdin.toArray())
console.log(Buffer.from(ml_dsa44.sign(message, ml_dsa44.keygen(new Uint8Array(32).fill(1)).secretKey)).toString('base64'))`,
    )
    const signer = commandSigner(vkeyOf(skeyOf(0x06)), process.execPath, [program])
    expect(await signs(signer)).toEqual([vkeyOf(skeyOf(0x06))])
  })

  test('arguments reach the program as they are: there is no shell', async () => {
    const seen = join(home.folder, 'seen')
    const program = script(
      'show.mjs',
      `import { writeFileSync } from 'node:fs'
writeFileSync('${seen}', JSON.stringify(process.argv.slice(2)))`,
    )
    const line = `command ${vkeyOf(skeyOf(0x01))} ${process.execPath} ${program} $HOME ;touch *`
    const [signer] = await signersOf([line])
    await expect(Promise.resolve(signer!.sign(TEXT, NOW))).rejects.toMatchObject({ code: 'log_halted' })
    expect(JSON.parse(readFileSync(seen, 'utf8'))).toEqual(['$HOME', ';touch', '*'])
  })

  test.each([
    ['fails', `process.stderr.write('secret pin'); process.exit(3)`, /exit code 3/],
    ['hangs', `setInterval(() => {}, 1000)`, /no signature within/],
    [
      'never ends to write',
      `setInterval(() => process.stdout.write(Buffer.alloc(4096)), 1)`,
      /more than 8192 bytes/,
    ],
    ['writes too little', `process.stdout.write(Buffer.alloc(63))`, /wrote 63 bytes/],
    ['writes another signature', `process.stdout.write(Buffer.alloc(64))`, /refused: it does not verify/],
    ['writes nothing and reads nothing', `process.stdin.destroy()`, /wrote 0 bytes/],
  ])('one that %s signs nothing, and the reason is told without its words', async (_, code, why) => {
    const signer = commandSigner(vkeyOf(skeyOf(0x01)), process.execPath, ['-e', code], {
      timeout: code.startsWith('setInterval(() => {}') ? 300 : 20_000,
    })
    const failure = await Promise.resolve(signer.sign(TEXT, NOW)).catch((error: unknown) => error as Error)
    expect((failure as Error).message).toMatch(why)
    expect((failure as Error).message).not.toContain('secret pin')
  })

  test('one that is not there is named as a failure of its key', async () => {
    const [signer] = await signersOf([`command ${vkeyOf(skeyOf(0x01))} /nonexistent/signer`])
    await expect(Promise.resolve(signer!.sign(TEXT, NOW))).rejects.toMatchObject({
      code: 'log_halted',
      message: expect.stringMatching(/key [0-9a-f]{8} in .* could not be run/),
    })
  })
})

describe('keys behind Vault', () => {
  const skey = skeyOf(0x01)
  let vault: Server
  let address: string
  let answer: (
    request: { url: string; headers: IncomingMessage['headers']; body: string },
    response: ServerResponse,
  ) => void

  beforeAll(async () => {
    vault = createServer((request, response) => {
      const chunks: Buffer[] = []
      request.on('data', (chunk: Buffer) => chunks.push(chunk))
      request.on('end', () => {
        const body = Buffer.concat(chunks).toString()
        answer({ url: `${request.method} ${request.url}`, headers: request.headers, body }, response)
      })
    })
    await new Promise<void>((resolve) => vault.listen(0, '127.0.0.1', resolve))
    const bound = vault.address()
    address = `http://127.0.0.1:${typeof bound === 'object' && bound ? bound.port : 0}`
  })
  afterAll(() => {
    vault.closeAllConnections()
    vault.close()
  })

  /** As POST /v1/transit/sign/:name does for a key of type ed25519. */
  function signature(body: string, version = 1): string {
    const { input } = JSON.parse(body) as { input: string }
    const raw = sign(null, Buffer.from(input, 'base64'), privateKeyOf(1))
    return JSON.stringify({
      request_id: 'x',
      data: { key_version: version, signature: `vault:v${version}:${raw.toString('base64')}` },
    })
  }

  test('sign: the message goes there in base64, with token, namespace and the version of the key', async () => {
    const token = join(home.folder, 'token')
    writeFileSync(token, 'hvs.first\n')
    const asked: unknown[] = []
    answer = ({ url, headers, body }, response) => {
      const { input, ...rest } = JSON.parse(body) as { input: string }
      const message = Buffer.from(input, 'base64').toString()
      asked.push({
        url,
        token: headers['x-vault-token'],
        namespace: headers['x-vault-namespace'],
        message,
        ...rest,
      })
      response.end(signature(body, 3))
    }
    const env = { VAULT_TOKEN_FILE: token, VAULT_TOKEN: 'not looked at', VAULT_NAMESPACE: 'audit' }
    const [signer] = await signersOf([`vault ${vkeyOf(skey)} ${address} team/transit/log-key 3`], env)
    expect(await signs(signer!)).toEqual([signer!.vkey])
    writeFileSync(token, 'hvs.renewed\n')
    expect(await signs(signer!)).toEqual([signer!.vkey])
    const request = {
      url: 'POST /v1/team/transit/sign/log-key',
      namespace: 'audit',
      message: TEXT,
      key_version: 3,
    }
    expect(asked).toEqual([
      { ...request, token: 'hvs.first' },
      { ...request, token: 'hvs.renewed' },
    ])
  })

  test.each<[string, (body: string, response: ServerResponse) => void, RegExp]>([
    [
      'is sealed',
      (_, response) => response.writeHead(503).end('{"errors":["Vault is sealed"]}'),
      /answered 503/,
    ],
    [
      'refuses the token',
      (_, response) => response.writeHead(403).end('{"errors":["denied secret"]}'),
      /answered 403/,
    ],
    ['hangs', () => {}, /no answer within/],
    [
      'redirects the token elsewhere',
      (_, response) => response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
      /cannot be reached/,
    ],
    ['answers without end', (_, response) => void response.end('x'.repeat(100_000)), /more than 65536 bytes/],
    [
      'signs with another version',
      (body, response) => response.end(signature(body, 2)),
      /no signature of version 1/,
    ],
    [
      'signs with another key',
      (_, response) => {
        const raw = sign(null, Buffer.from(TEXT), privateKeyOf(2)).toString('base64')
        response.end(JSON.stringify({ data: { signature: `vault:v1:${raw}` } }))
      },
      /does not verify/,
    ],
    ['answers something else', (_, response) => response.end('[]'), /no signature/],
  ])('that %s sign nothing', async (what, reply, why) => {
    answer = ({ body }, response) => reply(body, response)
    const secrets = createSecrets({ VAULT_TOKEN: 'hvs.secret' })
    const key = { address, mount: 'transit', name: 'log-key', version: 1 }
    const signer = vaultSigner(vkeyOf(skey), key, secrets, { timeout: what === 'hangs' ? 300 : 20_000 })
    const failure = await Promise.resolve(signer.sign(TEXT, NOW)).catch((error: unknown) => error as Error)
    expect((failure as Error).message).toMatch(why)
    expect((failure as Error).message).not.toMatch(/hvs|denied secret/)
  })

  test('sign nothing without a token', async () => {
    const [signer] = await signersOf([`vault ${vkeyOf(skey)} ${address} log-key`])
    await expect(Promise.resolve(signer!.sign(TEXT, NOW))).rejects.toMatchObject({
      message: expect.stringContaining('VAULT_TOKEN_FILE'),
    })
  })
})

describe('a key file', () => {
  const vkey = vkeyOf(skeyOf(0x01))

  test.each([
    ['an unknown word', `file ${vkey} somewhere`],
    ['no vkey', 'env KEY'],
    ['a changed vkey', `env ${vkey.replace('+', '+0')} KEY`],
    ['no more than the vkey', `command ${vkey}`],
    ['two spaces', `command ${vkey}  program`],
    ['a bad variable', `env ${vkey} KEY=1`],
    ['too many words', `env ${vkey} KEY more`],
    ['a blob that is none', `encrypted ${vkey} AAAA`],
    ['an address that is none', `vault ${vkey} vault:8200 transit-key`],
    ['an address with credentials', `vault ${vkey} https://a:b@vault transit-key`],
    ['a key that leads elsewhere', `vault ${vkey} https://vault ../sys/seal`],
    ['a version that is none', `vault ${vkey} https://vault transit-key 00`],
    ['a type that Vault has not', `vault ${vkeyOf(skeyOf(0x06))} https://vault transit-key`],
    ['a mangled private key', ` ${skeyOf(0x01)}`],
  ])('with %s is refused by the number of its line, and nothing of it is repeated', async (_, line) => {
    writeKeys('# comments and empty lines do not count', '', skeyOf(0x06), line)
    const failure = await createKeyFiles(home.folder)
      .signers(infoOf([vkey]))
      .catch((error: unknown) => error as Error)
    expect(failure).toMatchObject({
      code: 'log_halted',
      message: expect.stringMatching(/^line 4 of .*a\.keys is no key: /),
    })
    expect((failure as Error).message).not.toContain(line.split(' ').at(-1))
  })

  test("that an operator wrote is taken for a new log, if all its keys are the log's and one is Ed25519", async () => {
    const keys = createKeyFiles(home.folder, { KEY: skeyOf(0x01) })
    const line = `env ${vkey} KEY`
    for (const lines of [
      [skeyOf(0x06)],
      [line, generateSkey('elsewhere', 0x01, new Uint8Array(32))],
      [skeyOf(0x04)],
      [],
    ]) {
      writeKeys(...lines)
      await expect(keys.create('a', ORIGIN)).rejects.toMatchObject({ code: 'log_exists' })
    }
    writeKeys(line, line)
    await expect(keys.create('a', ORIGIN)).rejects.toMatchObject({ code: 'log_halted' })
    writeKeys(line)
    expect((await keys.create('a', ORIGIN)).map((signer) => signer.vkey)).toEqual([vkey])
    writeKeys(skeyOf(0x06), line) // in any order: Ed25519 comes first
    expect((await keys.create('a', ORIGIN)).map((signer) => signer.type)).toEqual([0x01, 0x06])
  })

  test('of keys that are held elsewhere gets no private keys by a rotation: their lines have to be added first', async () => {
    const keys = createKeyFiles(home.folder, { OLD: skeyOf(0x01), NEW: skeyOf(0x01, 2) })
    const retired = generateSkey(ORIGIN, 0x01, new Uint8Array(32).fill(3))
    writeKeys(retired, `env ${vkey} OLD`)
    const now = { ...infoOf([vkeyOf(retired), vkey]), signing: [vkey] }
    await expect(keys.add(now)).rejects.toMatchObject({ code: 'state_conflict' })
    writeKeys(`env ${vkey} OLD`, `env ${vkeyOf(skeyOf(0x01, 2))} NEW`)
    expect((await keys.add(infoOf([vkey]))).map((signer) => signer.vkey)).toEqual([vkeyOf(skeyOf(0x01, 2))])
  })
})

function script(name: string, text: string): string {
  const path = join(home.folder, name)
  writeFileSync(path, text)
  chmodSync(path, 0o700)
  return path
}

/** PKCS#8 of an Ed25519 seed (RFC 8410 §7). */
function privateKeyOf(byte: number): ReturnType<typeof createPrivateKey> {
  const der = Buffer.concat([Buffer.from('302e020100300506032b657004220420', 'hex'), Buffer.alloc(32, byte)])
  return createPrivateKey({ key: der, format: 'der', type: 'pkcs8' })
}

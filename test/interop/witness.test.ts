// Witnesses that nobody here wrote cosign for our log, and our witness cosigns for a log that nobody here wrote.
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest'
import { encodeUtf8 } from '../../src/core/bytes.ts'
import { checkPolicy } from '../../src/core/check-policy.ts'
import { formatVkey, generateSkey, parseVkey, vkeyOf } from '../../src/core/keys.ts'
import { openNote } from '../../src/core/note.ts'
import { parsePolicy } from '../../src/core/policy.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { testWitness } from '../support/witness.ts'
import { buildWitnesses, run, whyNoGo } from './programs.ts'
import { type LogToCheck, startService, type TestService } from './service.ts'

const noGo = await whyNoGo()
if (noGo !== undefined) console.warn(`INTEROP SKIPPED, nothing is checked: ${noGo}`)
const SEED = new Uint8Array(32).fill(42)

describe.skipIf(noGo !== undefined)('witnesses and logs of others', () => {
  const folder = mkdtempSync(join(tmpdir(), 'prooflog-witnesses-'))
  const children: ChildProcess[] = []

  beforeAll(() => buildWitnesses(folder))
  afterAll(async () => {
    for (const child of children.toReversed()) {
      const exited = once(child, 'exit')
      if (child.exitCode === null && child.kill()) await exited
    }
    rmSync(folder, { recursive: true, force: true })
  })

  test('a Tessera log publishes only what our witness has cosigned', async () => {
    const skey = generateSkey('tessera.example/log', 0x01, SEED)
    const logKey = parseVkey(vkeyOf(skey))
    const witness = await testWitness([{ key: logKey, origin: logKey.name }])
    const [vkey = '', mlDsa = ''] = witness.vkeys
    const args = [
      `-dir=${join(folder, 'log')}`,
      `-skey=${skey}`,
      `-witness_vkey=${vkey}`,
      `-witness_url=${witness.url}`,
    ]
    const ran = await run(join(folder, 'tessera-log'), args)
    expect(ran.status, ran.all).toBe(0)
    const [size, ...rest] = ran.stdout.split('\n\n')
    const checkpoint = encodeUtf8(rest.join('\n\n'))
    expect(size).toBe('300')
    const { verified } = openNote(checkpoint, [logKey.vkey, vkey].map(verifierOf))
    expect(verified).toHaveLength(2)
    // What monitors see at the witness has the log's signature and both of the witness.
    const hash = Buffer.from(await crypto.subtle.digest('SHA-256', encodeUtf8(logKey.name))).toString('hex')
    const seen = encodeUtf8((await witness.get(`/${hash}/checkpoint`)).text)
    expect(openNote(seen, [logKey.vkey, vkey, mlDsa].map(verifierOf)).verified).toHaveLength(3)
    await witness.remove()
  })

  test('a Tessera log is not cosigned under the key of another', async () => {
    const skey = generateSkey('tessera.example/other', 0x01, SEED)
    const known = parseVkey(
      vkeyOf(
        generateSkey(
          'tessera.example/other',
          0x01,
          SEED.map(() => 7),
        ),
      ),
    )
    const witness = await testWitness([{ key: known, origin: known.name }])
    const args = [
      `-dir=${join(folder, 'other')}`,
      `-skey=${skey}`,
      `-witness_vkey=${witness.vkeys[0]}`,
      `-witness_url=${witness.url}`,
    ]
    const ran = await run(join(folder, 'tessera-log'), args)
    expect(ran.status, ran.all).toBe(1)
    expect(ran.stderr, ran.all).toMatch(/witness policy was not satisfied[^]*403/)
    await witness.remove()
  })

  describe('our log', () => {
    let service: TestService
    let log: LogToCheck
    let policy: string

    beforeAll(async () => {
      service = await startService()
      log = await service.createLog('witnessed')
      const omni = await startOmniwitness()
      const lite = await startLitewitness()
      policy = [
        ...log.vkeys.map((vkey) => `log ${vkey}`),
        `witness omni ${omni.vkey} ${omni.url}`,
        `witness omni-ml-dsa ${omni.mlDsa} ${omni.url}`,
        `witness lite ${lite.vkey} ${lite.url}`,
        'group all-of-them all omni omni-ml-dsa lite',
        'quorum all-of-them',
        '',
      ].join('\n')
      mkdirSync(join(service.folder, 'policies'), { recursive: true })
      writeFileSync(join(service.folder, 'policies', 'witnessed.policy'), policy)
    })
    afterAll(() => service?.stop())

    test('is cosigned by omniwitness, which read our list of logs, and by litewitness, as it grows', async () => {
      for (let round = 0; round < 4; round++) {
        const size = await appendWitnessed(1 + round * 150)
        const checkpoint = new Uint8Array(await (await fetch(`${log.url}/checkpoint`)).arrayBuffer())
        const checked = checkPolicy(checkpoint, parsePolicy(policy))
        expect(checked.checkpoint.size).toBeGreaterThanOrEqual(size)
        expect(checked.checkpoint.origin).toBe(log.origin)
      }
      const listed = await run(join(folder, 'witnessctl'), ['list-logs', '-db', join(folder, 'lite.db')])
      expect(listed.stdout, listed.all).toContain(log.origin)
    })

    /** Appends entries and waits until the quorum has cosigned them; resolves to the size of the log. */
    async function appendWitnessed(count: number): Promise<number> {
      const body = Array.from(
        { length: count },
        (_, i) => `${JSON.stringify({ entry: btoa(`${count} ${i}`) })}\n`,
      ).join('')
      const answer = await fetch(`${log.url}/entries?wait=witnessed&timeout=30`, {
        method: 'POST',
        headers: { authorization: `Bearer ${service.key}`, 'content-type': 'application/x-ndjson' },
        body,
      })
      const text = await answer.text()
      expect(answer.status, text).toBe(200)
      return count
    }

    async function startOmniwitness() {
      const name = 'omniwitness.example'
      const skeys = ([0x01, 0x06] as const).map((type) => generateSkey(name, type, SEED))
      const files = skeys.map((skey, i) => {
        const file = join(folder, `omni-${i}.skey`)
        writeFileSync(file, skey)
        return file
      })
      const port = await freePort()
      start('omniwitness', [
        `--listen=127.0.0.1:${port}`,
        '--metrics_listen=',
        ...files.map((file) => `--private_key_path=${file}`),
        `--public_witness_config_url=${service.url}/logs.v0`,
      ])
      await listening(port)
      const { publicKey } = parseVkey(vkeyOf(skeys[0] ?? ''))
      return {
        url: `http://127.0.0.1:${port}`,
        vkey: formatVkey(name, 0x04, publicKey),
        mlDsa: vkeyOf(skeys[1] ?? ''),
      }
    }

    async function startLitewitness() {
      const name = 'litewitness.example'
      const socket = join(folder, 'agent')
      const key = join(folder, 'lite-key')
      const database = join(folder, 'lite.db')
      await promisify(execFile)('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-f', key])
      start('/usr/bin/env', ['ssh-agent', '-D', '-a', socket])
      const env = { ...process.env, SSH_AUTH_SOCK: socket }
      await vi.waitFor(() => promisify(execFile)('ssh-add', [key], { env }), { timeout: 10_000 })
      const { stdout } = await promisify(execFile)('ssh-keygen', ['-lf', `${key}.pub`])
      for (const args of [
        ['add-log', '-db', database, '-origin', log.origin],
        ['add-key', '-db', database, '-origin', log.origin, '-key', log.vkeys[0]],
      ]) {
        const ran = await run(join(folder, 'witnessctl'), args)
        expect(ran.status, ran.all).toBe(0)
      }
      const port = await freePort()
      start('litewitness', [
        `-db=${database}`,
        `-name=${name}`,
        `-ssh-agent=${socket}`,
        `-key=${stdout.split(' ')[1]}`,
        `-listen=127.0.0.1:${port}`,
      ])
      await listening(port)
      const blob = Buffer.from(readFileSync(`${key}.pub`, 'utf8').split(' ')[1] ?? '', 'base64')
      return {
        url: `http://127.0.0.1:${port}`,
        vkey: formatVkey(name, 0x04, new Uint8Array(blob.subarray(-32))),
      }
    }
  })

  function start(program: string, args: readonly string[]): void {
    const path = program.startsWith('/') ? program : join(folder, program)
    children.push(
      spawn(path, args, {
        stdio: ['ignore', 'ignore', process.env['PROOFLOG_DEBUG'] ? 'inherit' : 'ignore'],
      }),
    )
  }
})

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

async function listening(port: number): Promise<void> {
  const tried = async (): Promise<void> => {
    const socket = connect(port, '127.0.0.1')
    await once(socket, 'connect').finally(() => socket.destroy())
  }
  await vi.waitFor(tried, { timeout: 30_000, interval: 100 })
}

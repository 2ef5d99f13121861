// Our witness cosigns for a log that nobody here wrote.
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { encodeUtf8 } from '../../src/core/bytes.ts'
import { generateSkey, parseVkey, vkeyOf } from '../../src/core/keys.ts'
import { openNote } from '../../src/core/note.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { testWitness } from '../support/witness.ts'
import { buildTesseraLog, run, whyNoGo } from './programs.ts'

const noGo = await whyNoGo()
if (noGo !== undefined) console.warn(`INTEROP SKIPPED, nothing is checked: ${noGo}`)
const SEED = new Uint8Array(32).fill(42)

describe.skipIf(noGo !== undefined)('our witness', () => {
  const folder = mkdtempSync(join(tmpdir(), 'prooflog-witnesses-'))

  beforeAll(() => buildTesseraLog(folder))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))

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
})

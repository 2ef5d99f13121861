// A small witness over HTTP for what a real one cannot be made to show: it keeps the protocol until its script says otherwise.
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { parseCheckpoint } from '../../src/core/checkpoint.ts'
import { generateSkey, type KeyType } from '../../src/core/keys.ts'
import { formatSignatures, parseNote } from '../../src/core/note.ts'
import { localSigner } from '../../src/core/signer.ts'
import { checkConsistency } from '../../src/core/verify.ts'
import { type AddCheckpoint, parseAddCheckpoint } from '../../src/witness/wire.ts'

export interface Scripted {
  readonly status: number
  readonly type?: string
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string | Uint8Array
}

/** `cosign` keeps the protocol; a promise holds the answer back. */
export type Script = (
  request: AddCheckpoint,
  count: number,
) => Scripted | 'cosign' | Promise<Scripted | 'cosign'>

export interface ScriptedWitness {
  readonly url: string
  readonly name: string
  readonly vkeys: readonly string[]
  /** Lines of a policy, without group and quorum: names `<name>`, `<name>-2` for a second key. */
  readonly lines: string
  /** What is done with the next requests. */
  script: Script
  /** What it says that it cosigned last of a log that it has not seen. */
  size: number
  /** What it cosigned last of a log. */
  sizeOf(origin: string): number | undefined
  readonly requests: AddCheckpoint[]
  /** The signature lines for a note, as it would answer them. */
  cosign(note: Uint8Array, time?: number): Promise<Uint8Array>
  close(): Promise<void>
}

export const COSIGN: Script = () => 'cosign'
/** Never answers. */
export const SILENT: Script = () => new Promise(() => {})

export async function scriptedWitness(
  name: string,
  types: readonly KeyType[] = [0x04],
): Promise<ScriptedWitness> {
  const signers = types.map((type) => localSigner(generateSkey(`${name}.example`, type, randomBytes(32))))
  const server = createServer((request, response) => void answer(request, response))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  const vkeys = signers.map((signer) => signer.vkey)

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    const body = parseAddCheckpoint(Buffer.concat(chunks))
    const count = witness.requests.push(body)
    const scripted = await witness.script(body, count)
    const { status, type, headers, body: text } = scripted === 'cosign' ? await protocol(body) : scripted
    response.writeHead(status, { ...(type === undefined ? {} : { 'content-type': type }), ...headers })
    response.end(text ?? '')
  }

  /** By origin; a test that sets the size leaves the root unknown. */
  const cosigned = new Map<string, { readonly size: number; readonly root: Uint8Array }>()

  async function protocol({ oldSize, proof, note }: AddCheckpoint): Promise<Scripted> {
    const next = parseCheckpoint(parseNote(note).text)
    const last = cosigned.get(next.origin)
    const size = last?.size ?? witness.size
    if (oldSize !== size) return { status: 409, type: 'text/x.tlog.size', body: `${size}\n` }
    try {
      if (last !== undefined && oldSize > 0) checkConsistency(oldSize, next.size, last.root, next.root, proof)
    } catch {
      return { status: 422 }
    }
    cosigned.set(next.origin, next)
    return { status: 200, body: await witness.cosign(note) }
  }

  const witness: ScriptedWitness = {
    url,
    name,
    vkeys,
    lines: vkeys.map((vkey, i) => `witness ${name}${i === 0 ? '' : `-${i + 1}`} ${vkey} ${url}/\n`).join(''),
    script: COSIGN,
    size: 0,
    sizeOf: (origin) => cosigned.get(origin)?.size,
    requests: [],
    async cosign(note, time = Math.floor(Date.now() / 1000)) {
      const { text } = parseNote(note)
      return formatSignatures(await Promise.all(signers.map(async (signer) => signer.sign(text, time))))
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return witness
}

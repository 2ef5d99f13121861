// A log as a static host serves it (https://c2sp.org/tlog-tiles), on a real HTTP server on loopback. `files` is all that it
// serves, by path below the prefix: a test makes it lie by changing what is in there.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { appendLeaves, EMPTY_EDGE, edgeRoot } from '../../src/core/append.ts'
import { encodeBundle } from '../../src/core/bundle.ts'
import { concat, decodeUtf8, encodeUtf8, toBase64 } from '../../src/core/bytes.ts'
import { formatCheckpoint } from '../../src/core/checkpoint.ts'
import { hashLeaf } from '../../src/core/hash.ts'
import { generateSkey, vkeyOf } from '../../src/core/keys.ts'
import { formatNote } from '../../src/core/note.ts'
import { localSigner } from '../../src/core/signer.ts'
import { bundlePath, partialWidth, tilePath } from '../../src/core/tile.ts'
import { installNodeCrypto } from '../../src/node-crypto.ts'

installNodeCrypto()

export interface StaticLog {
  readonly url: string
  readonly origin: string
  readonly skey: string
  readonly vkey: string
  readonly files: Map<string, Uint8Array>
  /** Paths asked for, in order. */
  readonly asked: string[]
  /** Publishes the tree of all entries: checkpoint, tiles, bundles, and a line in the list of tree heads. */
  publish(entries: readonly Uint8Array[]): void
  /** Answers instead of the files when it returns true. */
  intercept(handler: (request: IncomingMessage, response: ServerResponse) => boolean): void
  close(): Promise<void>
}

export const SEED = new Uint8Array(32).fill(7)

export function entriesUpTo(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => encodeUtf8(`entry ${i}`))
}

export async function staticLog({
  origin = 'log.example/static',
  heads = true,
  skey = generateSkey(origin, 0x01, SEED),
} = {}): Promise<StaticLog> {
  const files = new Map<string, Uint8Array>()
  const asked: string[] = []
  const published: object[] = []
  let handler = (_request: IncomingMessage, _response: ServerResponse): boolean => false
  const server = createServer((request, response) => {
    const path = (request.url ?? '').slice(1)
    asked.push(path)
    if (handler(request, response)) return
    if (heads && path.startsWith('sths?')) {
      response.end(headList(published, path))
      return
    }
    const file = files.get(path)
    response.writeHead(file ? 200 : 404).end(file)
  })
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    origin,
    skey,
    vkey: vkeyOf(skey),
    files,
    asked,
    publish(entries) {
      published.push(publishTree(files, skey, origin, entries, published.length))
    },
    intercept(next) {
      handler = next
    },
    close: () =>
      new Promise<void>((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

/** A checkpoint signed with `skey`. */
export function signedCheckpoint(skey: string, origin: string, entries: readonly Uint8Array[]): Uint8Array {
  const { root } = appendLeaves(EMPTY_EDGE, concat(...entries.map(hashLeaf)))
  return signedHead(skey, origin, entries.length, root)
}

export function signedHead(skey: string, origin: string, size: number, root: Uint8Array): Uint8Array {
  const text = formatCheckpoint({ origin, size, root, extensions: [] })
  const signature = localSigner(skey).sign(text, 0)
  if (signature instanceof Promise) throw new Error('a local signer signs at once')
  return formatNote(text, [signature])
}

function publishTree(
  files: Map<string, Uint8Array>,
  skey: string,
  origin: string,
  entries: readonly Uint8Array[],
  seq: number,
): object {
  const size = entries.length
  const { edge, tiles } = appendLeaves(EMPTY_EDGE, concat(...entries.map(hashLeaf)))
  for (const tile of tiles) files.set(tilePath({ ...tile, width: 256 }), tile.hashes)
  for (const [level, hashes] of edge.tiles.entries()) {
    const width = partialWidth(level, size)
    if (width > 0) files.set(tilePath({ level, index: Math.floor(size / 256 ** (level + 1)), width }), hashes)
  }
  for (let index = 0; index * 256 < size; index++) {
    const part = entries.slice(index * 256, index * 256 + 256)
    files.set(bundlePath(index, part.length), encodeBundle(part))
  }
  const root = edgeRoot(edge)
  const note = signedHead(skey, origin, size, root)
  files.set('checkpoint', note)
  return {
    seq,
    tree_size: size,
    timestamp: 1_000 * seq,
    sha256_root_hash: toBase64(root),
    checkpoint: decodeUtf8(note),
  }
}

/** GET /sths as src/http/proof-routes.ts answers it: newest first, `seq` below `before`. */
function headList(published: readonly object[], path: string): string {
  const query = new URLSearchParams(path.slice('sths?'.length))
  const end = Math.min(Number(query.get('before') ?? published.length), published.length)
  const start = Math.max(end - Number(query.get('limit') ?? 100), 0)
  return JSON.stringify({ sths: published.slice(start, end).toReversed(), next: start > 0 ? start : null })
}

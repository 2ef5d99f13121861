// A mirror as serve-mirror.ts puts it together, on a database of the test's own, asked without a network in between; with a
// clock and interruptions that the test holds.
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import type { Hono } from 'hono'
import { pino } from 'pino'
import { expect } from 'vitest'
import { parseCheckpoint } from '../../src/core/checkpoint.ts'
import { installMlDsa } from '../../src/core/ml-dsa.ts'
import { openNote } from '../../src/core/note.ts'
import { verifierOf } from '../../src/core/signer.ts'
import { bundlePath, partialWidth, tilePath } from '../../src/core/tile.ts'
import { openLogs, openPool } from '../../src/cosigner-parts.ts'
import { cosignerKeys } from '../../src/files/cosigner-keys.ts'
import { guardFolder } from '../../src/guard/file.ts'
import { createGuard } from '../../src/guard/guard.ts'
import type { Guard, LogStore } from '../../src/log/ports.ts'
import { installNodeCrypto } from '../../src/node-crypto.ts'
import {
  MIRROR_KEYS,
  type MirrorParts,
  mirrorApp,
  type MirrorSettings,
  readingEngine,
} from '../../src/serve-mirror.ts'
import { createPostgresStore } from '../../src/store/store.ts'
import { type TestDatabase, testDatabase } from './database.ts'
import { testFolder } from './engine.ts'
import { signedTree, type SignedTree } from './signed-tree.ts'

installNodeCrypto()
installMlDsa()

export interface TestMirror {
  readonly app: Hono
  /** Ed25519, then ML-DSA-44. */
  readonly vkeys: readonly string[]
  readonly store: LogStore
  readonly guard: Guard
  readonly database: TestDatabase
  readonly folder: string
  readonly hooks: Hooks
  /** POSIX milliseconds. */
  now: number
  post(path: string, body: Uint8Array, headers?: Readonly<Record<string, string>>): Promise<MirrorReply>
  /** Uploads, as octets unless other headers are given. */
  upload(body: Uint8Array, headers?: Readonly<Record<string, string>>): Promise<MirrorReply>
  get(path: string, headers?: Readonly<Record<string, string>>): Promise<MirrorReply>
  /** Brings a checkpoint of the log, which has to be accepted. */
  advance(log: SignedTree, from: number, to: number): Promise<void>
  /** Another process on the same database and folder. */
  another(): Promise<TestMirror>
  stop(): Promise<void>
  remove(): Promise<void>
}

/** What a test does in the middle of a request; each is called once and forgotten. */
export interface Hooks {
  /** Before proven entries are stored. */
  beforeStore?: (() => Promise<void>) | undefined
  /** After all packages, before the copy is signed. */
  beforeSign?: (() => Promise<void>) | undefined
}

export interface MirrorReply {
  readonly status: number
  readonly body: Uint8Array
  readonly text: string
  readonly headers: Headers
}

export interface TestMirrorOptions {
  readonly logs: readonly SignedTree[]
  readonly settings?: Partial<MirrorSettings>
  readonly uploadLimit?: number
  readonly shared?: { readonly database: TestDatabase; readonly folder: string }
}

export const MIRROR_NAME = 'mirror.example/m1'

export async function testMirror(options: TestMirrorOptions): Promise<TestMirror> {
  const home = options.shared ?? testFolder()
  const database = options.shared?.database ?? (await testDatabase())
  const logger = pino({ level: 'silent' })
  const write = await openPool(database.ownerUrl, 'write', 4, logger)
  const read = await openPool(database.ownerUrl, 'read', 4, logger)
  const lead = await openPool(database.ownerUrl, 'lead', 1, logger)
  const settings: MirrorSettings = {
    name: MIRROR_NAME,
    logLists: [],
    logs: options.logs.flatMap(({ listed }) => listed),
    rate: 1_000_000,
    readToken: undefined,
    ...options.settings,
  }
  const known = await openLogs(read, settings, () => {}, logger)
  const hooks: Hooks = {}
  const store = createPostgresStore({ write, read, lead })
  const guard = createGuard(guardFolder(join(home.folder, 'guard')))
  const engine = readingEngine(store, guard, logger)
  await engine.start()
  const skeys = await cosignerKeys(join(home.folder, MIRROR_KEYS), MIRROR_NAME, [0x04, 0x06])
  const parts: MirrorParts = {
    store: interrupted(store, hooks),
    guard,
    engine,
    known,
    write,
    read,
    skeys,
    settings,
    logger,
    clock: () => mirror.now,
    ...(options.uploadLimit === undefined ? {} : { uploadLimit: options.uploadLimit }),
  }
  const { app, vkeys } = mirrorApp(parts)
  const request = async (path: string, init: RequestInit): Promise<MirrorReply> => {
    const response = await app.request(path, init)
    const body = new Uint8Array(await response.arrayBuffer())
    return { status: response.status, body, text: Buffer.from(body).toString(), headers: response.headers }
  }
  const mirror: TestMirror = {
    app,
    vkeys,
    store,
    guard,
    database,
    folder: home.folder,
    hooks,
    now: Math.floor(Date.now() / 1000) * 1000,
    post: (path, body, headers = {}) =>
      request(path, { method: 'POST', body: body as Uint8Array<ArrayBuffer>, headers }),
    upload: async (body, headers = { 'content-type': 'application/octet-stream' }) => {
      const reply = await mirror.post('/add-entries', body, headers)
      expect(reply.headers.get('accept-encoding')).toBe('gzip')
      return reply
    },
    get: (path, headers = {}) => request(path, { headers }),
    async advance(log, from, to) {
      const reply = await mirror.post('/add-checkpoint', await log.advance(from, to))
      expect([reply.status, reply.text]).toEqual([200, ''])
    },
    another: () => testMirror({ ...options, shared: { database, folder: home.folder } }),
    async stop() {
      await engine.stop()
      await known.close()
      await Promise.all([write, read, lead].map((pool) => pool.close()))
    },
    async remove() {
      await mirror.stop()
      await database.drop()
      if ('remove' in home && typeof home.remove === 'function') home.remove()
    },
  }
  return mirror
}

function interrupted(store: LogStore, hooks: Hooks): LogStore {
  const run = async (name: keyof Hooks): Promise<void> => {
    const hook = hooks[name]
    hooks[name] = undefined
    await hook?.()
  }
  return {
    ...store,
    async sequence(logId, work) {
      await run('beforeStore')
      return store.sequence(logId, work)
    },
    // The first thing that signing asks for, outside any transaction.
    async edgeTiles(logId, size) {
      await run('beforeSign')
      return store.edgeTiles(logId, size)
    },
  }
}

export interface UploadParts {
  readonly start: number
  readonly end: number
  readonly ticket?: Uint8Array
  /** Packages that are sent; all unless given. */
  readonly packages?: number
  /** Size that the proofs are for; `end` unless given. */
  readonly size?: number
}

/** The body of an upload, written from the specification and not by src/mirror. */
export function uploadBody(
  log: SignedTree,
  { start, end, ticket = new Uint8Array(), packages, size }: UploadParts,
): Buffer {
  const parts = [uploadHeader(log.origin, BigInt(start), BigInt(end), ticket)]
  const rounded = start - (start % 256)
  const count = start === end ? 0 : (Math.ceil(end / 256) * 256 - rounded) / 256
  for (let i = 0; i < Math.min(count, packages ?? count); i++) {
    const aligned = rounded + i * 256
    const to = Math.min(end, aligned + 256)
    for (let index = Math.max(start, aligned); index < to; index++) parts.push(prefixed(entryAt(index)))
    const { proof } = log.subtree(aligned, to, size ?? end)
    parts.push(Buffer.of(proof.length), ...proof.map((hash) => Buffer.from(hash)))
  }
  return Buffer.concat(parts)
}

export function uploadHeader(
  origin: string,
  start: bigint,
  end: bigint,
  ticket: Uint8Array = new Uint8Array(),
): Buffer {
  const numbers = Buffer.alloc(16)
  numbers.writeBigUInt64BE(start)
  numbers.writeBigUInt64BE(end, 8)
  return Buffer.concat([prefixed(Buffer.from(origin)), numbers, prefixed(ticket)])
}

/** Entry of a signed tree: the decimal index. */
export function entryAt(index: number): Buffer {
  return Buffer.from(String(index))
}

export function gzipped(body: Uint8Array): Buffer {
  return gzipSync(body)
}

export const GZIP = { 'content-type': 'application/octet-stream', 'content-encoding': 'gzip' }

export interface Info {
  readonly size: number
  readonly next: number
  readonly ticket: Buffer
}

/** What a 202 or 409 says. */
export function infoOf(reply: MirrorReply): Info {
  expect(reply.headers.get('content-type')).toBe('text/x.tlog.mirror-info')
  const [size, next, ticket, end] = reply.text.split('\n')
  expect(end).toBe('')
  expect(Number(next), 'a client would start beyond the end').toBeLessThanOrEqual(Number(size))
  return { size: Number(size), next: Number(next), ticket: Buffer.from(ticket!, 'base64') }
}

/** Checks that a 200 holds the mirror's signatures on the checkpoint of this size, and nothing else; returns their time. */
export function signedTime(mirror: TestMirror, log: SignedTree, size: number, reply: MirrorReply): number {
  expect([reply.status, reply.text.split('\n').length]).toEqual([200, 3])
  const note = Buffer.from(
    `${log.origin}\n${size}\n${Buffer.from(log.root(size)).toString('base64')}\n\n${reply.text}`,
  )
  const { verified } = openNote(note, mirror.vkeys.map(verifierOf))
  expect(verified.map(({ vkey }) => vkey)).toEqual(mirror.vkeys)
  expect(new Set(verified.map(({ timestamp }) => timestamp)).size).toBe(1)
  return verified[0]!.timestamp!
}

export function pathOf(log: SignedTree): string {
  return `/${createHash('sha256').update(log.origin).digest('hex')}`
}

/** Checks that the copy is served in full at this size: signed by log and mirror and nobody else, every tile and bundle right. */
export async function checkCopy(mirror: TestMirror, log: SignedTree, size: number): Promise<void> {
  const prefix = pathOf(log)
  const { body, status } = await mirror.get(`${prefix}/checkpoint`)
  expect(status).toBe(200)
  const keys = [...log.vkeys, ...mirror.vkeys]
  const { note, verified } = openNote(body, keys.map(verifierOf))
  expect(verified.map(({ vkey }) => vkey)).toEqual(keys)
  expect(note.signatures.length).toBe(keys.length)
  const checkpoint = parseCheckpoint(note.text)
  expect(checkpoint).toMatchObject({ origin: log.origin, size })
  expect(Buffer.from(checkpoint.root).equals(log.root(size))).toBe(true)
  for (let level = 0, nodes = size; nodes > 0; level++, nodes = Math.floor(nodes / 256)) {
    for (let index = 0; index * 256 < nodes; index++) {
      const width = Math.min(256, nodes - index * 256) || partialWidth(level, size)
      await checkTile(mirror, log, prefix, { level, index, width })
    }
  }
}

async function checkTile(
  mirror: TestMirror,
  log: SignedTree,
  prefix: string,
  tile: { level: number; index: number; width: number },
): Promise<void> {
  const span = 256 ** tile.level
  const first = tile.index * 256
  const hashes = Array.from(
    { length: tile.width },
    (_, i) => log.subtree((first + i) * span, (first + i + 1) * span, (first + i + 1) * span).root,
  )
  const reply = await mirror.get(`${prefix}/${tilePath(tile)}`)
  expect([reply.status, Buffer.compare(reply.body, Buffer.concat(hashes))], tilePath(tile)).toEqual([200, 0])
  if (tile.level > 0) return
  const bundle = await mirror.get(`${prefix}/${bundlePath(tile.index, tile.width)}`)
  const entries = Array.from({ length: tile.width }, (_, i) => prefixed(entryAt(first + i)))
  expect([bundle.status, Buffer.compare(bundle.body, Buffer.concat(entries))]).toEqual([200, 0])
}

/** A log with both kinds of keys. */
export function originLog(name = 'origin.example/log'): SignedTree {
  return signedTree(name, { types: [0x01, 0x06] })
}

function prefixed(bytes: Uint8Array): Buffer {
  const size = Buffer.alloc(2)
  size.writeUInt16BE(bytes.length)
  return Buffer.concat([size, bytes])
}

// Where a log is exported to: files that any static host serves.
import { mkdir } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import type { Transport } from '../client/transport.ts'
import { replaceFile } from '../files/durable.ts'
import type { Bucket } from '../s3/bucket.ts'
import { bucketSource, folderSource } from './source.ts'

/** Files under their path, each of them there whole or not at all. */
export interface StaticTarget {
  /** For messages. */
  readonly name: string
  /** What is there already. */
  readonly source: Transport
  /** A tile or bundle, which never changes; durable on return. */
  write(path: string, bytes: Uint8Array): Promise<void>
  /** The checkpoint, which replaces the one before; durable on return. */
  publish(note: Uint8Array): Promise<void>
}

const IMMUTABLE = 'public, max-age=604800, immutable'

/** @param folder created when missing */
export function folderTarget(folder: string): StaticTarget {
  const root = resolve(folder)
  const made = new Map<string, Promise<unknown>>()

  async function write(path: string, bytes: Uint8Array): Promise<void> {
    const file = join(root, path)
    const parent = dirname(file)
    const making = made.get(parent) ?? mkdir(parent, { recursive: true })
    made.set(parent, making)
    await making
    await replaceFile(file, bytes, 0o644)
  }

  return {
    name: root,
    source: folderSource(root),
    write,
    publish: (note) => write('checkpoint', note),
  }
}

export function bucketTarget(bucket: Bucket): StaticTarget {
  return {
    name: bucket.name,
    source: bucketSource(bucket),
    write: (path, bytes) => bucket.put(path, bytes, { cacheControl: IMMUTABLE }),
    publish: (note) =>
      bucket.put('checkpoint', note, { contentType: 'text/plain; charset=utf-8', cacheControl: 'no-cache' }),
  }
}

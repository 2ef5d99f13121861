// Group commit: what arrives while the disk is busy with one fsync shares the next. No clock: a lone caller waits for one
// fsync, a crowd shares one.
import { type FileHandle, open, rm } from 'node:fs/promises'
import { syncFolder } from '../files/durable.ts'
import { reasonOf, SenderError } from './errors.ts'
import { segmentPath } from './segments.ts'

export interface SegmentWriter {
  /** The segment that is being written to; undefined when the next record begins a new one. */
  readonly segment: number | undefined
  /** Bytes that wait to be written. */
  readonly pending: number
  /** Resolves when the frame is on disk. @throws SenderError `spool_unavailable`, `lock_lost` */
  append(frame: Buffer): Promise<void>
  /** Resolves when the folder can be written to: at once, unless the last write failed. @throws as append */
  probe(): Promise<void>
  /** Waits for what is pending; nothing may be appended any more. */
  close(): Promise<void>
}

export interface WriterParts {
  readonly folder: string
  /** Number of the first new segment. */
  readonly next: number
  /** Size from which on a new segment is begun; bytes. */
  readonly segmentBytes: number
  /** @throws SenderError `lock_lost` */
  readonly assertHeld: () => Promise<void>
  /** Records went to disk; runs before their callers hear of it. */
  readonly onCommit: (segment: number, bytes: number, records: number) => void
}

type Waiter = {
  readonly frame: Buffer
  readonly resolve: () => void
  readonly reject: (error: unknown) => void
}
type OpenSegment = { readonly number: number; readonly file: FileHandle; size: number }

/** Bytes of one write at most, except for one record. */
const GROUP_BYTES = 4_194_304

export function createWriter(parts: WriterParts): SegmentWriter {
  const queue: Waiter[] = []
  const file = segmentFile(parts)
  let running: Promise<void> | undefined
  let failed = false
  let pending = 0

  async function commit(group: readonly Waiter[], bytes: number): Promise<void> {
    try {
      await parts.assertHeld()
      const number = await file.append(Buffer.concat(group.map(({ frame }) => frame)))
      failed = false
      pending -= bytes
      if (bytes > 0) parts.onCommit(number, bytes, group.filter(({ frame }) => frame.length > 0).length)
      for (const { resolve } of group) resolve()
    } catch (cause) {
      failed = true
      pending -= bytes
      const error = asSenderError(cause, parts.folder)
      for (const { reject } of group) reject(error)
    }
  }
  async function drain(): Promise<void> {
    while (queue.length > 0) {
      const { group, bytes } = takeGroup(queue)
      await commit(group, bytes)
    }
    running = undefined
  }

  return {
    get segment() {
      return file.number()
    },
    get pending() {
      return pending
    },
    append: (frame) =>
      new Promise<void>((resolve, reject) => {
        queue.push({ frame, resolve, reject })
        pending += frame.length
        running ??= Promise.resolve().then(drain)
      }),
    async probe() {
      await parts.assertHeld().catch((cause: unknown) => {
        throw asSenderError(cause, parts.folder)
      })
      if (!failed) return
      // A new segment with nothing in it: it takes the same path to the disk as one with something.
      await new Promise<void>((resolve, reject) => {
        queue.push({ frame: Buffer.alloc(0), resolve, reject })
        running ??= Promise.resolve().then(drain)
      })
    },
    async close() {
      while (running) await running
      await file.close()
    },
  }
}

function takeGroup(queue: Waiter[]): { group: Waiter[]; bytes: number } {
  let count = 0
  let bytes = 0
  for (const { frame } of queue) {
    if (count > 0 && bytes + frame.length > GROUP_BYTES) break
    count++
    bytes += frame.length
  }
  return { group: queue.splice(0, count), bytes }
}

/** The file that grows. After a failed write or fsync nobody knows what is in it: it is left, and a new one begun. */
function segmentFile({ folder, next, segmentBytes }: WriterParts) {
  let current: OpenSegment | undefined
  let number = next

  async function begin(): Promise<OpenSegment> {
    await leave()
    const begun = {
      number: number++,
      file: await open(segmentPath(folder, number - 1), 'wx', 0o600),
      size: 0,
    }
    try {
      await syncFolder(folder)
    } catch (error) {
      await abandon(begun)
      throw error
    }
    current = begun
    return begun
  }
  async function leave(): Promise<void> {
    const left = current
    current = undefined
    await left?.file.close()
  }
  async function abandon(left: OpenSegment): Promise<void> {
    current = undefined
    // Best effort: what cannot be cut off now may be delivered, though its callers were told of a failure.
    if (left.size > 0) await left.file.truncate(left.size).catch(() => undefined)
    await left.file.close().catch(() => undefined)
    if (left.size === 0) await rm(segmentPath(folder, left.number), { force: true }).catch(() => undefined)
  }
  return {
    number: () => current?.number,
    async append(bytes: Buffer): Promise<number> {
      const to = current && current.size < segmentBytes ? current : await begin()
      try {
        for (let done = 0; done < bytes.length;) {
          const { bytesWritten } = await to.file.write(bytes, done, bytes.length - done, to.size + done)
          done += bytesWritten
        }
        await to.file.datasync()
      } catch (error) {
        await abandon(to)
        throw error
      }
      to.size += bytes.length
      return to.number
    },
    close: leave,
  }
}

function asSenderError(cause: unknown, folder: string): SenderError {
  if (cause instanceof SenderError) return cause
  const message = `The spool cannot be written to (${folder}): ${reasonOf(cause)}`
  return new SenderError('spool_unavailable', message, { folder }, { cause })
}

// The spool: records go in at one end, durably, and out at the other in the same order, until the log has acknowledged them.
// Its state in memory is derived from the files; the files are right after a crash at any point.
import { rm } from 'node:fs/promises'
import { isBefore, type Position, writeCursor } from './cursor.ts'
import type { DamageKeeper } from './damage.ts'
import { reasonOf, SenderError } from './errors.ts'
import { encodeFrame, FRAME_HEADER, MAX_PAYLOAD, readFrames, type SpoolRecord } from './frames.ts'
import type { FolderLock } from './lock.ts'
import type { Report } from './report.ts'
import { keepAside, readPiece, type Segment, segmentPath } from './segments.ts'
import { createWriter, type SegmentWriter } from './writer.ts'

/** What is to be delivered next. */
export interface Batch {
  readonly records: readonly SpoolRecord[]
  /** Behind the last record of the batch. */
  readonly end: Position
}

export interface Spool {
  readonly waiting: number
  /** Bytes of the segments on disk. */
  readonly bytes: number
  /** When the oldest waiting record was accepted; milliseconds since 1970. */
  readonly oldest: number | undefined
  /** Records that were kept aside since the start. */
  readonly setAside: number
  /** Behind the last record that is on disk. */
  readonly end: Position
  /** Whether all before a position was acknowledged or kept aside. */
  isDone(position: Position): boolean
  /** Takes room; give it back with `release`, or use it with `append`. @throws SenderError `spool_full` */
  take(bytes: number): void
  release(bytes: number): void
  /**
   * Resolves when the record is on disk.
   * @param room bytes taken before, which are given back
   * @throws SenderError `spool_full`, `spool_unavailable`, `lock_lost`
   */
  append(payload: Uint8Array, time: number, room: number): Promise<void>
  /** @throws SenderError `spool_unavailable`, `lock_lost` */
  probe(): Promise<void>
  /** The oldest records, at most `records` and `bytes` of them, at least one; undefined when none waits. */
  head(records: number, bytes: number): Promise<Batch | undefined>
  /** The records of a batch from `head` are done. @param aside why, unless the log has acknowledged them */
  done(batch: Batch, aside?: { readonly reason: string }): Promise<void>
  /** @throws SenderError `lock_lost` */
  assertHeld(): Promise<void>
  close(): Promise<void>
}

const MAX_SEGMENT = 8_388_608
const MIN_SEGMENT = 65_536
/** Read at once: more than the largest batch and the largest record. */
const PIECE = 1_048_576 + 2 * (FRAME_HEADER + MAX_PAYLOAD)

/** Bytes of disk that one record takes. */
export function frameSize(payload: number): number {
  return FRAME_HEADER + payload
}

export type SpoolParts = {
  readonly folder: string
  readonly maxBytes: number
  readonly report: Report
  readonly lock: FolderLock
  readonly damage: DamageKeeper
  readonly cursor: Position
  readonly next: number
  readonly segments: Segment[]
  readonly oldest: number | undefined
}

/** @see openSpool */
export class FileSpool implements Spool {
  readonly #parts: SpoolParts
  readonly #segments: Segment[]
  readonly #writer: SegmentWriter
  #cursor: Position
  #taken = 0
  #aside = 0
  #next: number
  oldest: number | undefined

  constructor(parts: SpoolParts) {
    this.#parts = parts
    this.#segments = parts.segments
    this.#cursor = parts.cursor
    this.#next = parts.next
    this.oldest = parts.oldest
    const segmentBytes = Math.min(MAX_SEGMENT, Math.max(MIN_SEGMENT, Math.floor(parts.maxBytes / 16)))
    this.#writer = createWriter({
      folder: parts.folder,
      next: parts.next,
      segmentBytes,
      assertHeld: () => parts.lock.assertHeld(),
      onCommit: (segment, bytes, records) => this.#committed(segment, bytes, records),
    })
  }

  get waiting(): number {
    return this.#segments.reduce((sum, { waiting }) => sum + waiting, 0)
  }
  get bytes(): number {
    return this.#segments.reduce((sum, { size }) => sum + size, 0)
  }
  get setAside(): number {
    return this.#aside + this.#parts.damage.count()
  }
  get end(): Position {
    const last = this.#segments.at(-1)
    return last ? { segment: last.number, offset: last.size } : this.#cursor
  }
  isDone(position: Position): boolean {
    return !isBefore(this.#cursor, position)
  }
  assertHeld(): Promise<void> {
    return this.#parts.lock.assertHeld()
  }
  probe(): Promise<void> {
    return this.#writer.probe()
  }

  take(bytes: number): void {
    const { maxBytes } = this.#parts
    if (this.bytes + this.#writer.pending + this.#taken + bytes > maxBytes) {
      const message = `The spool is full: ${this.waiting} events wait for the log, of at most ${maxBytes} bytes.`
      throw new SenderError('spool_full', message, {
        waiting: this.waiting,
        bytes: this.bytes,
        limit: maxBytes,
      })
    }
    this.#taken += bytes
  }
  release(bytes: number): void {
    this.#taken -= bytes
  }

  async append(payload: Uint8Array, time: number, room: number): Promise<void> {
    const frame = encodeFrame(payload, time)
    this.release(room)
    this.take(frame.length)
    this.release(frame.length) // from here on it counts as pending
    await this.#writer.append(frame)
  }

  #committed(number: number, bytes: number, records: number): void {
    if (this.waiting === 0) this.oldest = Date.now()
    let last = this.#segments.at(-1)
    if (last?.number !== number) {
      last = { number, size: 0, waiting: 0 }
      this.#segments.push(last)
      this.#next = number + 1
    }
    last.size += bytes
    last.waiting += records
  }

  async head(records: number, bytes: number): Promise<Batch | undefined> {
    for (;;) {
      const [segment] = this.#segments
      if (!segment) return undefined
      if (this.#cursor.segment < segment.number) this.#cursor = { segment: segment.number, offset: 0 }
      if (this.#cursor.offset >= segment.size) {
        if (this.#isOpen(segment)) {
          segment.waiting = 0 // records that were damaged are not waited for
          return undefined
        }
        await this.#remove(segment)
        continue
      }
      const batch = await this.#read(segment, records, bytes)
      const [first] = batch.records
      if (first) {
        this.oldest = first.time
        return batch
      }
      await this.#moveTo(batch.end) // nothing but damage
    }
  }

  async #read(segment: Segment, limit: number, maxBytes: number): Promise<Batch> {
    const from = this.#cursor.offset
    const { size } = segment // it may grow while the file is read
    const wanted = Math.min(PIECE, size - from)
    const piece = await readPiece(this.#parts.folder, this.#cursor, wanted)
    // A file that became shorter than it was has nothing more to give.
    const shrunk = piece.length < wanted
    const whole = shrunk || from + wanted === size
    const records: SpoolRecord[] = []
    let bytes = 0
    let end = 0
    for (const item of readFrames(piece, whole)) {
      if (!item.payload) {
        await this.#parts.damage.keep(
          { segment: segment.number, offset: from + item.at },
          piece.subarray(item.at, item.end),
        )
        end = item.end
        continue
      }
      bytes += item.payload.length + 1
      if (records.length === limit || (records.length > 0 && bytes > maxBytes)) break
      records.push(item)
      end = item.end
    }
    const offset = shrunk && end === piece.length ? size : from + end
    return { records, end: { segment: segment.number, offset } }
  }

  async done(batch: Batch, aside?: { readonly reason: string }): Promise<void> {
    const { folder, report } = this.#parts
    if (aside) {
      for (const record of batch.records) {
        const place = { segment: batch.end.segment, offset: this.#cursor.offset + record.at }
        const file = await keepAside(folder, place, record.payload, 'json')
        this.#aside++
        report('set_aside', `${aside.reason} It is kept in ${file}.`, { file })
      }
    }
    const segment = this.#segments.find(({ number }) => number === batch.end.segment)
    if (segment) segment.waiting = Math.max(0, segment.waiting - batch.records.length)
    await this.#moveTo(batch.end)
    if (segment && !this.#isOpen(segment) && batch.end.offset >= segment.size) await this.#remove(segment)
    if (this.waiting === 0) this.oldest = undefined
  }

  #isOpen(segment: Segment): boolean {
    return segment.number === this.#writer.segment
  }

  async #remove(segment: Segment): Promise<void> {
    const { folder, report } = this.#parts
    this.#segments.splice(this.#segments.indexOf(segment), 1)
    await this.#moveTo({ segment: this.#segments[0]?.number ?? this.#next, offset: 0 })
    await rm(segmentPath(folder, segment.number), { force: true }).catch((error: unknown) => {
      report('spool_unavailable', `A segment that was delivered cannot be removed: ${reasonOf(error)}`, {
        folder,
      })
    })
  }

  /** On a full disk the cursor cannot be written: it goes on in memory, because removing segments makes room again. */
  async #moveTo(position: Position): Promise<void> {
    const { folder, report } = this.#parts
    this.#cursor = position
    await writeCursor(folder, position).catch((error: unknown) => {
      report('spool_unavailable', `The cursor of the spool cannot be written: ${reasonOf(error)}`, { folder })
    })
  }

  async close(): Promise<void> {
    await this.#writer.close()
    if (this.waiting === 0) for (const segment of this.#segments.slice()) await this.#remove(segment)
    await this.#parts.lock.release()
  }
}

// Where one syslog message ends and the next begins on a stream: RFC 6587 octet counting (§3.4.1), which RFC 5425 asks for, and
// line ends (§3.4.2). Both may come on one connection: a frame that begins with a digit other than 0 is counted.

export interface SyslogFrame {
  readonly bytes: Uint8Array
  /** Bytes that it had; more than there are in `bytes` when it was too large. */
  readonly size: number
  readonly fault?: 'too_large' | 'unfinished'
}

const LINE_FEED = 0x0a
const SPACE = 0x20
/** A length beyond this is no length, but a line that begins with a number. Bytes. */
const MAX_COUNTED = 16 * 1024 * 1024
const MAX_PARTS = 256

/** Takes a stream in pieces of any size; the frames do not depend on where it was cut. Holds `maxFrame` bytes at most. */
export class SyslogFramer {
  readonly #maxFrame: number
  #state: 'between' | 'length' | 'counted' | 'line' = 'between'
  #digits: number[] = []
  #left = 0
  #parts: Uint8Array[] = []
  #kept = 0
  #size = 0

  constructor(maxFrame: number) {
    this.#maxFrame = maxFrame
  }

  /** Frames that are complete now. They may share memory with `chunk`. */
  push(chunk: Uint8Array): SyslogFrame[] {
    const frames: SyslogFrame[] = []
    let at = 0
    while (at < chunk.length) at = this.#step(chunk, at, frames)
    return frames
  }

  /**
   * The stream has ended: a last line may lack its end, a counted frame may not.
   * @param broken it was cut off, so that the last line may lack more than that
   */
  end(broken = false): SyslogFrame[] {
    const frames: SyslogFrame[] = []
    if (this.#state === 'length') this.#becomeLine()
    if (this.#state === 'line') this.#emit(frames, broken ? 'unfinished' : undefined)
    if (this.#state === 'counted') this.#emit(frames, 'unfinished')
    return frames
  }

  #step(chunk: Uint8Array, at: number, frames: SyslogFrame[]): number {
    switch (this.#state) {
      case 'between':
        return this.#begin(chunk, at)
      case 'length':
        return this.#readLength(chunk, at)
      case 'counted': {
        const end = Math.min(chunk.length, at + this.#left)
        this.#left -= end - at
        this.#keep(chunk.subarray(at, end))
        if (this.#left === 0) this.#emit(frames)
        return end
      }
      case 'line': {
        const found = chunk.indexOf(LINE_FEED, at)
        const end = found < 0 ? chunk.length : found
        this.#keep(chunk.subarray(at, end))
        if (found < 0) return end
        this.#emit(frames)
        return end + 1
      }
    }
  }

  #begin(chunk: Uint8Array, at: number): number {
    const byte = chunk[at] ?? 0
    // Line ends and padding after a counted frame, and empty lines.
    if (byte === LINE_FEED || byte === 0x0d || byte === SPACE || byte === 0) return at + 1
    this.#state = byte >= 0x31 && byte <= 0x39 ? 'length' : 'line'
    return at
  }

  #readLength(chunk: Uint8Array, at: number): number {
    const byte = chunk[at] ?? 0
    if (byte >= 0x30 && byte <= 0x39 && this.#digits.length < 10) {
      this.#digits.push(byte)
      return at + 1
    }
    const length = Number(String.fromCharCode(...this.#digits))
    if (byte !== SPACE || length > MAX_COUNTED) {
      this.#becomeLine()
      return at
    }
    this.#digits = []
    this.#left = length
    this.#state = 'counted'
    return at + 1
  }

  #becomeLine(): void {
    this.#keep(Uint8Array.from(this.#digits))
    this.#digits = []
    this.#state = 'line'
  }

  #keep(part: Uint8Array): void {
    this.#size += part.length
    const room = this.#maxFrame - this.#kept
    if (room <= 0 || part.length === 0) return
    const kept = part.length <= room ? part : part.subarray(0, room)
    this.#kept += kept.length
    this.#parts.push(kept)
    // A sender that sends byte by byte must not make us hold an object for each.
    if (this.#parts.length > MAX_PARTS) this.#parts = [Buffer.concat(this.#parts)]
  }

  #emit(frames: SyslogFrame[], fault?: 'unfinished'): void {
    const [first] = this.#parts
    const bytes = this.#parts.length === 1 && first ? first : Buffer.concat(this.#parts)
    const size = this.#size
    const what = fault ?? (size > bytes.length ? 'too_large' : undefined)
    frames.push(what === undefined ? { bytes, size } : { bytes, size, fault: what })
    this.#state = 'between'
    this.#parts = []
    this.#kept = 0
    this.#size = 0
    this.#left = 0
  }
}

import { MAX_ENTRY_SIZE } from '../core/bundle.ts'
import { concat } from '../core/bytes.ts'
import { FormatError } from '../core/errors.ts'

const NEWLINE = 0x0a

/**
 * The lines of a stream without their newline, byte for byte; a last line without one counts, and an empty line is an entry.
 * @param name of the stream, for the error
 * @param limit bytes of a line at most; those of an entry unless given
 * @throws FormatError `entry_too_large`, naming the first line that is larger
 */
export async function* readLines(
  chunks: AsyncIterable<Uint8Array>,
  name: string,
  limit = MAX_ENTRY_SIZE,
): AsyncGenerator<Uint8Array, void, undefined> {
  let begun: Uint8Array[] = []
  let size = 0
  let line = 1
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      const newline = chunk.indexOf(NEWLINE, at)
      const end = newline < 0 ? chunk.length : newline
      size += end - at
      if (size > limit) {
        throw new FormatError(
          'entry_too_large',
          `${name}, line ${line}: more than ${limit} bytes, which is too much for one`,
          { line },
        )
      }
      // A copy, and never a Buffer, whose slice() shares memory.
      begun.push(new Uint8Array(chunk.subarray(at, end)))
      at = end + 1
      if (newline < 0) break
      yield begun.length === 1 && begun[0] ? begun[0] : concat(...begun)
      begun = []
      size = 0
      line++
    }
  }
  if (begun.length > 0) yield concat(...begun)
}

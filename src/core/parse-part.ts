// One format inside another: the error of the inner parser is told in the words of the outer one.
import { FormatError, type FormatErrorCode } from './errors.ts'

/**
 * Runs the parser of a part of a larger text.
 * @throws FormatError with the `code` of the larger text and `where` before the message of the inner parser.
 */
export function parsePart<T>(code: FormatErrorCode, where: string, parse: () => T): T {
  try {
    return parse()
  } catch (error) {
    if (error instanceof FormatError)
      throw new FormatError(code, `${where}: ${error.message}`, error.evidence)
    throw error
  }
}

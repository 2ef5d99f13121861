// The array types that statements here use. The driver would ask the server for all of them, once a connection, where nobody
// hears of its failure: a connection lost at that moment ends the process.

const TEXT_ARRAY = 1009

interface ArrayType {
  readonly to: number
  readonly from: number[]
  /** Takes a literal, too: the query builder makes its own. */
  readonly serialize: (value: readonly unknown[] | string) => string
  readonly parse: (literal: string) => (string | null)[]
}

function arrayType(oid: number, from: number[]): ArrayType {
  return {
    to: oid,
    from,
    serialize: (value) => (typeof value === 'string' ? value : `{${value.map(element).join(',')}}`),
    parse: parseTexts,
  }
}

/** Of one dimension. The query builder's own parser loses backslashes. */
function parseTexts(literal: string): (string | null)[] {
  return Array.from(literal.matchAll(/"((?:[^"\\]|\\.)*)"|([^,{}]+)/gs), ([, quoted, bare]) => {
    if (quoted !== undefined) return quoted.replaceAll(/\\(.)/gs, '$1')
    return bare === undefined || bare === 'NULL' ? null : bare
  })
}

/** Quoted, so that no text is taken for more than itself. */
function element(value: unknown): string {
  return typeof value === 'number' ? String(value) : `"${String(value).replaceAll(/[\\"]/g, '\\$&')}"`
}

export const ARRAY_TYPES = {
  textArray: arrayType(TEXT_ARRAY, [TEXT_ARRAY]),
  smallintArray: arrayType(1005, []),
  integerArray: arrayType(1007, []),
  bigintArray: arrayType(1016, []),
}

import type { Context } from 'hono'
import type { z } from 'zod'
import { decodeUtf8 } from '../core/bytes.ts'
import { FormatError } from '../core/errors.ts'
import { listFaults, shapeFault } from '../shape/shape-faults.ts'
import { readBody } from './body.ts'
import { HttpError } from './errors.ts'

const LIMIT = 65_536

/** A small JSON body of the given shape. @throws HttpError `invalid_body`, `body_too_large`, `unsupported_media_type` */
export async function jsonBody<T extends z.ZodType>(c: Context, schema: T): Promise<z.infer<T>> {
  if (mediaType(c) !== 'application/json') {
    throw new HttpError('unsupported_media_type', 'send the body as application/json')
  }
  const json = parseJson(await readBody(c, LIMIT, 'body_too_large'))
  const result = schema.safeParse(json, { error: shapeFault })
  if (result.success) return result.data
  throw new HttpError('invalid_body', listFaults(result.error, 'body').slice(0, 1000))
}

/** @throws HttpError `invalid_body` */
export function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(decodeUtf8(bytes))
  } catch (error) {
    // V8's message repeats the text, which may be an entry.
    if (error instanceof FormatError || error instanceof SyntaxError)
      throw new HttpError('invalid_body', 'not JSON in UTF-8')
    throw error
  }
}

/** The content type without parameters, in lower case; empty if there is none. */
export function mediaType(c: Context): string {
  const type = c.req.header('content-type') ?? ''
  const end = type.indexOf(';')
  return (end === -1 ? type : type.slice(0, end)).trim().toLowerCase()
}

import { concat } from '../core/bytes.ts'
import { ClientError } from './errors.ts'

/** The body of an answer, read no further than `limit` bytes. @throws ClientError `bad_answer` when there are more */
export async function readAnswer(response: Response, limit: number, where: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = []
  let size = 0
  const reader = response.body?.getReader()
  while (reader) {
    const { done, value } = await reader.read()
    if (done) break
    size += value.length
    if (size > limit) {
      await reader.cancel()
      throw new ClientError('bad_answer', `${where} answered with more than the ${limit} bytes expected.`)
    }
    chunks.push(value)
  }
  return concat(...chunks)
}

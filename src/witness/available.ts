import { Refusal } from './refusal.ts'

/** Longest wait for the database; milliseconds. A caller that is not answered comes again, and finds what was stored. */
const DEADLINE = 10_000

/** Runs a statement. @throws Refusal `not_available` when the database fails or does not answer in time */
export async function available<T>(work: () => PromiseLike<T>): Promise<T> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${DEADLINE} ms`)), DEADLINE)
  })
  try {
    return await Promise.race([work(), late])
  } catch (cause) {
    throw new Refusal('not_available', 'The database does not answer: try again.', {}, { cause })
  } finally {
    clearTimeout(timer)
  }
}

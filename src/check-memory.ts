// What the self-check remembers, in one file of the data folder: outside the database, as the guard.
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { z } from 'zod'
import { decodeUtf8, encodeUtf8 } from './core/bytes.ts'
import { readIfThere, replaceFile } from './files/durable.ts'
import type { Memory } from './self-check/ports.ts'

const size = z.int().min(0)
const file = z.record(
  z.string().regex(/^[0-9]+$/),
  z.strictObject({
    identity: z.string(),
    size,
    seq: z.int().min(-1),
    next: z.strictObject({ entry: size, seq: size }),
  }),
)

/** A file that cannot be understood is as good as none: `onLost` hears of it. */
export function createCheckMemory(path: string, onLost: (message: string) => void): Memory {
  let written = ''
  return {
    async load() {
      const bytes = await readIfThere(path)
      if (bytes === undefined) return new Map()
      try {
        const logs = file.parse(JSON.parse(decodeUtf8(bytes)))
        return new Map(Object.entries(logs).map(([id, remembered]) => [Number(id), remembered]))
      } catch {
        onLost(`${path} cannot be understood: the self-check begins anew`)
        return new Map()
      }
    },
    async save(remembered) {
      const text = `${JSON.stringify(Object.fromEntries(remembered), undefined, 1)}\n`
      if (text === written) return
      mkdirSync(dirname(path), { recursive: true })
      await replaceFile(path, encodeUtf8(text), 0o600)
      written = text
    },
  }
}

/**
 * What was known of a log is of a database that is no more: it was restored.
 * @param log under its number, and under the one that it had before
 */
export async function forgetLog(path: string, { id, origin }: { id: number; origin: string }): Promise<void> {
  const memory = createCheckMemory(path, () => {})
  const remembered = new Map(await memory.load())
  for (const [known, { identity }] of remembered) {
    const same = identity.includes(`"origin":${JSON.stringify(origin)},`)
    if (known === id || same) remembered.delete(known)
  }
  await memory.save(remembered)
}

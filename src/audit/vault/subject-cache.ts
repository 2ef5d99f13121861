// The keys that this process remembers, by row and by what senders call their subject.
import { LRUCache } from 'lru-cache'
import type { SubjectKey } from './subject-key.ts'

export interface SubjectCache {
  /** Moves on whenever something is forgotten: what was read before is not remembered after. */
  readonly epoch: number
  get(subjectId: number): SubjectKey | undefined
  named(name: string): SubjectKey | undefined
  /** @param readAt the epoch before it was read */
  add(key: SubjectKey, readAt: number): void
  name(name: string, subjectId: number, readAt: number): void
  /** One subject, or all. */
  forget(subjectId?: number): void
}

/** Subjects a process remembers: some 60 MB. */
const CACHED = 50_000

export function subjectCache(): SubjectCache {
  const keys = new LRUCache<number, SubjectKey>({
    max: CACHED,
    dispose: (_, subjectId) => {
      const name = nameById.get(subjectId)
      if (name !== undefined) idByName.delete(name)
      nameById.delete(subjectId)
    },
    noDisposeOnSet: true,
  })
  const nameById = new Map<number, string>()
  const idByName = new Map<string, number>()
  let epoch = 0
  return {
    get epoch(): number {
      return epoch
    },
    get: (subjectId: number): SubjectKey | undefined => keys.get(subjectId),
    named(name: string): SubjectKey | undefined {
      const subjectId = idByName.get(name)
      return subjectId === undefined ? undefined : keys.get(subjectId)
    },
    add(key: SubjectKey, readAt: number): void {
      if (readAt === epoch) keys.set(key.subjectId, key)
    },
    name(name: string, subjectId: number, readAt: number): void {
      if (readAt !== epoch || !keys.has(subjectId)) return
      idByName.set(name, subjectId)
      nameById.set(subjectId, name)
    },
    forget(subjectId?: number): void {
      epoch++
      if (subjectId !== undefined) {
        keys.delete(subjectId)
        return
      }
      keys.clear()
      nameById.clear()
      idByName.clear()
    },
  }
}

// Who made whose key, over generations.
import type { KeyInfo } from './keys.ts'

/** Ids of those that made the key, its maker first, then the maker's maker. A token was made by nobody here. */
export function lineageOf(keys: readonly Pick<KeyInfo, 'id' | 'createdBy'>[], id: string): string[] {
  const makers = new Map(keys.map((key) => [key.id, key.createdBy]))
  const lineage: string[] = []
  for (let maker = makers.get(id); maker != null && !lineage.includes(maker); maker = makers.get(maker))
    lineage.push(maker)
  return lineage
}

/** Whether one of the two made the other's key, or the key that made it, and so on. */
export function areOneLine(
  keys: readonly Pick<KeyInfo, 'id' | 'createdBy'>[],
  a: string,
  b: string,
): boolean {
  return a === b || lineageOf(keys, a).includes(b) || lineageOf(keys, b).includes(a)
}

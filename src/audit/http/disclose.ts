import { parseDisclosure } from '../../core/disclosure.ts'
import { invalid } from '../../http/query.ts'
import type { Disclosure } from '../event/types.ts'
import type { ReadEvent } from '../follow/read-events.ts'

/**
 * The disclosures that were asked for: `all`, or paths with commas between, each with all below it.
 * @throws HttpError `invalid_parameter` naming a path of which nothing is left or never was
 */
export function disclosuresFor({ disclosures }: ReadEvent, asked: string | undefined): readonly Disclosure[] {
  if (asked === undefined) return []
  if (asked === 'all') return disclosures
  const paths = asked.split(',')
  const known = disclosures.map((disclosure) => ({ disclosure, path: parseDisclosure(disclosure).path }))
  const nothing = paths.find((path) => !known.some((one) => isWithin(one.path, path)))
  if (nothing !== undefined)
    throw invalid(
      `disclose: the event has no personal field ${JSON.stringify(nothing)} that could be disclosed; erased fields are gone`,
    )
  return known
    .filter(({ path }) => paths.some((one) => isWithin(path, one)))
    .map(({ disclosure }) => disclosure)
}

function isWithin(path: string, above: string): boolean {
  return path === above || path.startsWith(`${above}.`)
}

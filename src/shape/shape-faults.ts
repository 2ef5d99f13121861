// What is wrong with a value that has not the shape it should have, in our words: zod's speak of types to programmers.
import type { z } from 'zod'

const TYPES: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
}
const FORMATS: Readonly<Record<string, string>> = {
  datetime: 'must be a time such as 2030-01-01T00:00:00Z',
  url: 'must be an address such as https://log.example',
  base64: 'must be base64',
}

/** For zod's `error` option; a schema's own words come before these. Never repeats the value, which may be a secret. */
export function shapeFault(issue: z.core.$ZodRawIssue): string | undefined {
  switch (issue.code) {
    case 'invalid_type': {
      const wanted = TYPES[issue.expected] ?? 'something else'
      return issue.input === undefined ? `is missing: give ${wanted}` : `must be ${wanted}`
    }
    case 'too_small':
      if (issue.origin === 'number' || issue.origin === 'int') return `must be at least ${issue.minimum}`
      return issue.minimum === 1 ? 'must not be empty' : `must have at least ${issue.minimum} ${unit(issue)}`
    case 'too_big':
      if (issue.origin === 'number' || issue.origin === 'int') return `must be at most ${issue.maximum}`
      return `must have at most ${issue.maximum} ${unit(issue)}`
    case 'invalid_value':
      return `must be ${issue.values
        .map((value) => JSON.stringify(value))
        .join(', ')
        .replace(/, ([^,]*)$/, ' or $1')}`
    case 'unrecognized_keys':
      return `has members that are not known here: ${issue.keys.map((key) => JSON.stringify(key)).join(', ')}`
    case 'invalid_format':
      return FORMATS[issue.format]
    case 'invalid_union':
      return 'has none of the forms that it may have: see /docs'
    case 'custom':
    case 'invalid_element':
    case 'invalid_key':
    case 'not_multiple_of':
      return undefined
  }
}

/** The first ten, each with the place of its value; `whole` is what the value itself is called. */
export function listFaults({ issues }: z.ZodError, whole: string): string {
  return issues
    .slice(0, 10)
    .map(({ path, message }) => `${path.map(String).join('.') || whole}: ${message}`)
    .join('; ')
}

function unit({ origin }: { readonly origin: string }): string {
  return origin === 'string' ? 'characters' : 'members'
}

// A body or a setting that is not what it should be is refused in words that say where, what, and what to do.
import { expect, test } from 'vitest'
import type { z } from 'zod'
import { exportBody, newErasure, newHold } from '../../src/audit/http/schemas.ts'
import { readConfig } from '../../src/config.ts'
import { newKey, newLog, newState } from '../../src/http/schemas.ts'
import { shapeFault } from '../../src/shape/shape-faults.ts'
import { ALL, problemOf, testApp } from '../support/http-app.ts'

function faultsOf(schema: z.ZodType, body: unknown): string[] {
  const issues = schema.safeParse(body, { error: shapeFault }).error?.issues ?? []
  return issues.map(({ path, message }) => `${path.join('.')}: ${message}`)
}

test.each<[string, z.ZodType, unknown, string[]]>([
  ['no basis', newErasure, { subject: 'a' }, ['basis: is missing: give a text']],
  ['an empty basis', newErasure, { subject: 'a', basis: '' }, ['basis: must not be empty']],
  [
    'a long one',
    newErasure,
    { subject: 'a', basis: 'x'.repeat(501) },
    ['basis: must have at most 500 characters'],
  ],
  [
    'an odd one',
    newErasure,
    { subject: 'a', basis: '\0' },
    ['basis: holds a NUL or half of a surrogate pair'],
  ],
  ['no reason', newHold, { reason: '' }, ['reason: must not be empty']],
  [
    'another kind',
    newHold,
    { reason: 'x', kind: 'person' },
    ['kind: must be "actor", "ip", "source", "raw" or "ref"'],
  ],
  [
    'what nobody knows',
    newHold,
    { reason: 'x', color: 1 },
    [': has members that are not known here: "color"'],
  ],
  ['no object', newState, [], [': must be an object']],
  [
    'a key',
    newKey,
    { name: '', role: 'x', scopes: [], logs: 'a', expires_at: 'soon', rate_read: -1, rate_append: 1.5 },
    [
      'name: must not be empty',
      'role: must be "producer", "analyst", "auditor", "admin" or "dpo"',
      'scopes: must not be empty',
      'logs: must be a list',
      'expires_at: must be a time such as 2030-01-01T00:00:00Z',
      'rate_append: must be a whole number',
      'rate_read: must be at least 0',
    ],
  ],
  [
    'a log',
    newLog,
    { name: 'A', public: 1, origin: 'x'.repeat(256) },
    [
      'name: must be the name of a log: 1 to 63 of a-z, 0-9 and -, not - at either end',
      'origin: must have at most 255 characters',
      'origin: must be 1 to 255 bytes without white space and plus signs',
      'public: must be true or false',
    ],
  ],
  [
    'an export',
    exportBody,
    { reveal: 'yes' },
    ['format: must be "ndjson", "csv" or "ocsf"', 'reveal: must be true or false'],
  ],
])('%s', (_, schema, body, faults) => {
  expect(faultsOf(schema, body)).toEqual(faults)
})

test('a refused body says it so', async () => {
  const { app } = await testApp()
  const headers = { ...ALL, 'content-type': 'application/json' }
  const answer = await app.request('/keys', { method: 'POST', headers, body: '{"name":"","role":"auditor"}' })
  expect(await problemOf(answer)).toMatchObject({
    code: 'invalid_body',
    body: { detail: 'name: must not be empty' },
  })
})

test('so does a setting', () => {
  const env = { PORT: '99999', PROOFLOG_WITNESS_FAIL: 'ajar', PROOFLOG_URL: 'log' }
  expect(() => readConfig(env)).toThrow(
    'PORT: must be at most 65535; PROOFLOG_URL: must be an address such as https://log.example; ' +
      'PROOFLOG_WITNESS_FAIL: must be "closed" or "open"',
  )
})

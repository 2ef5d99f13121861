// The file of the identity providers is complete, or refused as a whole, in words that say where, what, and what it must be.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseOidc, readOidcFile } from '../../src/access/oidc.ts'

const GRANT = { value: 'audit', role: 'auditor' }
const ISSUER = { issuer: 'https://id.example', audience: 'x', grants: [GRANT] }

const granting = (grant: object): object => ({ issuers: [{ ...ISSUER, grants: [GRANT, grant] }] })
const issuing = (more: object): object => ({
  issuers: [ISSUER, { ...ISSUER, issuer: 'https://b.example', ...more }],
})

const WHERE = 'issuers.1'
const GRANTED = 'issuers.0.grants.1'

test.each<[string, unknown, string[]]>([
  ['no object', null, ['the file: must be an object']],
  ['a list', [], ['the file: must be an object']],
  ['nothing', {}, ['issuers: is missing: give a list']],
  ['nobody', { issuers: [] }, ['issuers: must not be empty']],
  ['one issuer twice', { issuers: [ISSUER, ISSUER] }, ['issuers: must not name an issuer twice']],
  [
    'what nobody knows',
    { issuers: [ISSUER], realm: 1 },
    ['the file: has members that are not known here: "realm"'],
  ],
  [
    'the same further in',
    issuing({ audiences: ['x'] }),
    [`${WHERE}: has members that are not known here: "audiences"`],
  ],
  ['no issuer', issuing({ issuer: undefined }), [`${WHERE}.issuer: is missing: give a text`]],
  [
    'no address',
    issuing({ issuer: 'id.example' }),
    [`${WHERE}.issuer: must be an address such as https://log.example`],
  ],
  ...['http://id.example', 'https://id.example/?a=b', 'https://id.example/#a'].map(
    (issuer): [string, unknown, string[]] => [
      issuer,
      issuing({ issuer }),
      [`${WHERE}.issuer: must be https, or http on this machine, without query and fragment`],
    ],
  ),
  [
    'a long one',
    issuing({ issuer: `https://${'x'.repeat(250)}` }),
    [`${WHERE}.issuer: must have at most 255 characters`],
  ],
  [
    'other kinds of values',
    issuing({ audience: 1, claim: null, grants: {}, clockTolerance: '60' }),
    [
      `${WHERE}.audience: must be a text`,
      `${WHERE}.claim: must be a text`,
      `${WHERE}.grants: must be a list`,
      `${WHERE}.clockTolerance: must be a number`,
    ],
  ],
  ['half a second', issuing({ clockTolerance: 1.5 }), [`${WHERE}.clockTolerance: must be a whole number`]],
  ['too many seconds', issuing({ clockTolerance: 601 }), [`${WHERE}.clockTolerance: must be at most 600`]],
  ['too few', issuing({ clockTolerance: -1 }), [`${WHERE}.clockTolerance: must be at least 0`]],
  ['neither role nor scopes', granting({ value: 'x' }), [`${GRANTED}: must have either role or scopes`]],
  ['both', granting({ ...GRANT, scopes: ['logs:admin'] }), [`${GRANTED}: must have either role or scopes`]],
  [
    'a grant of nothing',
    granting({ value: '', role: 'root', logs: [], source: '' }),
    [
      `${GRANTED}.value: must not be empty`,
      `${GRANTED}.role: must be "producer", "analyst", "auditor", "admin" or "dpo"`,
      `${GRANTED}.logs: must not be empty`,
      `${GRANTED}.source: must not be empty`,
    ],
  ],
  [
    'no name of a log',
    granting({ ...GRANT, logs: ['a', 'A B'] }),
    [`${GRANTED}.logs.1: must be the name of a log`],
  ],
  [
    'our source',
    granting({ ...GRANT, source: 'prooflog' }),
    [`${GRANTED}.source: must not be prooflog, which is the service's own`],
  ],
])('%s', (_, json, faults) => {
  expect(() => parseOidc(json)).toThrow(
    expect.objectContaining({
      code: 'oidc_invalid',
      message: `the identity providers are not usable: ${faults.join('; ')}`,
    }),
  )
})

test('a scope that is none is answered with those that are', () => {
  expect(() => parseOidc(granting({ value: 'x', scopes: ['logs:all'] }))).toThrow(
    /issuers\.0\.grants\.1\.scopes\.0: must be "[a-z]+:[a-z]+".* or "[a-z]+:[a-z]+"$/,
  )
})

test('no value is repeated, and no more than ten faults are told', () => {
  const grants = Array.from({ length: 12 }, () => ({ value: 'x', role: 'hunter2' }))
  const refused = (): unknown => parseOidc({ issuers: [{ ...ISSUER, grants }] })
  expect(refused).toThrow(/grants\.9\.role: [^;]*$/)
  expect(refused).not.toThrow(/hunter2/)
})

test('what is not said has its default', () => {
  expect(parseOidc({ issuers: [ISSUER] }).issuers[0]).toMatchObject({ claim: 'groups', clockTolerance: 60 })
})

test('the file is read as it is, or said to be unreadable', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'prooflog-oidc-'))
  const path = join(folder, 'oidc.json')
  await expect(readOidcFile(path)).rejects.toThrow('cannot be read')
  await writeFile(path, '{"issuers":')
  await expect(readOidcFile(path)).rejects.toThrow('is not JSON')
  await writeFile(path, '{}')
  await expect(readOidcFile(path)).rejects.toThrow('issuers: is missing')
  await writeFile(path, JSON.stringify({ issuers: [ISSUER] }))
  expect((await readOidcFile(path)).issuers).toHaveLength(1)
  await rm(folder, { recursive: true })
})

// What an administrator may do to a log: change its keys, end it, open it again.
import type { Context } from 'hono'
import type { Logs } from '../log/types.ts'
import { recordIntent } from './journal.ts'
import { jsonBody } from './json-body.ts'
import { describeLog } from './log-routes.ts'
import { invalid, readQuery } from './query.ts'
import { json } from './respond.ts'
import type { Route } from './route.ts'
import { logSummary, newState } from './schemas.ts'

export function lifecycleRoutes(logs: Logs): Route[] {
  return [
    {
      method: 'POST',
      path: '/logs/:log/keys',
      onLog: (c, log) => rotateKeys(c, logs, log.info.name),
      doc: {
        tag: 'logs',
        summary: 'Add new keys',
        description:
          'Old and new keys sign together from the next checkpoint on, until the old ones are retired. Refused while two generations ' +
          'sign already, so a request that is sent twice does no harm. The body is not looked at.',
        answers: { 'application/json': logSummary },
        problems: ['invalid_parameter', 'state_conflict', 'log_changed', 'keys_elsewhere', 'outcome_unknown'],
      },
    },
    {
      method: 'DELETE',
      path: '/logs/:log/keys/:keyid',
      onLog: (c, log) => retireKey(c, logs, log.info.name),
      doc: {
        tag: 'logs',
        summary: 'Retire a key',
        description:
          'It signs no checkpoint from the next one on; what it signed stays verifiable, and its vkey stays listed. The last Ed25519 ' +
          'key cannot be retired, nor one whose successor has not signed a published checkpoint yet.',
        answers: { 'application/json': logSummary },
        problems: [
          'invalid_parameter',
          'signing_key_not_found',
          'state_conflict',
          'log_changed',
          'outcome_unknown',
        ],
      },
    },
    {
      method: 'POST',
      path: '/logs/:log/state',
      onLog: (c, log) => setState(c, logs, log.info.name),
      doc: {
        tag: 'logs',
        summary: 'Drain, freeze or reopen a log',
        description:
          '`draining`: appends are refused with 503, what waits is stored and published. `frozen`, from `draining` only: appends are ' +
          'refused with 405, by the database itself; the final checkpoint stays and is not signed anew. `open`: as before.',
        body: { 'application/json': newState },
        answers: { 'application/json': logSummary },
        problems: [
          'invalid_parameter',
          'invalid_body',
          'body_too_large',
          'body_incomplete',
          'unsupported_media_type',
          'state_conflict',
          'log_changed',
          'queue_full',
          'outcome_unknown',
        ],
      },
    },
  ]
}

async function rotateKeys(c: Context, logs: Logs, name: string): Promise<Response> {
  readQuery(c, [])
  await recordIntent(c)
  await logs.rotate(name)
  return summary(logs, name)
}

async function retireKey(c: Context, logs: Logs, name: string): Promise<Response> {
  readQuery(c, [])
  const id = c.req.param('keyid') ?? ''
  if (!/^[0-9a-f]{8}$/.test(id)) throw invalid('the id of a key is eight hex digits, as in its vkey')
  await recordIntent(c)
  await logs.retireKey(name, id)
  return summary(logs, name)
}

async function setState(c: Context, logs: Logs, name: string): Promise<Response> {
  readQuery(c, [])
  const { state } = await jsonBody(c, newState)
  await recordIntent(c, { state })
  await logs.setState(name, state)
  return summary(logs, name)
}

async function summary(logs: Logs, name: string): Promise<Response> {
  return json(describeLog(await logs.open(name)))
}

// Logs: what anybody must know to check them, and their creation.
import type { Context } from 'hono'
import { META_LOG } from '../core/log-name.ts'
import type { CosigningPolicy } from '../log/cosigners.ts'
import { LogError } from '../log/errors.ts'
import type { Log, Logs, Published } from '../log/types.ts'
import { describeWitness } from './describe-witness.ts'
import { recordIntent } from './journal.ts'
import { jsonBody } from './json-body.ts'
import { reserved } from './meta-log.ts'
import { readQuery } from './query.ts'
import { base64, json } from './respond.ts'
import type { Route } from './route.ts'
import { logList, logSummary, newLog } from './schemas.ts'

export function logRoutes(logs: Logs): Route[] {
  return [
    {
      method: 'GET',
      path: '/logs',
      handle: (c) => listLogs(c, logs),
      doc: {
        tag: 'logs',
        summary: 'All logs',
        answers: { 'application/json': logList },
        problems: ['invalid_parameter'],
      },
    },
    {
      method: 'POST',
      path: '/logs',
      handle: (c) => createLog(c, logs),
      doc: {
        tag: 'logs',
        summary: 'Create a log',
        description:
          'Makes its keys and publishes its first checkpoint, of size 0. The default origin is the URL of the log without scheme.',
        body: { 'application/json': newLog },
        answers: { 'application/json': logSummary },
        status: 201,
        problems: [
          'invalid_body',
          'invalid_log_name',
          'log_reserved',
          'body_too_large',
          'body_incomplete',
          'unsupported_media_type',
          'queue_full',
          'outcome_unknown',
          'log_exists',
          'log_not_found',
          'state_conflict',
          'log_changed',
        ],
      },
    },
    {
      method: 'GET',
      path: '/logs/:log',
      onLog: (c, log) => (readQuery(c, []), json(describeLog(log))),
      doc: {
        tag: 'logs',
        summary: 'One log',
        description: 'Its origin and keys, its published checkpoint, and what can be promised now.',
        answers: { 'application/json': logSummary },
        problems: ['invalid_parameter'],
      },
    },
  ]
}

async function listLogs(c: Context, logs: Logs): Promise<Response> {
  readQuery(c, [])
  const open = await Promise.all((await logs.list()).map(({ name }) => logs.open(name)))
  return json({ logs: open.map(describeLog) })
}

async function createLog(c: Context, logs: Logs): Promise<Response> {
  const { name, origin, public: isPublic, dedup, successor_of: successorOf } = await jsonBody(c, newLog)
  if (name === META_LOG || successorOf === META_LOG) throw reserved()
  await recordIntent(c, { name, public: isPublic ?? false })
  await logs.create({
    name,
    ...(origin === undefined ? {} : { origin }),
    ...(isPublic === undefined ? {} : { public: isPublic }),
    ...(dedup === undefined ? {} : { dedup }),
    ...(successorOf === undefined ? {} : { successorOf }),
  })
  return json(describeLog(await logs.open(name)), 201)
}

/** A log as the API tells of it (schemas.ts logSummary). */
export function describeLog(log: Log): object {
  const { name, origin, vkeys, signing, state, successor, public: isPublic, dedup, createdAt } = log.info
  const published = publishedOf(log)
  return {
    name,
    origin,
    vkeys,
    signing: signing.map(keyIdOf),
    state,
    successor: successor ?? null,
    size: published?.size ?? null,
    root: published ? base64(published.root) : null,
    signed_at: published ? new Date(published.signedAt).toISOString() : null,
    ...describeStatus(log),
    policy: policyOf(log)?.text ?? null,
    public: isPublic,
    dedup,
    created_at: createdAt.toISOString(),
  }
}

/** The key ID as it stands in a vkey. */
function keyIdOf(vkey: string): string {
  return vkey.split('+')[1] ?? ''
}

/** @throws LogError `policy_invalid` becomes null: the status tells of it */
function policyOf(log: Log): CosigningPolicy | undefined {
  try {
    return log.policy()
  } catch (error) {
    if (error instanceof LogError && error.code === 'policy_invalid') return undefined
    throw error
  }
}

function describeStatus(log: Log): object {
  const { witnesses, ...status } = log.status()
  return { ...status, witnesses: witnesses.map(describeWitness) }
}

function publishedOf(log: Log): Published | undefined {
  try {
    return log.published()
  } catch (error) {
    if (error instanceof LogError && error.code === 'not_published') return undefined
    throw error
  }
}

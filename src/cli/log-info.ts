// What a server says of a log, for people and for scripts.
import type { Fields } from '../client/json.ts'
import { toBase64 } from '../core/bytes.ts'
import type { Io } from './io.ts'

/** One property a line, or all of them as JSON. */
export async function showLogInfo(fields: Fields, json: boolean | undefined, io: Io): Promise<void> {
  const info = logInfoOf(fields)
  if (json) return io.out(`${JSON.stringify(info)}\n`)
  const lines = [
    ['name', info.name],
    ['origin', info.origin],
    ['created', info.created_at],
    ['state', info.successor === null ? info.state : `${info.state}, continued by ${info.successor}`],
    ['size', String(info.tree_size ?? 'no checkpoint yet')],
    ['root', info.sha256_root_hash ?? '-'],
    ['signed', info.signed_at ?? '-'],
    ['level', info.level],
    ['entries', info.public ? 'public' : 'need a key with entries:read'],
    ...info.vkeys.map((vkey) => ['vkey', shortened(vkey)]),
    ['signing', info.signing.join(' ')],
    ...info.witnesses.map(({ name, cosigned, failure }) => [
      'witness',
      `${name} ${cosigned ? 'cosigned' : 'did not cosign'}${failure === null ? '' : ` (it ${failure.message})`}`,
    ]),
    ...info.problems.map(({ code, message }) => ['problem', `${message} (${code})`]),
  ]
  await io.out(lines.map(([name = '', value = '']) => `${name.padEnd(9)}${value}\n`).join(''))
}

/** @throws ClientError `bad_answer` */
export function logInfoOf(fields: Fields) {
  const vkeys = fields.texts('vkeys')
  return {
    name: fields.text('name'),
    origin: fields.text('origin'),
    vkeys,
    // A server of an earlier version has logs that are open, and whose keys all sign.
    signing: fields.has('signing') ? fields.texts('signing') : vkeys.map(keyIdOf),
    state: fields.has('state') ? fields.text('state') : 'open',
    successor: fields.has('successor') ? fields.text('successor') : null,
    created_at: fields.text('created_at'),
    tree_size: fields.has('size') ? fields.size('size') : null,
    sha256_root_hash: fields.has('root') ? toBase64(fields.hash('root')) : null,
    signed_at: fields.has('signed_at') ? fields.text('signed_at') : null,
    level: fields.text('level'),
    quorum: fields.has('quorum') ? fields.text('quorum') : 'none',
    witnesses: fields.has('witnesses') ? fields.objects('witnesses').map(witnessOf) : [],
    problems: fields.objects('problems').map((p) => ({ code: p.text('code'), message: p.text('message') })),
    public: fields.flag('public'),
    dedup: fields.flag('dedup'),
  }
}

function witnessOf(fields: Fields) {
  const failure = fields.has('failure') ? fields.object('failure') : undefined
  return {
    name: fields.text('name'),
    cosigned: fields.flag('cosigned'),
    failure: failure ? { reason: failure.text('reason'), message: failure.text('message') } : null,
  }
}

/** As it stands in the vkey: eight hex digits. */
export function keyIdOf(vkey: string): string {
  return vkey.split('+')[1] ?? ''
}

/** An ML-DSA-44 key has 1,800 characters, which is no help to a person. */
function shortened(vkey: string): string {
  if (vkey.length <= 400) return vkey
  const [name] = vkey.split('+')
  return `${name}+${keyIdOf(vkey)}+… (ML-DSA-44; whole with --json or --policy)`
}

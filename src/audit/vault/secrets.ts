// Secrets that outlive key-encryption keys: random, wrapped, in the database. `lookup` finds a subject by a keyed hash of its
// identifier; `purposes` is what others derive theirs from.
import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto'
import type { Sql, Transaction } from '../../db/connect.ts'
import { AuditError } from '../event/errors.ts'
import type { Kek } from './key-file.ts'
import { openBytes, sealBytes } from './wrap.ts'

const NAMES = ['lookup', 'purposes'] as const
type SecretName = (typeof NAMES)[number]

export interface Secrets {
  /** What a subject is found by: says nothing about the identifier without this secret. */
  lookupOf(kind: string, id: string): Buffer
  /** 32 bytes, the same for ever. */
  secretFor(purpose: string): Uint8Array
  /** That they are still those of the database. @throws AuditError `vault_key_missing` */
  check(): Promise<void>
}

/** Makes those that are not there; `anew`: all of them, whatever is there. */
export async function makeSecrets(
  tx: Transaction,
  kek: Kek,
  how: 'missing' | 'anew' = 'missing',
): Promise<void> {
  for (const name of NAMES) {
    const wrapped = wrapSecret(kek, name, randomBytes(32))
    await tx`
      INSERT INTO vault.secrets (name, kek_id, wrapped) VALUES (${name}, ${kek.id}, ${wrapped})
      ON CONFLICT (name) DO UPDATE SET kek_id = EXCLUDED.kek_id, wrapped = EXCLUDED.wrapped WHERE ${how === 'anew'}`
  }
}

/** The key-encryption key of an id. */
type FindKek = (id: string) => Promise<Kek>

/** @throws AuditError `vault_key_missing`, `vault_damaged` */
export async function loadSecrets(sql: Sql, findKek: FindKek): Promise<Secrets> {
  const lookup = await loadSecret(sql, findKek, 'lookup')
  const purposes = await loadSecret(sql, findKek, 'purposes')
  return {
    lookupOf: (kind, id) => createHmac('sha256', lookup).update(`${kind}\0${id}`).digest(),
    secretFor: (purpose) => new Uint8Array(createHmac('sha256', purposes).update(purpose).digest()),
    async check() {
      if ((await loadSecret(sql, findKek, 'lookup')).equals(lookup)) return
      throw new AuditError(
        'vault_key_missing',
        'the vault was begun anew, under another key file, while this process ran: start it again with that file',
      )
    },
  }
}

async function loadSecret(sql: Sql, findKek: FindKek, name: SecretName): Promise<KeyObject> {
  const [row] = await sql<
    { kekId: string; wrapped: Buffer }[]
  >`SELECT kek_id AS "kekId", wrapped FROM vault.secrets WHERE name = ${name}`
  if (row === undefined) throw damaged(name)
  const kek = await findKek(row.kekId)
  return createSecretKey(unwrapSecret(kek, name, row.wrapped))
}

export function wrapSecret(kek: Kek, name: string, secret: Uint8Array): Buffer {
  return sealBytes(kek.key, secret, Buffer.from(`secret\0${name}`))
}

/** @throws AuditError `vault_damaged` */
export function unwrapSecret(kek: Kek, name: string, wrapped: Uint8Array): Buffer {
  try {
    return openBytes(kek.key, wrapped, Buffer.from(`secret\0${name}`))
  } catch {
    throw damaged(name)
  }
}

function damaged(name: string): AuditError {
  return new AuditError(
    'vault_damaged',
    `the secret "${name}" of the vault is gone or was changed: restore vault.secrets from a backup`,
  )
}

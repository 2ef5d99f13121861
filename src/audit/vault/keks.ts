// The key-encryption keys that this process knows, and those that the database says may still wrap.
import type { Sql, Transaction } from '../../db/connect.ts'
import { AuditError } from '../event/errors.ts'
import { createKeyFile, type Kek, readKeyFile } from './key-file.ts'
import { makeSecrets } from './secrets.ts'

export interface Keks {
  /** The key that wraps. */
  newest(): Kek
  /** The key of this id; the file is read again for one that was added since. @throws AuditError `vault_key_missing` */
  find(id: string): Promise<Kek>
  /** Reads the file again and makes its newest key known to the database. @throws AuditError `vault_key_missing` */
  reload(): Promise<void>
}

/** Any constant: "vlt1". One process at a time decides that a vault is new. */
const FIRST_START = 0x766c7431

/**
 * Opens the key file, and makes it with its secrets if there is none and the vault has no subjects yet.
 * @throws AuditError `vault_key_missing`
 */
export async function openKeks(sql: Sql, path: string): Promise<Keks> {
  const keks = (await readKeyFile(path)) ?? (await firstKeks(sql, path))
  let known = keks
  const keyring: Keks = {
    newest() {
      const last = known.at(-1)
      if (last === undefined) throw missing(path, 'holds no key')
      return last
    },
    async find(id) {
      const here = known.find((kek) => kek.id === id)
      if (here !== undefined) return here
      await keyring.reload()
      const added = known.find((kek) => kek.id === id)
      if (added !== undefined) return added
      throw missing(path, `does not hold the key ${id}, under which the vault of this database is wrapped`)
    },
    async reload() {
      const again = await readKeyFile(path)
      if (again === undefined) throw missing(path, 'is gone')
      known = again
      await introduce(sql, keyring.newest())
    },
  }
  await introduce(sql, keyring.newest())
  await sql.begin((tx) => makeSecrets(tx, keyring.newest()))
  return keyring
}

async function introduce(sql: Sql, { id }: Kek): Promise<void> {
  await sql`INSERT INTO vault.keks (kek_id) VALUES (${id}) ON CONFLICT DO NOTHING`
}

/** A first start, or one after the file was lost before anything was written under it. */
async function firstKeks(sql: Sql, path: string): Promise<Kek[]> {
  return sql.begin(async (tx) => {
    await tx`SELECT pg_advisory_xact_lock(${FIRST_START})`
    const there = await readKeyFile(path) // another process was faster
    if (there !== undefined) return there
    await refuseUnlessNew(tx, path)
    const keks = await createKeyFile(path)
    // Whatever was wrapped under a lost key is lost, and nobody who still has it may write under it.
    await tx`UPDATE vault.keks SET retired_at = now() WHERE retired_at IS NULL AND kek_id <> ALL(${keks.map(({ id }) => id)})`
    await refuseUnlessNew(tx, path) // who wrote under it held a lock on its row until now
    const newest = keks.at(-1)
    if (newest === undefined) throw missing(path, 'holds no key')
    await tx`INSERT INTO vault.keks (kek_id) VALUES (${newest.id}) ON CONFLICT DO NOTHING`
    await makeSecrets(tx, newest, 'anew')
    return keks
  })
}

async function refuseUnlessNew(tx: Transaction, path: string): Promise<void> {
  const [row] = await tx<{ used: boolean }[]>`SELECT EXISTS (SELECT FROM vault.subjects) AS used`
  if (row?.used === false) return
  throw missing(path, 'is not there, but the database has subjects whose keys are wrapped under it')
}

function missing(path: string, what: string): AuditError {
  return new AuditError(
    'vault_key_missing',
    `the vault's key file ${path} ${what}: put back the file that was used with this database (every process that serves it ` +
      'needs the same one); without it nothing personal can be read any more, while all proofs stay as they are',
  )
}

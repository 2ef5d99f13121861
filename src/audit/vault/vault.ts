// The vault on Postgres: each of its methods is a file of this room.
import type { Database } from '../../db/connect.ts'
import type { Draft } from '../event/types.ts'
import { available } from './available.ts'
import { openKeks } from './keks.ts'
import { openEntries, openRange } from './open.ts'
import { sealDraft } from './seal.ts'
import { loadSecrets } from './secrets.ts'
import { createSubjects, type Subjects } from './subjects.ts'
import type { Sealed, Vault } from './types.ts'

export interface VaultOptions {
  readonly db: Database
  /** Of the key-encryption keys; made at the first start (key-file.ts). */
  readonly keyFile: string
}

/** What erasures and holds use beside. */
export interface OpenVault extends Vault {
  readonly subjects: Subjects
}

/** Told by the trigger on vault.subject_keys. */
const CHANNEL = 'prooflog_subjects'

/**
 * Opens the vault of a database. Keys of subjects are remembered until they are destroyed, by whichever process.
 * @throws AuditError `vault_key_missing` when the key file is not the one of this database; `vault_unavailable`
 */
export async function createVault({ db: { sql }, keyFile }: VaultOptions): Promise<OpenVault> {
  const keks = await available(() => openKeks(sql, keyFile))
  const secrets = await available(() => loadSecrets(sql, (id) => keks.find(id)))
  const subjects = createSubjects(sql, keks, secrets)
  const forgetAll = (): void => subjects.forget()
  // On (re)connection notifications may have been lost: forget everything.
  const listening = await available(() =>
    sql.listen(CHANNEL, (subjectId) => subjects.forget(Number(subjectId)), forgetAll),
  )
  return {
    subjects,
    seal: (logId, drafts) => sealAll(subjects, logId, drafts),
    open: (logId, entries, onDamage) => openEntries(sql, subjects, logId, entries, onDamage),
    openRange: (logId, range, onDamage) => openRange(sql, subjects, logId, range, onDamage),
    refOf: async (logId, subject) => (await subjects.find(logId, subject))?.ref,
    forget: forgetAll,
    secretFor: (purpose) => secrets.secretFor(purpose),
    close: () => listening.unlisten(),
  }
}

async function sealAll(subjects: Subjects, logId: number, drafts: readonly Draft[]): Promise<Sealed[]> {
  const keys = await subjects.keysFor(
    logId,
    drafts.flatMap((draft) => draft.subjects),
  )
  let at = 0
  return drafts.map((draft) => {
    const own = keys.slice(at, at + draft.subjects.length)
    at += own.length
    return sealDraft(logId, draft, own)
  })
}

// Whom a search is about, for the journal: by their random names, which mean nothing once they are erased. The words that were
// typed are forgotten earlier (audit/meta/asked.ts).
import type { Context } from 'hono'
import { tellJournal } from '../../http/journal.ts'
import type { Log } from '../../log/types.ts'
import type { Subject } from '../event/types.ts'
import type { Vault } from '../vault/types.ts'

/** @throws AuditError `vault_unavailable` */
export async function tellSought(
  c: Context,
  log: Log,
  vault: Pick<Vault, 'refOf'>,
  { actor, target, ip }: { readonly actor?: string; readonly target?: string; readonly ip?: string },
): Promise<void> {
  const subjects: Subject[] = [
    ...[actor, target].flatMap((id) => (id === undefined ? [] : [{ kind: 'actor', id } as const])),
    ...(ip === undefined ? [] : [{ kind: 'ip', id: ip } as const]),
  ]
  const refs = await Promise.all(subjects.map((subject) => vault.refOf(log.info.id, subject)))
  const persons = refs.filter((ref) => ref !== undefined)
  if (persons.length > 0) tellJournal(c, { persons })
}

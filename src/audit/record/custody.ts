// Entries that the service writes about its own doings with a log, such as exports: clear, in the log that they concern.
import type { Appended, Log } from '../../log/types.ts'
import { internalDraft } from '../event/draft.ts'
import type { JsonObject } from '../event/types.ts'
import type { Vault } from '../vault/types.ts'

/** Who files them. */
const SOURCE = 'prooflog'

/**
 * Appends a custody entry: durable on return.
 * @param id unlike any other; the same entry again is a duplicate
 * @param clear stays for ever: it names nobody
 * @throws LogError as Log.append; AuditError as Vault.seal
 */
export async function appendCustody(
  vault: Vault,
  log: Log,
  id: string,
  clear: JsonObject,
): Promise<Appended> {
  const [sealed] = await vault.seal(log.info.id, [internalDraft('custody', id, SOURCE, clear)])
  const [appended] = sealed === undefined ? [] : await log.append([sealed.entry])
  if (appended === undefined) throw new TypeError('nothing was appended')
  return appended
}

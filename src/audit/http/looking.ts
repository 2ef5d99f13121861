// How a look at events is written to the journal: each before it is answered. Looks at the journal itself are counted together,
// or looking at it would make it grow; what is personal in it is revealed as anywhere.
import type { Context } from 'hono'
import { META_LOG } from '../../core/log-name.ts'
import type { Journalling, JournalRule } from '../../http/journal.ts'

export function looking(c: Context): Journalling | JournalRule {
  const revealed = c.req.query('reveal') === 'true' || c.req.query('disclose') !== undefined
  const action = revealed ? 'reveal' : 'search'
  return { how: c.req.param('log') === META_LOG && !revealed ? 'note' : 'record', action }
}

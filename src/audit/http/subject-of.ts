import type { z } from 'zod'
import type { SubjectName } from '../vault/holds.ts'
import type { newErasure } from './schemas.ts'

/** `{subject, kind}` of a body: an identifier as the senders use it, or with kind `ref` the random name in leaves. */
export function subjectOf({
  subject,
  kind = 'actor',
}: Pick<z.infer<typeof newErasure>, 'subject' | 'kind'>): SubjectName {
  return kind === 'ref' ? { ref: subject } : { kind, id: subject }
}

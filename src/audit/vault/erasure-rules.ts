// Who may decide what, and what may be written about it for ever.
import { AuditError } from '../event/errors.ts'
import type { ErasureRow } from './erasure-rows.ts'
import type { SubjectName } from './holds.ts'

/** A principal (src/access/principal.ts). */
export interface Person {
  readonly id: string
  /** Id of the principal that made its key. */
  readonly createdBy?: string | null
}

export interface ErasureRequest {
  readonly subject: SubjectName
  /** Why the law asks for it, as `GDPR 17(1)(b)`: stands in the log for ever. */
  readonly basis: string
  /** Of the request elsewhere: stands in the log for ever. */
  readonly ticket?: string | undefined
  readonly by: Person
}

/** Characters of `basis` and `ticket`. */
const MAX_TEXT = 500

/** @throws AuditError `invalid_event` when what would stay for ever names the person, or is too long */
export function checkRequest({ subject, basis, ticket = '' }: ErasureRequest): void {
  if (basis === '' || basis.length > MAX_TEXT || ticket.length > MAX_TEXT) {
    throw new AuditError(
      'invalid_event',
      `an erasure has a basis, and both basis and ticket at most ${MAX_TEXT} characters`,
    )
  }
  if ('ref' in subject || subject.id === '') return
  const written = `${basis}\n${ticket}`.toLowerCase()
  if (written.includes(subject.id.toLowerCase())) {
    throw new AuditError(
      'invalid_event',
      'basis and ticket stay in the log for ever, and one of them holds the identifier that shall be erased: leave it out',
    )
  }
}

/**
 * Four eyes: another principal, and neither of the two made the key of the other.
 * @throws AuditError `same_person`
 */
export function checkSecondPerson(
  { requestedBy, requesterMadeBy }: Pick<ErasureRow, 'requestedBy' | 'requesterMadeBy'>,
  by: Person,
): void {
  if (by.id === requestedBy) {
    throw new AuditError('same_person', 'you asked for this erasure: somebody else has to approve it')
  }
  if (by.createdBy === requestedBy || requesterMadeBy === by.id) {
    throw new AuditError(
      'same_person',
      'the key that approves was made with the one that asked, or the other way round: somebody else has to approve',
    )
  }
}

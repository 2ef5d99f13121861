// Memory for bodies under way, of all requests of the process together. Beyond it a request is told to come back: nothing waits.
import { LogError } from '../log/errors.ts'

/** Eight of the largest batches, or two thousand of the largest entries; bytes. */
const BUDGET = 128 * 1024 * 1024
let charged = 0

/** What one request holds. */
export interface BodyCharge {
  /** Raises the charge to `bytes`. @throws LogError `queue_full` */
  readonly raise: (bytes: number) => void
  /** Gives all of it back. */
  readonly release: () => void
}

export function bodyCharge(): BodyCharge {
  let held = 0
  return {
    raise(bytes) {
      if (charged + bytes - held > BUDGET)
        throw new LogError(
          'queue_full',
          'too many bodies are being sent at once: send it again; nothing was stored',
        )
      charged += bytes - held
      held = bytes
    },
    release() {
      charged -= held
      held = 0
    },
  }
}

// How Splunk's HTTP Event Collector answers: a text, a code of its own, and the number of the event that was wrong.
import { ProoflogError } from '../../core/errors.ts'

/**
 * Codes, texts and statuses as Splunk documents them ("Troubleshoot HTTP Event Collector"). One differs: an internal error is 503
 * here, because senders drop what is answered 500 and a fault of ours is always worth another try.
 */
const ANSWERS = {
  0: [200, 'Success'],
  1: [403, 'Token disabled'],
  2: [401, 'Token is required'],
  3: [401, 'Invalid authorization'],
  4: [403, 'Invalid token'],
  5: [400, 'No data'],
  6: [400, 'Invalid data format'],
  7: [400, 'Incorrect index'],
  8: [503, 'Internal server error'],
  9: [503, 'Server is busy'],
  10: [400, 'Data channel is missing'],
  11: [400, 'Invalid data channel'],
  12: [400, 'Event field is required'],
  13: [400, 'Event field cannot be blank'],
  14: [400, 'ACK is disabled'],
} as const

export type HecCode = keyof typeof ANSWERS

export interface HecBody {
  readonly text: string
  readonly code: number
  readonly 'invalid-event-number'?: number
  readonly ackId?: number
}

export interface HecAnswer {
  readonly status: number
  readonly body: HecBody
}

/** A request that is refused in HEC's own way: `status` and `body` are the answer. */
export class HecError extends ProoflogError {
  readonly code: string
  readonly status: number
  readonly body: HecBody

  /** @param eventNumber from 0, of the event that was wrong */
  constructor(code: HecCode, eventNumber?: number) {
    const [status, text] = ANSWERS[code]
    super(text)
    this.code = `hec_${code}`
    this.status = status
    this.body = { text, code, ...(eventNumber === undefined ? {} : { 'invalid-event-number': eventNumber }) }
  }
}

/** Everything was recorded. `ackId` goes with a channel only. */
export function hecAnswer(ackId?: number): HecAnswer {
  const [status, text] = ANSWERS[0]
  return { status, body: ackId === undefined ? { text, code: 0 } : { text, code: 0, ackId } }
}

/**
 * What was refused elsewhere (access, limits, the log), in HEC's words: the HTTP status is kept, because it decides whether the
 * sender tries again, and the nearest code goes with it. 500 and above become 503.
 * @param code of the refusal, such as `unauthorized`
 * @param detail appended to the text; it must not hold contents of events
 */
export function hecRefusal(status: number, code: string, detail?: string): HecAnswer {
  const hec = codeOf(status, code)
  const [, text] = ANSWERS[hec]
  return {
    status: status >= 500 ? 503 : status,
    body: { text: detail === undefined ? text : `${text}: ${detail}`, code: hec },
  }
}

function codeOf(status: number, code: string): HecCode {
  if (status === 401) return code.includes('missing') || code.includes('required') ? 2 : 3
  if (status === 403) return 4
  if (status === 404) return 7
  if (status === 429 || status === 503) return 9
  return status >= 500 ? 8 : 6
}

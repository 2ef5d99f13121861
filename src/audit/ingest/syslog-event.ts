// A syslog message as an event.
import { UnreadableEvent } from '../event/errors.ts'
import { incomingOf, rawIncoming } from '../event/read-event.ts'
import type { Incoming, JsonObject } from '../event/types.ts'
import { LOG_RECORD } from './native-shapes.ts'
import { eventOfText } from './native-text.ts'
import { objectOf } from './pick.ts'
import type { SyslogFrame } from './syslog-frames.ts'
import { parseSyslog, type SyslogMessage } from './syslog-message.ts'
import { timeLike } from './time-like.ts'

/** 0 emergency … 7 debug, as OpenTelemetry numbers them (logs data model, appendix B). */
const SEVERITIES = [21, 19, 18, 17, 13, 10, 9, 5]
const FACILITIES = (
  'kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock ' +
  'local0 local1 local2 local3 local4 local5 local6 local7'
).split(' ')

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/**
 * The event of a frame:
 * - time as sent; without one, `received`. `extra.time_assumed` says so, and also when it had neither year nor zone (RFC 3164)
 * - action the MSGID, or `log.record` without one; APP-NAME is `service.name`, HOSTNAME `src.host`
 * - severity as OpenTelemetry numbers it; facility, PROCID and structured data under `extra`
 * - MSG is the message. If it is a JSON object, also after `@cee:`, it is read as a native event that has these as defaults
 *
 * Syslog knows no ids: two messages with the same time and contents are one event, and one without a time is another event each
 * time it is sent. What is cut or no UTF-8 is quarantined. Never throws but for faults of ours.
 */
export function syslogIncoming(frame: SyslogFrame, received: string): Incoming {
  if (frame.fault !== undefined) {
    const raw = rawIncoming(frame.bytes, 'syslog', FAULTS[frame.fault]())
    return raw.kind === 'raw' ? { ...raw, size: frame.size } : raw
  }
  let text: string
  try {
    text = decoder.decode(frame.bytes)
  } catch {
    return rawIncoming(frame.bytes, 'syslog', new UnreadableEvent('not_utf8', 'The message is not UTF-8.'))
  }
  const message = parseSyslog(text, received)
  return incomingOf(eventOfText(message.text, frameOf(message, received)), 'syslog', frame.bytes)
}

const FAULTS = {
  too_large: () =>
    new UnreadableEvent('too_large', 'The message is longer than a syslog message may be here; it was cut.'),
  unfinished: () => new UnreadableEvent('invalid_event', 'The connection ended before the message did.'),
}

function frameOf(message: SyslogMessage, received: string): JsonObject {
  const { facility, severity, time, procId, data, app, host, msgId } = message
  const assumed = time === undefined ? 'when it was received' : message.assumed && 'year and UTC'
  return {
    action: msgId ?? LOG_RECORD,
    outcome: 'unknown',
    ...objectOf({
      time: timeLike(time ?? received),
      src: objectOf({ host }),
      service: objectOf({ name: app }),
      severity: severity === undefined ? undefined : SEVERITIES[severity],
      extra: objectOf({
        facility: facility === undefined ? undefined : FACILITIES[facility],
        procid: procId,
        structured_data: data,
        time_assumed: assumed,
      }),
    }),
  }
}

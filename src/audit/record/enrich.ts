// What we add to an event ourselves, marked as ours: its member `enriched` names the paths.
import type { Incoming } from '../event/types.ts'
import type { Geo } from './geo.ts'

/** Says where the source address is, unless the sender did. */
export function enrich(incoming: Incoming, geo: Geo | undefined): Incoming {
  const src = incoming.kind === 'event' ? incoming.event.src : undefined
  if (geo === undefined || incoming.kind === 'raw' || src?.ip === undefined || src.geo !== undefined)
    return incoming
  const place = geo(src.ip)
  if (place === undefined) return incoming
  return { ...incoming, event: { ...incoming.event, src: { ...src, geo: place }, enriched: ['src.geo'] } }
}

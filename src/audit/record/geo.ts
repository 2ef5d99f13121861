// Where an address is, from a MaxMind database file (GeoLite2 or GeoIP2, City or Country) that the operator has.
import { type CityResponse, open, validate } from 'maxmind'

export interface Place {
  readonly country?: string
  readonly region?: string
  readonly city?: string
}

/** Undefined for what is no address, or one that is not known. */
export type Geo = (ip: string) => Place | undefined

/** Names longer than that are not places (audit/event/schema.ts). */
const MAX_NAME = 128

/**
 * Reads the file into memory, and again when it changes.
 * @throws Error when it is not there or no MaxMind database
 */
export async function openGeo(path: string): Promise<Geo> {
  const reader = await open<CityResponse>(path, { watchForUpdates: true, watchForUpdatesNonPersistent: true })
  return (ip) => {
    if (!validate(ip)) return undefined // senders put anything there, and the reader finds a place for it
    const found = reader.get(ip)
    if (found === null) return undefined
    const place = {
      ...named('country', found.country?.iso_code),
      ...named('region', found.subdivisions?.[0]?.names?.en),
      ...named('city', found.city?.names?.en),
    }
    return Object.keys(place).length === 0 ? undefined : place
  }
}

function named(member: keyof Place, name: string | undefined): Place {
  return name === undefined || name === '' || name.length > MAX_NAME ? {} : { [member]: name }
}

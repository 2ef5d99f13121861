// Where an address is, from a MaxMind database file (GeoLite2 or GeoIP2, City or Country) that the operator has.
import { watchFile } from 'node:fs'
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

/** How often the file is looked at; milliseconds. */
const LOOK_MS = 2_000

/**
 * Reads the file into memory, and again when it changes.
 * @param report told when it changed into what cannot be used: half of a copy, perhaps. What it was before is kept then
 * @throws Error when it is not there or no MaxMind database
 */
export async function openGeo(path: string, report: (error: unknown) => void): Promise<Geo> {
  let reader = await open<CityResponse>(path)
  // Not the package's own watching: there a file that cannot be used ends the process.
  watchFile(path, { persistent: false, interval: LOOK_MS }, ({ size }) => {
    if (size === 0) return // it is gone, or about to be written
    open<CityResponse>(path).then(
      (changed) => (reader = changed),
      (cause: unknown) =>
        report(
          new Error(
            `${path} changed, and cannot be used as it is now: places are those of the file before. Write a whole MaxMind database beside it, and rename that`,
            { cause },
          ),
        ),
    )
  })
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

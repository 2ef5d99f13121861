// Requests that append, made before the clock starts: per call only the entries' stamps change, in place.
import { encodeBundle, parseBundle } from '../core/bundle.ts'
import { ENTRY_SIZE, freshEntries, stamp } from './entries.ts'
import { httpRequest, type Load } from './http-load.ts'

/** One entry a request, a request for each connection. */
export function freshSingles(
  connections: number,
  path: string,
  headers: Record<string, string>,
): Load['request'] {
  return freshPosts(connections, () => {
    const request = httpRequest('POST', path, headers, freshEntries(1)[0])
    return { request, entries: [request.subarray(-ENTRY_SIZE)] }
  })
}

/** An entry bundle of `count` entries a request. */
export function freshBundles(
  connections: number,
  path: string,
  headers: Record<string, string>,
  count: number,
): Load['request'] {
  return freshPosts(connections, () => {
    const bundle = encodeBundle(freshEntries(count))
    const request = httpRequest('POST', path, headers, bundle)
    return { request, entries: parseBundle(request.subarray(-bundle.length), { maxEntries: count }) }
  })
}

interface Post {
  readonly request: Uint8Array
  /** The entries in it. */
  readonly entries: readonly Uint8Array[]
}

function freshPosts(connections: number, make: () => Post): Load['request'] {
  const posts = Array.from({ length: connections }, make)
  return (_, connection) => {
    const post = posts[connection]
    if (post === undefined) throw new RangeError(`there is no request for connection ${connection}`)
    post.entries.forEach(stamp)
    return post.request
  }
}

// Uploads, written: as many packages of the canonical sequence as fit into one request.
import { encodeBundle } from '../core/bundle.ts'
import { concat } from '../core/bytes.ts'
import type { Hash } from '../core/hash.ts'
import { formatHeader, type PackageRange, packageRanges, type UploadHeader } from './wire.ts'

/** What an upload is made of: a log, as far as it was published. */
export interface PackageSource {
  /** Entries `start` to `end`, exclusive. */
  entries(start: number, end: number): Promise<readonly Uint8Array[]>
  /** draft-ietf-plants-merkle-tree-certs §4.4: that leaves `start` to `end` are part of the tree of `size`. */
  subtree(start: number, end: number, size: number): Promise<readonly Hash[]>
}

/** c2sp.org/tlog-mirror: "clients SHOULD limit each request to at most 32 entry packages". */
const MAX_PACKAGES = 32
/** A request ends with the package that reaches this size: large entries must not take memory without limit; bytes. */
const ENOUGH_BYTES = 4 * 2 ** 20

/** Packages that are read from the source at once. */
const AT_ONCE = 4

/** The body of a request, unpacked; a prefix of the upload when that is long. */
export async function encodeUpload(source: PackageSource, header: UploadHeader): Promise<UploadBody> {
  const parts: Uint8Array[] = []
  let bytes = 0
  let packages = 0
  for await (const part of uploadParts(source, header)) {
    // The first part is the header, and each of the others a package.
    if (packages > MAX_PACKAGES || bytes >= ENOUGH_BYTES) return { bytes: concat(...parts), complete: false }
    parts.push(part)
    bytes += part.length
    packages++
  }
  return { bytes: concat(...parts), complete: true }
}

export interface UploadBody {
  readonly bytes: Uint8Array
  /** It holds all packages. */
  readonly complete: boolean
}

/** The whole upload, however long it is: first its header, then package after package. */
export async function* uploadParts(source: PackageSource, header: UploadHeader): AsyncGenerator<Uint8Array> {
  yield formatHeader(header)
  const ranges = packageRanges(header)
  for (;;) {
    const some = [...take(ranges, AT_ONCE)]
    if (some.length === 0) return
    yield* await Promise.all(some.map((range) => encodePackage(source, range, header.end)))
  }
}

async function encodePackage(
  source: PackageSource,
  { entries, subtree }: PackageRange,
  size: number,
): Promise<Uint8Array> {
  const bundle = encodeBundle(await source.entries(entries.start, entries.end))
  const proof = await source.subtree(subtree.start, subtree.end, size)
  return concat(bundle, Uint8Array.of(proof.length), ...proof)
}

function* take<T>(items: Generator<T>, count: number): Generator<T> {
  for (let i = 0; i < count; i++) {
    const { done, value } = items.next()
    if (done === true) return
    yield value
  }
}

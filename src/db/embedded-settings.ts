// Postgres settings of the embedded server. The figures are measured: with the default 128 MB of buffers and 1 GB of WAL,
// appending at 6 million entries is a third slower than with these.
import { statfsSync } from 'node:fs'
import { totalmem } from 'node:os'

const MIB = 2 ** 20
const GIB = 2 ** 30

/**
 * Chooses by this machine's memory and the free space of the disk that holds `dir`.
 * @param fsync false only for data that may be lost, as in tests
 */
export function serverSettings(dir: string, fsync: boolean): Record<string, string> {
  return {
    shared_buffers: memory() >= 8 * GIB ? '1GB' : '128MB',
    max_wal_size: `${walMiB(dir)}MB`,
    wal_compression: 'on',
    max_connections: '100',
    synchronous_commit: 'on',
    fsync: fsync ? 'on' : 'off',
    full_page_writes: fsync ? 'on' : 'off',
  }
}

/** @throws RangeError on a name that is not a setting's */
export function formatSettings(settings: Readonly<Record<string, string>>): string {
  const lines = Object.entries(settings).map(([name, value]) => {
    if (!/^[a-z_.]+$/.test(name)) throw new RangeError(`"${name}" is not the name of a Postgres setting`)
    return `${name} = '${value.replaceAll('\\', '\\\\').replaceAll("'", "''")}'\n`
  })
  return lines.join('')
}

function memory(): number {
  const limit = process.constrainedMemory() // of the container; 0 or huge when there is none
  return limit > 0 ? Math.min(limit, totalmem()) : totalmem()
}

/** 8 GB, or an eighth of the free space when that is less. */
function walMiB(dir: string): number {
  const { bavail, bsize } = statfsSync(dir)
  return Math.max(256, Math.min(8192, Math.floor((bavail * bsize) / 8 / MIB)))
}

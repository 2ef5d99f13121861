// Opening a spool: one process, and what the last one left, repaired.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readCursor } from './cursor.ts'
import { damageKeeper } from './damage.ts'
import { reasonOf, SenderError } from './errors.ts'
import { type FolderLock, lockFolder } from './lock.ts'
import type { Report } from './report.ts'
import { scanSegments, segmentNumbers } from './segments.ts'
import { FileSpool, type Spool } from './spool.ts'

/**
 * Takes the folder, repairs what a crash left, and counts what waits.
 * @throws SenderError `spool_locked`, `spool_unavailable`
 */
export async function openSpool(folder: string, maxBytes: number, report: Report): Promise<Spool> {
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const lock = await lockFolder(join(folder, 'lock'))
    try {
      return await openLocked(folder, maxBytes, report, lock)
    } catch (error) {
      await lock.release()
      throw error
    }
  } catch (cause) {
    if (cause instanceof SenderError) throw cause
    const message = `The spool cannot be opened (${folder}): ${reasonOf(cause)}`
    throw new SenderError('spool_unavailable', message, { folder }, { cause })
  }
}

async function openLocked(
  folder: string,
  maxBytes: number,
  report: Report,
  lock: FolderLock,
): Promise<Spool> {
  const damage = damageKeeper(folder, report)
  const found = await readCursor(folder)
  if (found === 'unreadable') {
    report('cursor_lost', 'The cursor of the spool cannot be read: what is there is delivered again.', {
      folder,
    })
  }
  const cursor = found === undefined || found === 'unreadable' ? { segment: 0, offset: 0 } : found
  const next = Math.max(cursor.segment, ...(await segmentNumbers(folder))) + 1
  const { segments, oldest } = await scanSegments(folder, cursor, (...place) => damage.keep(...place))
  return new FileSpool({ folder, maxBytes, report, lock, damage, cursor, next, segments, oldest })
}

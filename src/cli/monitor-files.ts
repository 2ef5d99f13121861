// What a monitor keeps on disk: its state, and the evidence of what it found.
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Policy } from '../client/index.ts'
import { createFile, readIfThere, replaceFile, withLock } from '../files/durable.ts'
import { formatEvidence, type NoteFiles } from '../monitor/evidence.ts'
import { formatState, parseState, type StateStore } from '../monitor/state.ts'
import type { Violation } from '../monitor/violation.ts'
import { UsageError } from './errors.ts'

export const EVIDENCE_FILE = 'evidence.json'

export function stateFile(path: string): StateStore {
  return {
    async load() {
      const bytes = await readIfThere(path)
      return bytes && parseState(bytes, path)
    },
    save: (state) => replaceFile(path, formatState(state), 0o600),
  }
}

/** Runs `work` as the only monitor with this state file. @throws UsageError while there is another */
export async function alone<T>(path: string, work: () => Promise<T>): Promise<T> {
  let mine = false
  try {
    return await withLock(path, () => {
      mine = true
      return work()
    })
  } catch (cause) {
    const taken = !mine && cause instanceof Error && 'code' in cause && cause.code === 'EEXIST'
    if (!taken) throw cause
    throw new UsageError(`another monitor uses ${path}: give each log a state file of its own`, { cause })
  }
}

/**
 * Keeps the notes of a violation, and what they are, in a new folder: `<time>-<code>` below `place`. Nothing is overwritten.
 * @param at POSIX milliseconds
 */
export async function keepEvidence(
  place: string,
  violation: Violation,
  { url, policy, at }: { url: string; policy: Policy; at: number },
): Promise<string> {
  await mkdir(place, { recursive: true })
  const time = new Date(at)
    .toISOString()
    .replace(/\.\d+Z$/, 'Z')
    .replaceAll(':', '-')
  const folder = await newFolder(join(place, `${time}-${violation.code}`))
  const keep = async (name: string, note: Uint8Array | undefined): Promise<string | undefined> => {
    if (note === undefined) return undefined
    await createFile(join(folder, name), note, 0o644)
    return name
  }
  const { notes } = violation
  const files: NoteFiles = {
    remembered: await keep('remembered.note', notes.remembered),
    offered: await keep('offered.note', notes.offered),
  }
  const evidence = formatEvidence(violation, { url, policy, at, files })
  await createFile(join(folder, EVIDENCE_FILE), evidence, 0o644)
  return folder
}

async function newFolder(path: string): Promise<string> {
  for (let count = 1; ; count++) {
    const folder = count === 1 ? path : `${path}-${count}`
    try {
      await mkdir(folder)
      return folder
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
    }
  }
}

import { parseVkey } from '../core/keys.ts'
import { parseNote } from '../core/note.ts'
import type { LogInfo } from './types.ts'

/** Whether every key that signs now has a line in the note; that the lines verify is for checkPublished to say. */
export function isSignedByAll({ signing }: LogInfo, note: Uint8Array): boolean {
  const { signatures } = parseNote(note)
  return signing
    .map(parseVkey)
    .every((key) => signatures.some(({ name, keyId }) => name === key.name && keyId === key.keyId))
}

// What is different between the guards: where they keep their notes. Everything else is guard.ts.

/** What a place holds for an origin, as it is: nobody has looked at it yet. */
export interface Kept {
  /** The last signed note. */
  readonly note: Uint8Array | undefined
  /** Why nothing may be signed until an operator clears it. */
  readonly halted: string | undefined
}

/**
 * Keeps one note and one reason per origin, outside the database of the log. What a method did MUST be durable when it
 * resolves; a place that cannot be asked MUST throw and never answer for it.
 */
export interface GuardPlace {
  /** For messages: where it is, without secrets. */
  readonly name: string
  load(origin: string): Promise<Kept>
  /** Compare-and-swap: MUST change nothing and resolve to false unless the note is byte for byte still `from`. */
  swap(origin: string, from: Uint8Array | undefined, to: Uint8Array): Promise<boolean>
  /** An operator's decision: whatever the note is, it is this one from now on. */
  put(origin: string, note: Uint8Array): Promise<void>
  /** The first reason stays. */
  halt(origin: string, reason: string): Promise<void>
  clear(origin: string): Promise<void>
  close(): Promise<void>
}

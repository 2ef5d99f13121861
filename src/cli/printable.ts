// What is shown comes from anywhere, also from those whom the log convicts: nothing in it may steer the terminal.

/** One line of text without control, format or unassigned characters; each is shown as U+FFFD. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{C}\p{Zl}\p{Zp}]/gu, '\u{fffd}')
}

/**
 * JSON in which such characters are escaped, so that it is the same value for a program. `JSON.stringify` alone lets the controls
 * from U+007F on and what turns the direction of writing pass.
 *
 * @param indent spaces of each level; on one line without
 */
export function printableJson(value: unknown, indent?: number): string {
  return JSON.stringify(value, null, indent).replaceAll(/[^\P{C}\n]|[\p{Zl}\p{Zp}]/gu, (character) =>
    Array.from(
      { length: character.length },
      (_, at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, '0')}`,
    ).join(''),
  )
}

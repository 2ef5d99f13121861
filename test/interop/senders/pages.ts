// What docs/senders tells people to use is what is run: the blocks of the pages, with addresses, folders and key put in.
import { readFileSync } from 'node:fs'

const PAGES = new URL('../../../docs/senders/', import.meta.url)
const FENCE = /^```(\w+)\n([\s\S]*?)^```$/gm

/**
 * The block of a page whose first line is a comment that names it.
 * @param begins what the comment begins with
 * @param replace pairs of what the page says and what is true here; each has to occur
 * @throws Error when the page has no such block, or not what is to be replaced
 */
export function blockOf(
  page: string,
  begins: string,
  replace: Readonly<Record<string, string>> = {},
): string {
  const text = readFileSync(new URL(page, PAGES), 'utf8')
  const blocks = [...text.matchAll(FENCE)].map(([, , block]) => block ?? '')
  let block = blocks.find((some) => some.replace(/^(#|\/\/) /, '').startsWith(begins))
  if (block === undefined) throw new Error(`docs/senders/${page} has no block that begins with ${begins}`)
  for (const [said, here] of Object.entries(replace)) {
    if (!block.includes(said)) throw new Error(`docs/senders/${page}: the block ${begins} has no ${said}`)
    block = block.replaceAll(said, here)
  }
  return block
}

/** The lines of a block without comments and empty ones. */
export function linesOf(block: string): string[] {
  return block.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
}

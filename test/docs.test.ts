// What the pages promise without running anything: links lead somewhere, and lists that mirror the code are complete.
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { dirname, join, normalize } from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const PAGES = [
  ...readdirSync(ROOT).filter((name) => name.endsWith('.md')),
  ...['docs', 'test', 'src', 'scripts'].flatMap((folder) =>
    readdirSync(join(ROOT, folder), { recursive: true, encoding: 'utf8' })
      .filter((name) => name.endsWith('.md') && !name.includes('node_modules'))
      .map((name) => join(folder, name)),
  ),
]

const read = (path: string): string => readFileSync(join(ROOT, path), 'utf8')
/** The prose of a page: what stands in a block of code is no link and no heading. */
const prose = (path: string): string => read(path).replaceAll(/^ *(```+)[^]*?^ *\1 *$/gm, '')

/** The names that GitHub gives to headings. */
function anchorsOf(page: string): Set<string> {
  const anchors = new Set<string>()
  for (const [, heading = ''] of prose(page).matchAll(/^#{1,6} +(.+?) *#*$/gm)) {
    const text = heading.replaceAll(/\[([^\]]*)\]\([^)]*\)/g, '$1').toLowerCase()
    const name = text.replaceAll(/[^\p{L}\p{N}\p{M}_ -]/gu, '').replaceAll(' ', '-')
    let unique = name
    for (let n = 1; anchors.has(unique); n++) unique = `${name}-${n}`
    anchors.add(unique)
  }
  return anchors
}

function brokenLinks(page: string): string[] {
  const links = [
    ...prose(page)
      .replaceAll(/`[^`\n]*`/g, '')
      .matchAll(/\]\(([^()\s]+)(?: "[^"]*")?\)/g),
  ]
  return links.flatMap(([, link = '']) => {
    if (/^[a-z]+:/.test(link)) return []
    const [path = '', anchor] = link.split('#')
    const target = path === '' ? page : normalize(join(dirname(page), path))
    if (target.startsWith('..') || !existsSync(join(ROOT, target))) return [`${page}: ${link}: no such file`]
    if (anchor === undefined) return []
    if (!target.endsWith('.md') || statSync(join(ROOT, target)).isDirectory())
      return [`${page}: ${link}: an anchor of what is no page`]
    return anchorsOf(target).has(anchor) ? [] : [`${page}: ${link}: no such heading`]
  })
}

test('every relative link of every page leads to a file, and its anchor to a heading', () => {
  expect(PAGES).toEqual(expect.arrayContaining(['README.md', join('docs', 'senders', 'curl.md')]))
  expect(PAGES.flatMap(brokenLinks)).toEqual([])
})

test('every page of docs/ is reached from the README', () => {
  const seen = new Set<string>()
  const visit = (page: string): void => {
    if (seen.has(page)) return
    seen.add(page)
    for (const [, path = ''] of prose(page).matchAll(/\]\(([^()\s#:]+\.md)(?:#[^()\s]*)?\)/g))
      visit(normalize(join(dirname(page), path)))
  }
  visit('README.md')
  expect(PAGES.filter((page) => page.startsWith('docs') && !seen.has(page))).toEqual([])
})

test('the table of settings has every variable of the configuration, with the default that holds', () => {
  const code = read('src/config.ts')
  const environment = /const environment = z\.object\(\{([^]*?)\n\}\)/.exec(code)?.[1] ?? ''
  const variables = [...environment.matchAll(/^ {2}([A-Z][A-Z_]+): ([^]*?),(?=\n(?: {2}[A-Z]|$)|$)/gm)]
  expect(variables.length).toBeGreaterThan(20)
  // The first of two tables; the other one is of secrets, which the configuration does not read.
  const table = /\n## Configuration\n([^]*?)\nSecrets/.exec(read('docs/operations.md'))?.[1] ?? ''
  const rows = new Map(
    [...table.matchAll(/^\| `([A-Z_]+)` \| ([^|]*) \|/gm)].map(([, name = '', value = '']) => [name, value]),
  )
  expect([...rows.keys()].toSorted()).toEqual(variables.map(([, name = '']) => name).toSorted())
  const defaults = variables.flatMap(([, name = '', type = '']): [string, string][] => {
    const value = /\.default\('?([^')]+)'?\)/.exec(type)?.[1]
    return value === undefined || value === '[]' ? [] : [[name, `\`${value.replaceAll('_', '')}\``]]
  })
  expect(defaults.map(([name]) => [name, rows.get(name)])).toEqual(defaults)
})

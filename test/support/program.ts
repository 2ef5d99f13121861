// The program as it is shipped, built once for a run of the tests: from its source each start takes a second more.
import { execFileSync } from 'node:child_process'
import { cpSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { TestProject } from 'vitest/node'

declare module 'vitest' {
  interface ProvidedContext {
    /** The file that Node runs as `prooflog`. */
    program: string
  }
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export default function setup(project: TestProject): () => void {
  const folder = mkdtempSync(join(tmpdir(), 'prooflog-program-'))
  for (const name of ['node_modules', 'drizzle']) symlinkSync(join(ROOT, name), join(folder, name))
  cpSync(join(ROOT, 'package.json'), join(folder, 'package.json'))
  const compiler = join(ROOT, 'node_modules/typescript/bin/tsc')
  const output = ['--outDir', join(folder, 'dist'), '--declaration', 'false', '--sourceMap', 'false']
  execFileSync(process.execPath, [compiler, '-p', join(ROOT, 'tsconfig.build.json'), ...output], {
    stdio: 'inherit',
  })
  project.provide('program', join(folder, 'dist/cli/main.js'))
  return () => rmSync(folder, { recursive: true, force: true })
}

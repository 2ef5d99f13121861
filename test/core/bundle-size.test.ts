import { gzipSync } from 'node:zlib'
import { build } from 'esbuild'
import { expect, test } from 'vitest'

const ROOT = new URL('../..', import.meta.url).pathname

async function bundle(entry: string) {
  const { outputFiles, metafile } = await build({
    stdin: { contents: entry, resolveDir: ROOT, loader: 'ts' },
    bundle: true,
    minify: true,
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    external: ['node:*'],
    metafile: true,
    write: false,
  })
  const imports = Object.values(metafile.outputs).flatMap((output) => output.imports.map((i) => i.path))
  return {
    size: outputFiles[0]!.contents.length,
    text: outputFiles[0]!.text,
    imports,
    inputs: Object.keys(metafile.inputs),
  }
}

const VERIFIER = `export { verifyProof, parsePolicy, policyFromVkeys, parseProofFile, ProoflogError } from './src/core/index.ts'`
const PRIMITIVES = `export { primitives } from './src/core/crypto.ts'`

// Measured: 36.0 kB minified, 15.0 kB gzipped. SHA-2 and Ed25519 of @noble with the glue around them are 18.1 kB of it, so
// a verifier of 20 kB minified would need other primitives.
test('what a browser loads to verify a proof is below 38 kB minified and 16 kB gzipped, and needs nothing of Node', async () => {
  const { size, imports, inputs, text } = await bundle(VERIFIER)
  expect(inputs).toContain('src/core/verify-proof.ts')
  expect(size, `${size} bytes minified`).toBeLessThan(38_000)
  const gzipped = gzipSync(text, { level: 9 }).length
  expect(gzipped, `${gzipped} bytes gzipped`).toBeLessThan(16_000)
  expect(imports).toEqual([])
  expect(inputs.filter((path) => path.includes('post-quantum'))).toEqual([])
  expect(text.includes('node:')).toBe(false)
})

test('what the formats and checks of core add to the primitives is below 20 kB minified', async () => {
  const added = (await bundle(VERIFIER)).size - (await bundle(PRIMITIVES)).size
  expect(added, `${added} bytes`).toBeLessThan(20_000)
})

test('the bundle would show an import of Node and the weight of ML-DSA, if they crept in', async () => {
  const { size, imports, inputs } = await bundle(
    `${VERIFIER}; export { installMlDsa } from './src/core/ml-dsa.ts'; export { createHash } from 'node:crypto'`,
  )
  expect(imports).toEqual(['node:crypto'])
  expect(inputs.some((path) => path.includes('post-quantum'))).toBe(true)
  expect(size).toBeGreaterThan(38_000)
})

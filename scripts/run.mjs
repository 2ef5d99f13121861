// Runs a TypeScript file, or with --bin a program of node_modules, and installs what package-lock.json asks for first.
// Without dependencies of its own. The program runs in this very process: signals, exit code, stdin and stdout are its own.
import { spawnSync } from 'node:child_process'
import { accessSync, constants, existsSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'

const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const NODE_AT_LEAST = [20, 19]
const LOCK = join(ROOT, '.install.lock')
const LOCK_POLL_MS = 200

checkNode()
install()
await run(process.argv.slice(2))

function checkNode() {
  const [major, minor] = process.versions.node.split('.').map(Number)
  const [wantMajor, wantMinor] = NODE_AT_LEAST
  if (major > wantMajor || (major === wantMajor && minor >= wantMinor)) return
  fail(
    `this is Node ${process.versions.node}; prooflog needs ${NODE_AT_LEAST.join('.')} or newer (https://nodejs.org)`,
  )
}

function install() {
  if (isInstalled()) return
  checkWritable()
  takeLock()
  try {
    if (isInstalled()) return // the launcher we waited for has done it
    process.stderr.write('prooflog: installing dependencies (npm ci)\n')
    const { status, error } = npm(['ci', '--include=dev', '--include=optional', '--no-audit', '--no-fund'])
    if (error) fail(`npm ci did not start: ${error.message}`)
    if (status !== 0) fail(`npm ci failed with status ${status}; its output is above`)
  } finally {
    rmSync(LOCK, { force: true })
  }
}

/** Every package of the lock file is there in its version; optional ones may be for another platform. */
function isInstalled() {
  const wanted = readPackages(join(ROOT, 'package-lock.json'))
  const found = readPackages(join(ROOT, 'node_modules', '.package-lock.json'))
  return Object.entries(wanted).every(([path, { version, optional, devOptional }]) => {
    if (path === '') return true
    return found[path] ? found[path].version === version : optional === true || devOptional === true
  })
}

function readPackages(file) {
  return existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')).packages : {}
}

function checkWritable() {
  const modules = join(ROOT, 'node_modules')
  const folder = existsSync(modules) ? modules : ROOT
  try {
    accessSync(folder, constants.W_OK)
    accessSync(ROOT, constants.W_OK)
  } catch {
    fail(
      `dependencies are missing or old, and ${folder} is not writable for you: run "npm ci" in ${ROOT} as the owner of that folder`,
    )
  }
}

/** One npm ci at a time; the lock of a launcher that was killed is taken over. */
function takeLock() {
  for (let said = false; ;) {
    try {
      writeFileSync(LOCK, String(process.pid), { flag: 'wx' })
      return
    } catch (error) {
      if (error.code !== 'EEXIST') throw error
    }
    const holder = lockHolder()
    if (holder !== undefined && !lives(holder)) rmSync(LOCK, { force: true })
    else if (!said)
      process.stderr.write(`prooflog: waiting for process ${holder ?? '?'}, which installs dependencies\n`)
    said = true
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, LOCK_POLL_MS) // sleep
  }
}

/** Undefined when the lock is gone, or not yet written. */
function lockHolder() {
  try {
    return Number(readFileSync(LOCK, 'utf8')) || undefined
  } catch {
    return undefined
  }
}

function lives(pid) {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return error.code === 'EPERM'
  }
}

/** npm's own words go to stderr: stdout belongs to the program. */
function npm(args) {
  const options = { cwd: ROOT, stdio: ['ignore', process.stderr, process.stderr] }
  const script = process.env.npm_execpath
  if (script && /npm-cli\.[cm]?js$/.test(script))
    return spawnSync(process.execPath, [script, ...args], options)
  return spawnSync('npm', args, { ...options, shell: process.platform === 'win32' })
}

async function run([first, ...rest]) {
  const [file, args] =
    first === '--bin' ? [binOf(rest[0]), rest.slice(1)] : [resolve(ROOT, first ?? ''), rest]
  if (!first || !existsSync(file))
    fail('usage: node scripts/run.mjs <file.ts> [args…] | --bin <name> [args…]')
  process.argv = [process.argv[0], file, ...args]
  if (/\.[cm]?ts$/.test(file)) {
    const { register } = await import('tsx/esm/api')
    register()
  }
  await import(pathToFileURL(file).href)
}

/** The script behind node_modules/.bin/<name>, which is a shell wrapper on Windows: read it from the package instead. */
function binOf(name = '') {
  const { bin = {} } = JSON.parse(readFileSync(join(ROOT, 'node_modules', name, 'package.json'), 'utf8'))
  return realpathSync(join(ROOT, 'node_modules', name, typeof bin === 'string' ? bin : bin[name]))
}

function fail(message) {
  process.stderr.write(`prooflog: ${message}\n`)
  process.exit(1)
}

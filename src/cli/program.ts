import { Command } from 'commander'
import { installMlDsa } from '../core/ml-dsa.ts'
import { installNodeCrypto } from '../node-crypto.ts'
import { packageVersion } from '../package-version.ts'
import { addAppend } from './append.ts'
import { addAudit } from './audit.ts'
import { addBench } from './bench.ts'
import { addCheck } from './check.ts'
import { addCheckpoint } from './checkpoint.ts'
import { addErasure } from './erasure.ts'
import { EXIT, reportError } from './errors.ts'
import { addEvent } from './event.ts'
import { addExport } from './export.ts'
import { addGet } from './get.ts'
import { addGuard } from './guard.ts'
import { addHold } from './hold.ts'
import { addImport } from './import.ts'
import type { Io } from './io.ts'
import { addKey } from './key.ts'
import { addKeyfile } from './keyfile.ts'
import { addKeygen } from './keygen.ts'
import { addLog } from './log.ts'
import { addMigrate } from './migrate.ts'
import { addMirror } from './mirror.ts'
import { addMonitor } from './monitor.ts'
import { addProve } from './prove.ts'
import { addRestore } from './restore.ts'
import { addSearch } from './search.ts'
import { addServe } from './serve.ts'
import { addStatus } from './status.ts'
import { addVault } from './vault.ts'
import { addVerifyEvidence } from './verify-evidence.ts'
import { addVerify } from './verify.ts'
import { addWitness } from './witness.ts'

/** In the order of the help. */
const COMMANDS = [
  addServe,
  addEvent,
  addSearch,
  addErasure,
  addHold,
  addVault,
  addAppend,
  addGet,
  addProve,
  addVerify,
  addCheckpoint,
  addAudit,
  addMonitor,
  addVerifyEvidence,
  addExport,
  addImport,
  addRestore,
  addLog,
  addKey,
  addKeygen,
  addKeyfile,
  addGuard,
  addWitness,
  addMirror,
  addStatus,
  addCheck,
  addMigrate,
  addBench,
]

const AFTER_HELP = `
Environment:
  PROOFLOG_SERVER  address of the server (http://127.0.0.1:8080)
  PROOFLOG_KEY     API key; without it ./data/admin.key is used for a server on this machine
  PROOFLOG_DATA    folder of a server on this machine (./data)
  PROOFLOG_DEBUG   1 to see where an error came from

Exit codes: 0 done, 1 refused or not verified, 2 wrong usage, 3 server not reachable or not available`

/** Runs one command line (without node and script) and returns the exit code of the program. */
export async function runProgram(args: readonly string[], io: Io): Promise<number> {
  installNodeCrypto()
  installMlDsa()
  const out: string[] = []
  const json = args.includes('--json')
  const program = new Command('prooflog')
    .description('A transparency log for audit events: every entry provable, every tree head signed.')
    .exitOverride()
    .configureOutput({ writeOut: (text) => void out.push(text), writeErr: json ? () => {} : io.err })
    .version(packageVersion())
    .helpCommand('help [command]', 'show how to use a command')
    .addHelpText('after', AFTER_HELP)
  for (const add of COMMANDS) add(program, io)
  try {
    await program.parseAsync(args, { from: 'user' })
    return EXIT.ok
  } catch (error) {
    return reportError(error, io, json)
  } finally {
    // Help is what was asked for: it goes where results go.
    for (const text of out) await io.out(text)
  }
}

#!/usr/bin/env node
// The program `prooflog`. All it does is join the command line to this process; see program.ts.
import { processIo } from './io.ts'
import { runProgram } from './program.ts'

process.exitCode = await runProgram(process.argv.slice(2), processIo())

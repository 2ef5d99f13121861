import { defineConfig } from 'vitest/config'

/** A real Postgres, started once for the project (each test file makes databases of its own), and the program as it is shipped. */
const POSTGRES_AND_PROGRAM = ['test/support/postgres.ts', 'test/support/program.ts']

/** Limits of what hangs, not of what is slow: a machine under load is no fault. */
const PATIENT = { testTimeout: 60_000, hookTimeout: 60_000, expect: { poll: { timeout: 20_000 } } }

export default defineConfig({
  test: {
    projects: [
      // Needs nothing but Node.
      {
        test: {
          ...PATIENT,
          name: 'core',
          include: ['test/*.test.ts', 'test/{core,files,keys,sender,time}/**/*.test.ts'],
        },
      },
      {
        test: {
          ...PATIENT,
          name: 'db',
          include: [
            'test/{db,store,log,access,http,client,cli,serve,audit}/**/*.test.ts',
            'test/{witness,witness-server,mirror,guard,keys,s3,self-check,static,monitor}/**/*.test.ts',
          ],
          globalSetup: POSTGRES_AND_PROGRAM,
        },
      },
      // Starts and kills whole processes: one file after the other.
      {
        test: {
          ...PATIENT,
          name: 'crash',
          include: ['test/{crash,e2e}/**/*.test.ts'],
          globalSetup: POSTGRES_AND_PROGRAM,
          fileParallelism: false,
          testTimeout: 180_000,
          hookTimeout: 120_000,
        },
      },
      // Needs Go and its modules, so it is no part of `npm test`: npm run test:interop. Builds the programs first.
      {
        test: {
          ...PATIENT,
          name: 'interop',
          include: ['test/interop/**/*.test.ts'],
          globalSetup: POSTGRES_AND_PROGRAM,
          testTimeout: 180_000,
          hookTimeout: 600_000,
        },
      },
    ],
  },
})

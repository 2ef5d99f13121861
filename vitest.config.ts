import { defineConfig } from 'vitest/config'

// `core` needs nothing but Node; `db` starts a real Postgres once (test/support/postgres.ts) and gives each file a database of its own.
export default defineConfig({
  test: {
    projects: [
      { test: { name: 'core', include: ['test/*.test.ts', 'test/core/**/*.test.ts'] } },
    ],
  },
})

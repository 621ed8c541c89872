import { defineConfig } from 'vitest/config'

import { hasPgBouncer } from './e2e/setup/has-pgbouncer.ts'

const conditions = ['@tautline/source']

/** Workspace packages from their sources. */
const fromSource = { resolve: { conditions }, ssr: { resolve: { conditions } } }

const shared = { testTimeout: 30_000, hookTimeout: 60_000, maxWorkers: 2 }

/** Tests that talk to the database through a whole server: they run again through a PgBouncer. */
const throughTheDatabase = ['packages/{kit,server}/src/**/*.server.test.ts']

export default defineConfig({
  test: {
    reporters: ['default', './e2e/setup/summary-reporter.ts'],
    projects: [
      {
        ...fromSource,
        test: {
          ...shared,
          name: 'units',
          include: ['{packages,tools}/**/*.test.ts'],
          globalSetup: ['./packages/kit/src/testing/global-setup.ts'],
        },
      },
      ...(hasPgBouncer
        ? [
            {
              ...fromSource,
              test: {
                ...shared,
                name: 'pgbouncer',
                include: throughTheDatabase,
                globalSetup: ['./e2e/setup/pgbouncer.ts'],
                env: { TEST_THROUGH_POOLER: '1' },
              },
            },
          ]
        : []),
      {
        ...fromSource,
        test: {
          ...shared,
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          testTimeout: 180_000,
          hookTimeout: 180_000,
          globalSetup: ['./packages/kit/src/testing/global-setup.ts'],
          // Each starts real processes and some of them load the machine.
          fileParallelism: false,
        },
      },
    ],
  },
})

import { defineConfig } from 'vitest/config'

import { hasPgBouncer } from './e2e/setup/has-pgbouncer.ts'

const conditions = ['@tautline/source']

/** Workspace packages from their sources. */
const fromSource = { resolve: { conditions }, ssr: { resolve: { conditions } } }

const postgres = './packages/kit/src/testing/global-setup.ts'

/** Files share what they import, which is half of the time: nothing of ours remembers a test. */
const shared = { testTimeout: 30_000, hookTimeout: 60_000, maxWorkers: 2, isolate: false }

/** Tests that start real processes. */
const patient = { testTimeout: 180_000, hookTimeout: 180_000 }

const full = process.env.TEST_FULL === '1'

/** Those that load the machine, or measure under load: one after the other. */
const underLoad = [
  'e2e/{deadlines,faults,http,idempotency,limits,login-flood}/**/*.test.ts',
  'e2e/{overload,redis-away,rolling-restart,works}/**/*.test.ts',
  ...(full ? ['e2e/{bank,cache,export,files,hostile,import,mail,tasks,watch}/**/*.test.ts'] : []),
]

/** Tests that talk to the database through a whole server: they run again through a PgBouncer. */
const throughTheDatabase = ['packages/{kit,server}/src/**/*.server.test.ts']

/** What they leave out: the way in and out, which never comes to the database. */
const besideTheDatabase = [
  'packages/kit/src/{http,identity}/**',
  'packages/kit/src/rpc/{admit,body-budget,http,limit,server-timing}.server.test.ts',
  'packages/{kit,server}/src/**/{outgoing,upstream}.server.test.ts',
]

export default defineConfig({
  test: {
    reporters: ['default', './e2e/setup/summary-reporter.ts'],
    // A file that is to be there and is not fails its test, as one that differs; `--update` writes.
    update: 'none',
    projects: [
      {
        ...fromSource,
        test: {
          ...shared,
          name: 'units',
          include: ['{packages,tools}/**/*.test.ts'],
          globalSetup: [postgres],
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
                exclude: ['**/node_modules/**', ...besideTheDatabase],
                globalSetup: [postgres, './e2e/setup/pgbouncer.ts'],
                env: { TEST_THROUGH_POOLER: '1' },
              },
            },
          ]
        : []),
      {
        ...fromSource,
        test: {
          ...shared,
          ...patient,
          name: 'e2e',
          include: ['e2e/**/*.test.ts'],
          exclude: ['**/node_modules/**', ...underLoad],
          globalSetup: [postgres],
        },
      },
      {
        ...fromSource,
        test: {
          ...shared,
          ...patient,
          name: 'load',
          include: underLoad,
          globalSetup: [postgres],
          fileParallelism: false,
          sequence: { groupOrder: 1 },
        },
      },
    ],
  },
})

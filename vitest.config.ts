import { join } from 'node:path'

import { defineConfig } from 'vitest/config'

import { hasPgBouncer } from './e2e/setup/has-pgbouncer.ts'

const conditions = ['@tautline/source']

/** Workspace packages from their sources. */
const fromSource = { resolve: { conditions }, ssr: { resolve: { conditions } } }

const postgres = './packages/kit/src/testing/global-setup.ts'

/**
 * Files share what they import, which is half of the time: nothing of ours remembers a test. Three at a
 * time on two cores, since many tests wait.
 */
const shared = {
  testTimeout: 30_000,
  hookTimeout: 60_000,
  maxWorkers: 3,
  isolate: false,
  // For the processes that tests start: to compile what they run is half of their start.
  env: { NODE_COMPILE_CACHE: join(import.meta.dirname, 'node_modules/.cache/compiled') },
}

/** Tests that start real processes. */
const patient = { testTimeout: 180_000, hookTimeout: 180_000 }

const full = process.env.TEST_FULL === '1'

/** Those that load the machine, or measure under load: one after the other. */
const underLoad = [
  'e2e/{deadlines,faults,http,limits,login-flood,overload,redis-away,works}/**/*.test.ts',
  'e2e/idempotency/rivals.test.ts',
  ...(full
    ? [
        'e2e/{bank,cache,export,files,hostile,import,mail,tasks,watch}/**/*.test.ts',
        'e2e/{idempotency,rolling-restart}/**/*.test.ts',
      ]
    : []),
]

/**
 * Tests that talk to the database through a whole server: they run again through a PgBouncer. In short
 * runs those of what is not as every statement is: locks, cursors, notifications, transactions.
 */
const throughTheDatabase = full
  ? ['packages/{kit,server}/src/**/*.server.test.ts']
  : [
      'packages/kit/src/{db,exports,policies,tasks}/**/*.server.test.ts',
      'packages/kit/src/features/{files,notifications,tasks}/*.server.test.ts',
      'packages/kit/src/rpc/{batch-connections,call-ends,deadline,invalidations,keyed}.server.test.ts',
      'packages/server/src/features/{accounts,items,users}/*.server.test.ts',
    ]

/** What they leave out: the way in and out, which never comes to the database. */
const besideTheDatabase = [
  ...(full ? [] : ['packages/kit/src/db/silence.server.test.ts']),
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
                env: { ...shared.env, TEST_THROUGH_POOLER: '1' },
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

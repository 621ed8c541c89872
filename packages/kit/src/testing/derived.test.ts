import { join, relative } from 'node:path'

import { expect, test } from 'vitest'

import { defineApp } from '../app-definition.ts'
import { dumpSchema } from '../db/schema-dump.ts'
import { databaseTypes } from '../db/table-types.ts'
import { accountsApp } from '../features/auth/accounts.fixture.ts'
import { files as keptFiles } from '../features/files/files.ts'
import { notifications } from '../features/notifications/notifications.ts'
import { tasks } from '../features/tasks/tasks.ts'
import { tablesTest } from './derived-files.ts'
import { openMigrated } from './migrated-database.ts'
import { app as pressApp } from './press-app.fixture.ts'
import { sqlFiles } from './sql-files.ts'

const SRC = join(import.meta.dirname, '..')

/** Files with statements that are shown nowhere, each with the reason. */
const excused = {
  'cli/dev-server.ts': 'a lock around the seed of a development database',
  'db/catalog.ts': 'reads the catalog of Postgres, in a command',
  'db/connection.ts': 'a commit, and what a cursor takes around a statement shown elsewhere',
  'db/leader-lock.ts': 'a lock of a session',
  'db/owners.ts': 'a condition of statements shown elsewhere',
  'db/schema-objects.ts': 'reads the catalog of Postgres, in a command',
  'db/table-types.ts': 'reads the catalog of Postgres, in a command',
  'http/health.ts': 'asks for 1',
  'policies/cache/validity.ts': 'a NOTIFY',
  'tasks/accept-function.ts': 'a function, which a migration makes',
  'tasks/boss.ts': 'asks for 1',
  'tasks/attempt-scope.ts': 'opens a transaction that only reads',
  'tasks/boss-engine.ts': 'sends what pg-boss has worded',
  'testing/test-database.ts': 'makes and drops databases of tests',
}

/** All features of the library that have tables. */
const accounts = accountsApp(async () => {})
const whole = {
  ...accounts.features,
  files: keptFiles(),
  notifications: notifications(),
  tasks: tasks(),
}

await using library = await openMigrated(defineApp({ ...accounts, features: whole }))
await using press = await openMigrated(pressApp)

const derived = [
  {
    path: join(SRC, 'testing/generated/tables.test-d.ts'),
    text: await tablesTest(library.db, 'library'),
  },
  ...(await sqlFiles(library.db, SRC, excused)),
  { path: join(SRC, 'testing/press.fixture/schema.sql'), text: await dumpSchema(press.db) },
  {
    path: join(SRC, 'testing/generated/press-tables.fixture.ts'),
    text: await databaseTypes(press.db),
  },
]
const files = derived.map((file) => ({ ...file, name: relative(SRC, file.path) }))

// The schema of the library is in the dump of the reference backend.
test.each(files)('$name says what the migrations and the queries say', async ({ path, text }) => {
  await expect(text, 'npx pnpm@12 derive writes it').toMatchFileSnapshot(path)
})

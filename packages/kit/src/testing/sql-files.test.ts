import { mkdtempDisposable, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'

import type { Db } from '../db/database.ts'
import { openMigrated, type MigratedDatabase } from './migrated-database.ts'
import { app } from './press-app.fixture.ts'
import { sqlFiles } from './sql-files.ts'
import { recordSql } from './sql-recorder.ts'
import { samplesOf } from './sql-samples.ts'

let migrated: MigratedDatabase
beforeAll(async () => {
  migrated = await openMigrated(app)
})
afterAll(() => migrated[Symbol.asyncDispose]())

const queries = {
  insertAuthor: (db: Db, name: string) => db.insertInto('author').values({ name }).execute(),
  selectAuthors: (db: Db) => db.selectFrom('author').select('name'),
  async renameAuthor(db: Db, from: string, to: string) {
    const author = await db
      .selectFrom('author')
      .select('id')
      .where('name', '=', from)
      .executeTakeFirst()
    if (!author) return
    await db.updateTable('author').set({ name: to }).where('id', '=', author.id).execute()
  },
  misspelt: (db: Db) => sql`selec 1`.execute(db),
  nothing: async (_: Db) => {},
  helper: (name: string) => name,
}

test('samples show what each function sends, with the rows that were given and no others', async () => {
  const { misspelt: _, nothing: __, ...sound } = queries
  const samples = samplesOf(
    sound,
    {
      insertAuthor: ['Berta'],
      selectAuthors: [],
      renameAuthor: { known: ['Anna', 'A'], 'not known': ['Berta', 'B'] },
    },
    (db) => queries.insertAuthor(db, 'Anna'),
  )
  expect(await recordSql(migrated.db, samples)).toBe(`-- insertAuthor
insert into "author" ("name")
values ($1);

-- selectAuthors
select "name"
from "author";

-- renameAuthor: known
select "id"
from "author"
where "name" = $1;
update "author"
set "name" = $1
where "id" = $2;

-- renameAuthor: not known
select "id"
from "author"
where "name" = $1;
`)
  expect(await queries.selectAuthors(migrated.db).execute()).toEqual([])
})

test('a sample that Postgres refuses, or that sends nothing, is named', async () => {
  const { misspelt, nothing } = queries
  await expect(
    recordSql(migrated.db, samplesOf({ misspelt }, { misspelt: [] })),
  ).rejects.toMatchObject({ message: 'The sample misspelt failed.', cause: { code: '42601' } })
  await expect(recordSql(migrated.db, samplesOf({ nothing }, { nothing: [] }))).rejects.toThrow(
    'The sample nothing runs no statement.',
  )
})

test('no file with statements goes unseen, and no file that nothing makes is left', async () => {
  await using folder = await mkdtempDisposable(join(tmpdir(), 'tautline-sql-'))
  const files = {
    'router.ts': "export const run = (db) => db.deleteFrom('note').execute()",
    'raw.ts': 'export const run = (db) => sql<number>`select 1`.execute(db)',
    'client.ts': "export const run = (client) => client.query(\n  'select 1')",
    'text.ts': "export const run = (db) => sql.raw('select 1').execute(db)",
    'tableless.ts': 'export const run = (db) => db.selectNoFrom(one).execute()',
    'compiled.ts': "export const run = (db) => db.executeQuery(CompiledQuery.raw('select 1'))",
    'known.ts': 'sql`select 1`',
    'about.ts': '// sql`select 1`\n/** `db.insertInto()` */\nexport const url = new URL(".")',
    'made.test.ts': 'sql`select 1`',
    'migrations.ts': 'sql`create table note ()`',
    'old.sql': 'select 1',
    'schema.sql': 'CREATE TABLE note ()',
  }
  for (const [name, text] of Object.entries(files)) await writeFile(join(folder.path, name), text)
  const excused = { 'known.ts': 'as a test', 'about.ts': 'for nothing' }
  await expect(sqlFiles(migrated.db, folder.path, excused)).rejects.toThrow(
    [
      'client.ts has statements: give it samples in client.fixture.ts.',
      'compiled.ts has statements: give it samples in compiled.fixture.ts.',
      'raw.ts has statements: give it samples in raw.fixture.ts.',
      'router.ts has statements: give it samples in router.fixture.ts.',
      'tableless.ts has statements: give it samples in tableless.fixture.ts.',
      'text.ts has statements: give it samples in text.fixture.ts.',
      'about.ts is excused, and has no statements.',
      'old.sql is derived from nothing any more: delete it.',
    ].join('\n'),
  )

  await rm(join(folder.path, 'old.sql'))
  await writeFile(join(folder.path, 'raw.fixture.ts'), 'export const samples = []')
  const names = ['client', 'compiled', 'known', 'router', 'tableless', 'text']
  const others = Object.fromEntries(names.map((name) => [`${name}.ts`, 'as a test']))
  await expect(sqlFiles(migrated.db, folder.path, others)).rejects.toThrow(
    'exports no `samples` made by samplesOf.',
  )
})

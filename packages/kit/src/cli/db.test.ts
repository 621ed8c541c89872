import { execFile } from 'node:child_process'
import { mkdtempDisposable, readFile, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

import { sql } from 'kysely'
import { expect, test } from 'vitest'

import { postgresOf } from '../db/schema-drift.ts'
import { dumpSchema } from '../db/schema-dump.ts'
import { openMigrated } from '../testing/migrated-database.ts'
import { app } from '../testing/press-app.fixture.ts'
import { runDb } from './db.ts'
import { processEnvironment } from './process-environment.fixture.ts'

const main = fileURLToPath(new URL('./main.ts', import.meta.url))
const press = fileURLToPath(new URL('../testing/press-app.fixture.ts', import.meta.url))

/** Runs `tautline db …` as a process of its own. */
function tautline(databaseUrl: string, ...words: string[]) {
  const args = ['--conditions=@tautline/source', main, '--app', press, 'db', ...words]
  const env = { ...processEnvironment(), DATABASE_URL: databaseUrl }
  return new Promise<{ code: unknown; printed: string }>((resolve) => {
    execFile(process.execPath, args, { env }, (error, stdout, stderr) =>
      resolve({ code: error ? error.code : 0, printed: stdout + stderr }),
    )
  })
}

const read = (path: string) => readFile(new URL(path, import.meta.url), 'utf8')

test('db types and db dump print files that a backend can keep, and db check finds no fault', async () => {
  await using database = await openMigrated(app)
  // Partitions come and go with the data.
  await sql`
    create table press.edition_2027 partition of press.edition
    for values from ('2027-01-01') to ('2028-01-01')`.execute(database.db)
  const [types, dump, check] = await Promise.all([
    tautline(database.url, 'types'),
    tautline(database.url, 'dump'),
    tautline(database.url, 'check'),
  ])
  // Compiled and used in db/table-types.test.ts.
  expect(types).toEqual({
    code: 0,
    printed: await read('../testing/generated/press-tables.fixture.ts'),
  })
  expect(dump).toEqual({ code: 0, printed: await read('../testing/press.fixture/schema.sql') })
  expect(check.printed).toBe('The database has the schema that the migrations make.\n')
  expect(check.code).toBe(0)
})

test('db check says what somebody has done by hand, and fails', async () => {
  await using database = await openMigrated(app)
  for (const statement of [
    sql`drop index press.article_author`,
    sql`create index article_at on press.article (at)`,
    sql`alter table press.article alter column stars drop not null`,
    sql`alter table press.article drop constraint price_positive`,
    sql`alter table press.article disable trigger count_view`,
    sql`alter table author add column note text default 'none'`,
    sql`alter type press.mood add value 'glad'`,
    sql`alter type press.size add attribute depth_cm smallint`,
    sql`drop type press.stars_between`,
    sql`alter sequence press.issue increment by 5`,
    sql`alter sequence press.article_number_seq increment by 5`,
    sql`alter sequence author_id_seq increment by 5`,
    // Such come from the hosting, as pg_stat_statements does.
    sql`create extension btree_gin`,
    sql`drop table tautline.process`,
    sql`create table backup (id integer)`,
    sql`create or replace function press.count_view() returns trigger language plpgsql as $$ begin
        return new;
      end $$`,
    sql`delete from tautline.app_migration`,
  ]) {
    await statement.execute(database.db)
  }
  const { code, printed } = await tautline(database.url, 'check')
  expect(printed).toMatchInlineSnapshot(`
    "The database differs from what the migrations make.
    - is missing in it, + is there besides:

    + COLUMN author.id integer GENERATED ALWAYS AS IDENTITY (INCREMENT BY 5) NOT NULL
    - COLUMN author.id integer GENERATED ALWAYS AS IDENTITY NOT NULL
    + COLUMN author.note text DEFAULT 'none'::text
    + COLUMN press.article.stars real
    - COLUMN press.article.stars real NOT NULL
    - CONSTRAINT press.article.price_positive CHECK (price > 0::numeric)
    + CREATE INDEX article_at ON press.article USING btree (at);
    - CREATE INDEX article_author ON press.article USING btree (author_id, at DESC) WHERE views > 0;
    - CREATE OR REPLACE FUNCTION press.count_view() … line 5:         new.views := new.views + 1;
    + CREATE OR REPLACE FUNCTION press.count_view() … line 5:         return new;
    + CREATE SEQUENCE press.article_number_seq INCREMENT BY 5;
    - CREATE SEQUENCE press.article_number_seq;
    - CREATE SEQUENCE press.issue INCREMENT BY 10;
    + CREATE SEQUENCE press.issue INCREMENT BY 5;
    - CREATE TRIGGER count_view BEFORE UPDATE ON press.article FOR EACH ROW EXECUTE FUNCTION press.count_view();
    + CREATE TRIGGER count_view BEFORE UPDATE ON press.article FOR EACH ROW EXECUTE FUNCTION press.count_view(); -- disabled
    - CREATE TYPE press.mood AS ENUM ('sad', 'so-so', 'it''s "fine"');
    + CREATE TYPE press.mood AS ENUM ('sad', 'so-so', 'it''s "fine"', 'glad');
    - CREATE TYPE press.size AS (width_cm smallint, "Note" text COLLATE "C");
    + CREATE TYPE press.size AS (width_cm smallint, "Note" text COLLATE "C", depth_cm smallint);
    - CREATE TYPE press.stars_between AS RANGE (SUBTYPE = real, SUBTYPE_OPCLASS = float4_ops, MULTIRANGE_TYPE_NAME = press.stars_between_multirange);
    + TABLE backup
    - TABLE tautline.process
    - the migration app/press.fixture
    "
  `)
  expect(code).toBe(1)
})

test('db check names the migrations that are pending, and leaves out what another Postgres words', async () => {
  await using database = await openMigrated(app)
  await sql`delete from tautline.app_migration`.execute(database.db)
  await using folder = await mkdtempDisposable(join(tmpdir(), 'tautline-db-'))
  const older = join(folder.path, 'schema.sql')
  const dump = await dumpSchema(database.db)
  await writeFile(
    older,
    dump.replace(/Postgres \d+/, 'Postgres 12').replace('SELECT id,', 'SELECT article.id,'),
  )
  expect(await tautline(database.url, 'check', older)).toEqual({
    code: 1,
    printed: `Of views only the columns were compared, and of functions whose body is not quoted only the head: the dump is by Postgres 12, the database on Postgres ${postgresOf(dump)}.
The database differs from what the migrations make.
- is missing in it, + is there besides:

- the migration app/press.fixture
`,
  })
})

test('db says what is wrong, in one line', async () => {
  await expect(runDb(press, [])).rejects.toThrow(/^Say what to do: .*$/)
  await expect(runDb(press, ['check', 'no-such.sql'])).rejects.toThrow(
    /^There is no .*no-such.sql;/,
  )
})

import { expect, test } from 'vitest'

import { otherWording, schemaDrift } from './schema-drift.ts'

/** A dump by a Postgres of this major version. */
const dump = (major: number, ...statements: string[]) =>
  [`-- Said by Postgres ${major}: all\n-- of it.`, ...statements]
    .map((statement) => `${statement}\n`)
    .join('\n')

const table = (head: string, line: string, end = ')') => `CREATE ${head} (\n  ${line}\n${end};`

test('a table that is kept or divided in another way still tells its columns', () => {
  expect(
    schemaDrift(
      dump(
        18,
        table('TABLE note', 'id bigint'),
        table('TABLE log', 'at date', ') PARTITION BY RANGE (at)'),
      ),
      dump(18, table('UNLOGGED TABLE note', 'id integer'), table('TABLE log', 'at text')),
    ),
  ).toEqual([
    '- COLUMN log.at date',
    '+ COLUMN log.at text',
    '- COLUMN note.id bigint',
    '+ COLUMN note.id integer',
    '+ TABLE log',
    '- TABLE log PARTITION BY RANGE (at)',
    '- TABLE note',
    '+ UNLOGGED TABLE note',
  ])
})

test('a table that is missing hides nothing of a schema of its name', () => {
  const article = (line: string) => table('TABLE press.article', line)
  expect(
    schemaDrift(
      dump(18, table('TABLE press', 'id bigint'), article('id bigint')),
      dump(18, article('id integer')),
    ),
  ).toEqual([
    '- COLUMN press.article.id bigint',
    '+ COLUMN press.article.id integer',
    '- TABLE press',
  ])
})

test('a text of many lines tells the first that differs', () => {
  const greet = (...lines: string[]) => ['CREATE FUNCTION greet()', ...lines].join('\n')
  expect(
    schemaDrift(
      dump(18, greet('AS $$ begin', '  return 1;', 'end $$;'), 'CREATE VIEW gone AS\n SELECT 1;'),
      dump(18, greet('AS $$ begin', '  return 2;', 'end $$;')),
    ),
  ).toEqual([
    '- CREATE FUNCTION greet() … line 3:   return 1;',
    '+ CREATE FUNCTION greet() … line 3:   return 2;',
    '- CREATE VIEW gone AS …',
  ])
  expect(
    schemaDrift(dump(18, greet(' IMMUTABLE')), dump(18, greet(' IMMUTABLE', ' STRICT'))),
  ).toEqual([
    '+ CREATE FUNCTION greet() … line 3:  STRICT',
    '- CREATE FUNCTION greet() … line 3: (ends)',
  ])
})

test('queries inside a schema are compared only with the words of the same Postgres', () => {
  const view = (columns: string, id: string) => `CREATE VIEW ids AS -- ${columns}\n SELECT ${id}`
  const atomic = (volatility: string, id: string) =>
    `CREATE OR REPLACE FUNCTION ids()\n ${volatility}\nBEGIN ATOMIC\n SELECT ${id};\nEND;`
  const text = (id: string) => `CREATE OR REPLACE FUNCTION text()\nAS $$\nBEGIN ATOMIC\n ${id}\n$$;`
  const alike = [view('id uuid', 'id'), atomic('STABLE', 'id'), text('id')]
  const worded = [view('id uuid', 'note.id'), atomic('STABLE', 'note.id'), text('id')]
  expect(schemaDrift(dump(18, ...alike), dump(15, ...worded))).toEqual([])
  expect(schemaDrift(dump(15, ...alike), dump(15, ...worded))).toHaveLength(4)
  expect(
    schemaDrift(
      dump(18, ...alike),
      dump(15, view('id text', 'id'), atomic('IMMUTABLE', 'id'), text('note.id')),
    ),
  ).toEqual([
    '+ CREATE OR REPLACE FUNCTION ids() … line 2:  IMMUTABLE',
    '- CREATE OR REPLACE FUNCTION ids() … line 2:  STABLE',
    '- CREATE OR REPLACE FUNCTION text() … line 4:  id',
    '+ CREATE OR REPLACE FUNCTION text() … line 4:  note.id',
    '+ CREATE VIEW ids AS -- id text',
    '- CREATE VIEW ids AS -- id uuid',
  ])
  expect(otherWording(dump(18), dump(18))).toBeUndefined()
  expect(otherWording('', dump(18))).toMatch(
    /by an unknown Postgres, the database on Postgres 18\.$/,
  )
})

test('an extension that is not there is drift, and one that is there besides is not', () => {
  const [trigrams, statements] = [
    'CREATE EXTENSION pg_trgm;',
    'CREATE EXTENSION pg_stat_statements;',
  ]
  expect(schemaDrift(dump(18, trigrams), dump(18, statements))).toEqual([`- ${trigrams}`])
})

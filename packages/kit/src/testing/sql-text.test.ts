import { expect, test } from 'vitest'

import { formatSql } from './sql-text.ts'

test('a statement has a line for each clause, whatever its own lines are', () => {
  expect(
    formatSql(`
      with   old as (select id from note where at <
        $1 order by at for no key update skip locked)
      delete from note using old where note.id = old.id returning note.id`),
  ).toBe(`with old as (
  select id
  from note
  where at < $1
  order by at
  for no key update skip locked
)
delete from note using old
where note.id = old.id
returning note.id`)
  expect(
    formatSql(
      'insert into "a" ("b") values ($1) on conflict ("b") do update set "b" = excluded."b" where a.b is distinct from excluded.b',
    ),
  ).toBe(`insert into "a" ("b")
values ($1)
on conflict ("b")
do update set "b" = excluded."b"
where a.b is distinct from excluded.b`)
})

test('strings, names in quotes and arguments of functions are left as they are', () => {
  const lines = [
    `select 'it''s  from (select here', "order by  1", extract(epoch from at), from_id`,
    'from "from"',
    'left join "limit" on true',
  ]
  expect(formatSql(lines.join(' '))).toBe(lines.join('\n'))
})

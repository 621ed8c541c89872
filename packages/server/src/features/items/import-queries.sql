-- What the functions of import-queries.ts send, called as in import-queries.fixture.ts.
-- Derived: do not edit.

-- beginImport
insert into "item_import" ("task_id")
values ($1)
on conflict ("task_id")
do update set "bytes" = item_import.bytes
returning "bytes", "rows", "created", "updated", "skipped", "bad";

-- advanceImport
with moved as (
  update item_import
  set bytes = $1, rows = $2, created = $3, updated = $4, skipped = $5, bad = $6
  where task_id = $7 and bytes = $8 and rows = $9
  returning task_id
), told as (
  insert into item_import_fault (task_id, row_number, problem)
  select task_id, row_number, problem
  from moved, unnest($10::bigint[], $11::text[]) as fault (row_number, problem)
)
select task_id
from moved;

-- findFaults
select "row_number", "problem"
from "item_import_fault"
where "task_id" = $1 and "row_number" > $2::bigint
order by "row_number"
limit $3;

-- findSpentImports
select "task_id"
from "item_import"
where not exists (
  select "tautline"."task"."id"
  from "tautline"."task"
  where "tautline"."task"."id" = "item_import"."task_id" and "tautline"."task"."state" <> $1
)
order by "task_id"
limit $2;

-- deleteFaults
delete from item_import_fault
where task_id = $1 and row_number in (
  select row_number
  from item_import_fault
  where task_id = $2
  order by row_number
  limit $3
);

-- deleteImport
delete from "item_import"
where "task_id" = $1;

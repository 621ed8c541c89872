-- What the functions of operator-rows.ts send, called as in operator-rows.fixture.ts.
-- Derived: do not edit.

-- listAllTasks: of any state
select "id", "name", "owner", "state", "attempt", "error", "finished_at" as "finishedAt"
from "tautline"."task"
where finished_at is distinct from '-infinity'
order by "finished_at" desc nulls first, "created_at" desc
limit $1;

-- listAllTasks: of those that ended
select "id", "name", "owner", "state", "attempt", "error", "finished_at" as "finishedAt"
from "tautline"."task"
where finished_at is distinct from '-infinity' and "state" = $1 and "finished_at" is not null
order by "finished_at" desc nulls first, "created_at" desc
limit $2;

-- listAllTasks: of those that did not
select "id", "name", "owner", "state", "attempt", "error", "finished_at" as "finishedAt"
from "tautline"."task"
where finished_at is distinct from '-infinity' and "state" = $1 and "finished_at" is null
order by "finished_at" desc nulls first, "created_at" desc
limit $2;

-- findAnyTask
select "id", "name", "owner"
from "tautline"."task"
where "id" = $1 and finished_at is distinct from '-infinity';

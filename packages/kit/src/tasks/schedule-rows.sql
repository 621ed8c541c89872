-- What the functions of schedule-rows.ts send, called as in schedule-rows.fixture.ts.
-- Derived: do not edit.

-- readNow
select now();

-- putSchedule
insert into tautline.task_schedule (name, spec, next_at)
values ($1, $2, $3)
on conflict (name)
do update set spec = excluded.spec, next_at = excluded.next_at
where task_schedule.spec <> excluded.spec;

-- findDue
select name
from tautline.task_schedule
where name = any($1::text[]) and next_at <= now()
order by next_at;

-- holdDue
select now()
from tautline.task_schedule
where name = $1 and spec = $2 and next_at <= now()
for update skip locked;

-- setNext
update "tautline"."task_schedule"
set "next_at" = $1
where "name" = $2;

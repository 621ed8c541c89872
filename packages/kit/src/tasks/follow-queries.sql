-- What the functions of follow-queries.ts send, called as in follow-queries.fixture.ts.
-- Derived: do not edit.

-- findWatched
select "asked"."position", "task"."last_seq" as "lastSeq", task.finished_at is not null as "isFinished"
from unnest($1::uuid[], $2::text[]) with ordinality as asked (id, owner, position)
inner join "tautline"."task" as "task" on "task"."id" = "asked"."id" and "task"."owner" = "asked"."owner";

-- readEvents
select task.id as "taskId", task.last_seq as "lastSeq", task.finished_at is not null as "isFinished", event.seq, event.type, event.attempt, event.created_at as at, event.data
from unnest($1::uuid[], $2::integer[]) as place (id, after)
join tautline.task on task.id = place.id
left join lateral (
  select seq, type, attempt, created_at, data, sum(octet_length(data)) over (order by seq) - octet_length(data) as text_before
  from (
    select seq, type, attempt, created_at, data
    from tautline.task_event
    where task_id = place.id and seq > place.after
    order by seq
    limit $3
  ) as following
) as event on event.text_before < $4
order by task.id, event.seq;

-- What the functions of process-count.ts send, called as in process-count.fixture.ts.
-- Derived: do not edit.

-- beat
with own as (
  insert into tautline.process (id, started_at, seen_at)
  values ($1, now(), now())
  on conflict (id)
  do update set seen_at = now()
), gone as (
  delete from tautline.process
  where id in (
    select id
    from tautline.process
    where seen_at < now() - $2 * interval '1 s' and id <> $3
    order by seen_at
    limit $4
    for update skip locked
  )
)
select 1 + count(*)::int as live
from tautline.process
where seen_at > now() - $5 * interval '1 s' and id <> $6;

-- leave
delete from tautline.process
where id = $1;

-- What the functions of retention-rows.ts send, called as in retention-rows.fixture.ts.
-- Derived: do not edit.

-- deleteRead
delete from tautline.notification
where id in (
  select id
  from tautline.notification
  where read_at < now() - $1::float8 * interval '1 ms'
  order by read_at
  limit $2
  for update skip locked
);

-- deleteUnread
delete from tautline.notification
where id in (
  select id
  from tautline.notification
  where read_at is null and created_at < now() - $1::float8 * interval '1 ms'
  order by created_at
  limit $2
  for update skip locked
);

-- deleteSome: of an owner
delete from tautline.notification
where id in (
  select id
  from tautline.notification
  where owner = $1
  limit $2
  for update
);

-- deleteSome: in every tenant
delete from tautline.notification
where id in (
  select id
  from tautline.notification
  where owner like '[null,%' and reverse(owner) like $1
  limit $2
  for update
);

-- deleteCounter: of an owner
delete from "tautline"."notification_counter"
where owner = $1;

-- deleteCounter: in every tenant
delete from "tautline"."notification_counter"
where owner like '[null,%' and reverse(owner) like $1;

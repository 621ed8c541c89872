-- What the functions of leftovers-queries.ts send, called as in leftovers-queries.fixture.ts.
-- Derived: do not edit.

-- findDeletedUsers: the first ones
select "id"
from "deleted_user"
where "deleted_at" < $1
order by "id"
limit $2;

-- findDeletedUsers: the next ones
select "id"
from "deleted_user"
where "deleted_at" < $1 and "id" > $2
order by "id"
limit $3;

-- deleteItemsOf
delete from "item"
where "id" in (
  select "item"."id"
  from "item"
  where "owner_id" = $1
  limit $2
  for update skip locked
);

-- closeAccountsOf: held: wait
update "account"
set "name" = $1, "frozen" = $2, "closed_at" = now()
where "id" in (
  select "account"."id"
  from "account"
  where "owner_id" = $3 and "closed_at" is null
  order by "account"."id"
  for update
);

-- closeAccountsOf: held: leave
update "account"
set "name" = $1, "frozen" = $2, "closed_at" = now()
where "id" in (
  select "account"."id"
  from "account"
  where "owner_id" = $3 and "closed_at" is null
  order by "account"."id"
  for update skip locked
);

-- forgetDeletedUser
delete from "deleted_user"
where "id" = $1 and not (exists (
  select "tautline"."task"."id"
  from "tautline"."task"
  where owner like '[null,%' and reverse(owner) like $2
) or exists (
  select "item"."id"
  from "item"
  where "owner_id" = $3
) or exists (
  select "account"."id"
  from "account"
  where "owner_id" = $4 and "closed_at" is null
));

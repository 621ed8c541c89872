-- What the functions of queries.ts send, called as in queries.fixture.ts.
-- Derived: do not edit.

-- insertUser
insert into "tautline"."user" ("email", "name", "password_hash")
values ($1, $2, $3)
returning "id", "email", "name", "roles", "created_at" as "createdAt";

-- findUser
select "id", "email", "name", "roles", "created_at" as "createdAt"
from "tautline"."user"
where "id" = $1;

-- findCredentials: by address
select "id", "email", "name", "roles", "created_at" as "createdAt", "password_hash" as "passwordHash"
from "tautline"."user"
where "email" = $1;

-- findCredentials: by id
select "id", "email", "name", "roles", "created_at" as "createdAt", "password_hash" as "passwordHash"
from "tautline"."user"
where "id" = $1;

-- holdPassword
select "id"
from "tautline"."user"
where "id" = $1 and "password_hash" = $2
for share;

-- updatePassword: whatever it was
update "tautline"."user"
set "password_hash" = $1
where "id" = $2
returning "id";

-- updatePassword: if it is the known one
update "tautline"."user"
set "password_hash" = $1
where "id" = $2 and "password_hash" = $3
returning "id";

-- addRole
update "tautline"."user"
set "roles" = array_append(array_remove(roles, $1::text), $2::text)
where "email" = $3
returning "roles";

-- removeRole
update "tautline"."user"
set "roles" = array_remove(roles, $1::text)
where "email" = $2
returning "roles";

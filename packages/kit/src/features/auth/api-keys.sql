-- What the functions of api-keys.ts send, called as in api-keys.fixture.ts.
-- Derived: do not edit.

-- insertKey
select "id"
from "tautline"."user"
where "id" = $1
for no key update;
select "id", "name", "prefix", "scopes", "created_at" as "createdAt", "last_used_at" as "lastUsedAt", "expires_at" as "expiresAt"
from "tautline"."api_key"
where "user_id" = $1 and "revoked_at" is null
order by "created_at" desc, "id"
limit $2;
insert into "tautline"."api_key" ("user_id", "name", "prefix", "hash", "scopes", "created_at", "expires_at")
values ($1, $2, $3, $4, $5, $6, $7)
returning "id", "name", "prefix", "scopes", "created_at" as "createdAt", "last_used_at" as "lastUsedAt", "expires_at" as "expiresAt";

-- listKeys
select "id", "name", "prefix", "scopes", "created_at" as "createdAt", "last_used_at" as "lastUsedAt", "expires_at" as "expiresAt"
from "tautline"."api_key"
where "user_id" = $1 and "revoked_at" is null
order by "created_at" desc, "id"
limit $2;

-- revokeKey
update "tautline"."api_key"
set "revoked_at" = coalesce("revoked_at", $1)
where "id" = $2 and "user_id" = $3
returning "id";

-- findLiveKey
select "id", "user_id" as "userId", "scopes", "last_used_at" as "lastUsedAt", "expires_at" as "expiresAt"
from "tautline"."api_key"
where "hash" = $1 and "revoked_at" is null and ("expires_at" is null or "expires_at" > $2);

-- updateLastUse
update "tautline"."api_key"
set "last_used_at" = $1
where "id" = $2 and ("last_used_at" is null or "last_used_at" <= $3);

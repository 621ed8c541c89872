-- What the functions of queries.ts send, called as in queries.fixture.ts.
-- Derived: do not edit.

-- findRecipient
select "email"
from "tautline"."user"
where "id" = $1;

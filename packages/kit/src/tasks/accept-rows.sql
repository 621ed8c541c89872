-- What the functions of accept-rows.ts send, called as in accept-rows.fixture.ts.
-- Derived: do not edit.

-- addTask
select accepted_id as id, outcome
from tautline.accept_task($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11);

-- What the functions of search.ts send, called as in search.fixture.ts.
-- Derived: do not edit.

-- searchUsers
with "found" as (
  with by_first as (
    select id, "email", "name"
    from "tautline"."user"
    where true and (lower("email") collate "C") ^@ lower($1::text)
    order by (lower("email") collate "C"), id
    limit $2
  ), by_second as (
    select id, "email", "name"
    from "tautline"."user"
    where true and (lower("name") collate "C") ^@ lower($3::text)
    order by (lower("name") collate "C"), id
    limit $4
  ), pieces as materialized (
    select piece, (
      select array_agg(trigram)
      from unnest(show_trgm($5::text)) trigram
      where trigram = any (show_trgm(piece))
    ) as trigrams
    from unnest($6::text[]) piece
  ), verbatim as (
    select id, "email", "name"
    from pieces, lateral (
      with having_all as materialized (
        select id, "email", "name"
        from "tautline"."user"
        where true and show_trgm((name || ' ' || email)) @> trigrams
      ) table having_all
      limit $7
    ) as row
    where piece = $8 and (name || ' ' || email) ilike $9
    limit $10
  ), alike as (
    select id, "email", "name"
    from pieces, lateral (
      with having_all as materialized (
        select id, "email", "name"
        from "tautline"."user"
        where true and show_trgm((name || ' ' || email)) @> trigrams
      ) table having_all
      limit $11
    ) as row
    where $12::text <% (name || ' ' || email)
  ), found as (
    table by_first
    union table by_second
    union table verbatim
    union table alike
  ), ranked as (
    select id, case when lower($13::text) in (lower("email"), lower("name")) then 0 when lower("email") ^@ lower($14::text) or lower("name") ^@ lower($15::text) then $16::int else 2 * $17::int end + round(10000 * (1 - greatest(word_similarity(lower($18::text), lower("email")), word_similarity(lower($19::text), lower("name")))))::int as distance
    from found
  )
  select id as match, distance
  from ranked
  where (distance, id) > ($20::int, $21::uuid)
  order by distance, id
  limit $22
)
select "id", "email", "name", "created_at" as "createdAt", "distance"
from "found"
inner join "tautline"."user" on "tautline"."user"."id" = "found"."match"
order by "distance", "id";

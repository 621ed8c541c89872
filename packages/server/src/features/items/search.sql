-- What the functions of search.ts send, called as in search.fixture.ts.
-- Derived: do not edit.

-- searchItems
with "found" as (
  with by_first as (
    select id, "name", "sku"
    from "item"
    where owner_id = $1 and tenant_id = $2 and (lower("name") collate "C") ^@ lower($3::text)
    order by (lower("name") collate "C"), id
    limit $4
  ), by_second as (
    select id, "name", "sku"
    from "item"
    where owner_id = $5 and tenant_id = $6 and (lower("sku") collate "C") ^@ lower($7::text)
    order by (lower("sku") collate "C"), id
    limit $8
  ), pieces as materialized (
    select piece, (
      select array_agg(trigram)
      from unnest(show_trgm($9::text)) trigram
      where trigram = any (show_trgm(piece))
    ) as trigrams
    from unnest($10::text[]) piece
  ), verbatim as (
    select id, "name", "sku"
    from pieces, lateral (
      with having_all as materialized (
        select id, "name", "sku"
        from "item"
        where owner_id = $11 and tenant_id = $12 and show_trgm((name || ' ' || sku)) @> trigrams
      ) table having_all
      limit $13
    ) as row
    where piece = $14 and (name || ' ' || sku) ilike $15
    limit $16
  ), alike as (
    select id, "name", "sku"
    from pieces, lateral (
      with having_all as materialized (
        select id, "name", "sku"
        from "item"
        where owner_id = $17 and tenant_id = $18 and show_trgm((name || ' ' || sku)) @> trigrams
      ) table having_all
      limit $19
    ) as row
    where $20::text <% (name || ' ' || sku)
  ), found as (
    table by_first
    union table by_second
    union table verbatim
    union table alike
  ), ranked as (
    select id, case when lower($21::text) in (lower("name"), lower("sku")) then 0 when lower("name") ^@ lower($22::text) or lower("sku") ^@ lower($23::text) then $24::int else 2 * $25::int end + round(10000 * (1 - greatest(word_similarity(lower($26::text), lower("name")), word_similarity(lower($27::text), lower("sku")))))::int as distance
    from found
  )
  select id as match, distance
  from ranked
  where (distance, id) > ($28::int, $29::uuid)
  order by distance, id
  limit $30
)
select "id", "sku", "name", "quantity", "price_minor" as "priceMinor", "version", "created_at" as "createdAt", "updated_at" as "updatedAt", "distance"
from "found"
inner join "item" on "item"."id" = "found"."match"
order by "distance", "id";

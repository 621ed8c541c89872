import { sql, type Kysely } from 'kysely'

/** A database as a stranger may have it: most types, two schemas, and names that need quotes. */
export async function up(db: Kysely<unknown>): Promise<void> {
  for (const statement of [
    sql`create schema press`,
    sql`create type press.mood as enum ('sad', 'so-so', 'it''s "fine"')`,
    sql`create domain press.slug as text not null check (value ~ '^[a-z-]+$')`,
    sql`create type press.size as (width_cm smallint, "Note" text collate "C")`,
    sql`create type press.stars_between as range (subtype = real)`,
    sql`create sequence press.issue increment by 10`,
    sql`
      create table author (
        id integer generated always as identity primary key,
        name varchar(100) not null,
        "Pen Name" text,
        joined date not null default current_date
      )`,
    article,
    sql`create index article_author on press.article (author_id, at desc) where views > 0`,
    sql`
      create table press.edition (id bigint not null, at date not null, primary key (id, at))
      partition by range (at)`,
    sql`
      create table press.edition_2026 partition of press.edition
      for values from ('2026-01-01') to ('2027-01-01')`,
    sql`
      create table press.sale (
        edition_id bigint not null,
        edition_at date not null,
        foreign key (edition_id, edition_at) references press.edition
      )`,
    sql`
      create function press.count_view() returns trigger language plpgsql as $$ begin
        new.views := new.views + 1;

        return new;
      end $$`,
    sql`
      create trigger count_view before update on press.article
      for each row execute function press.count_view()`,
    sql`
      create view press.read_article as
      select id, title_length from press.article where views > 0`,
    sql`create materialized view used_mood as select distinct mood from press.article`,
    sql`create unique index used_mood_mood on used_mood (mood)`,
  ]) {
    await statement.execute(db)
  }
}

const article = sql`
  create table press.article (
    id uuid primary key default gen_random_uuid(),
    slug press.slug unique,
    author_id integer not null references author on delete cascade,
    number bigserial,
    title text collate "C" not null,
    title_length integer generated always as (length(title)) stored,
    mood press.mood not null default 'so-so',
    moods press.mood[] not null default '{}',
    tags text[] not null default '{}',
    views bigint not null default 0,
    views_a_day bigint[] not null default '{}',
    price numeric(10, 2),
    prices numeric[],
    stars real not null,
    length_cm smallint,
    is_read boolean not null default false,
    body jsonb not null,
    notes json,
    picture bytea,
    code char(3),
    published timestamp,
    at timestamptz not null default now(),
    took interval,
    place point,
    address inet,
    pages int4range,
    kind text default case when now() > 'epoch' then 'new' else 'old' end,
    constraint price_positive check (price > 0)
  )`

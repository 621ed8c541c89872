-- Said by Postgres 18: the schema that all migrations together make, those of the library
-- too, to read, and for `tautline db check` to compare a database with. Derived: do not edit.

CREATE SCHEMA press;

CREATE SCHEMA tautline;

CREATE TYPE press.mood AS ENUM ('sad', 'so-so', 'it''s "fine"');

CREATE TYPE press.size AS (width_cm smallint, "Note" text COLLATE "C");

CREATE DOMAIN press.slug AS text NOT NULL CONSTRAINT slug_check CHECK (VALUE ~ '^[a-z-]+$'::text);

CREATE TYPE press.stars_between AS RANGE (SUBTYPE = real, SUBTYPE_OPCLASS = float4_ops, MULTIRANGE_TYPE_NAME = press.stars_between_multirange);

CREATE SEQUENCE press.article_number_seq;

CREATE SEQUENCE press.issue INCREMENT BY 10;

CREATE OR REPLACE FUNCTION press.count_view()
 RETURNS trigger
 LANGUAGE plpgsql
AS $function$ begin
        new.views := new.views + 1;

        return new;
      end $function$;

CREATE TABLE author (
  id integer GENERATED ALWAYS AS IDENTITY NOT NULL,
  name character varying(100) NOT NULL,
  "Pen Name" text,
  joined date DEFAULT CURRENT_DATE NOT NULL,
  CONSTRAINT author_pkey PRIMARY KEY (id)
);

CREATE TABLE press.article (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  slug press.slug,
  author_id integer NOT NULL,
  number bigint DEFAULT nextval('press.article_number_seq'::regclass) NOT NULL,
  title text COLLATE "C" NOT NULL,
  title_length integer GENERATED ALWAYS AS (length(title)) STORED,
  mood press.mood DEFAULT 'so-so'::press.mood NOT NULL,
  moods press.mood[] DEFAULT '{}'::press.mood[] NOT NULL,
  tags text[] DEFAULT '{}'::text[] NOT NULL,
  views bigint DEFAULT 0 NOT NULL,
  views_a_day bigint[] DEFAULT '{}'::bigint[] NOT NULL,
  price numeric(10,2),
  prices numeric[],
  stars real NOT NULL,
  length_cm smallint,
  is_read boolean DEFAULT false NOT NULL,
  body jsonb NOT NULL,
  notes json,
  picture bytea,
  code character(3),
  published timestamp without time zone,
  at timestamp with time zone DEFAULT now() NOT NULL,
  took interval,
  place point,
  address inet,
  pages int4range,
  kind text DEFAULT CASE WHEN now() > '1970-01-01 00:00:00+00'::timestamp with time zone THEN 'new'::text ELSE 'old'::text END,
  CONSTRAINT article_pkey PRIMARY KEY (id),
  CONSTRAINT article_author_id_fkey FOREIGN KEY (author_id) REFERENCES author(id) ON DELETE CASCADE,
  CONSTRAINT article_slug_key UNIQUE (slug),
  CONSTRAINT price_positive CHECK (price > 0::numeric)
);

CREATE INDEX article_author ON press.article USING btree (author_id, at DESC) WHERE views > 0;

CREATE TRIGGER count_view BEFORE UPDATE ON press.article FOR EACH ROW EXECUTE FUNCTION press.count_view();

CREATE TABLE press.edition (
  id bigint NOT NULL,
  at date NOT NULL,
  CONSTRAINT edition_pkey PRIMARY KEY (id, at)
) PARTITION BY RANGE (at);

CREATE TABLE press.sale (
  edition_id bigint NOT NULL,
  edition_at date NOT NULL,
  CONSTRAINT sale_edition_id_edition_at_fkey FOREIGN KEY (edition_id, edition_at) REFERENCES press.edition(id, at)
);

CREATE TABLE tautline.idempotency (
  principal text NOT NULL,
  procedure text NOT NULL,
  key text NOT NULL,
  fingerprint bytea NOT NULL,
  outcome text NOT NULL,
  created_at timestamp with time zone NOT NULL,
  CONSTRAINT idempotency_pkey PRIMARY KEY (principal, procedure, key)
);

CREATE INDEX idempotency_created_at ON tautline.idempotency USING btree (created_at);

CREATE TABLE tautline.process (
  id uuid NOT NULL,
  started_at timestamp with time zone NOT NULL,
  seen_at timestamp with time zone NOT NULL,
  CONSTRAINT process_pkey PRIMARY KEY (id)
);

CREATE MATERIALIZED VIEW used_mood AS -- mood press.mood
 SELECT DISTINCT mood
   FROM press.article;

CREATE UNIQUE INDEX used_mood_mood ON used_mood USING btree (mood);

CREATE VIEW press.read_article AS -- id uuid, title_length integer
 SELECT id,
    title_length
   FROM press.article
  WHERE views > 0;

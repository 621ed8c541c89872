-- Said by Postgres 18: the schema that all migrations together make, those of the library
-- too, to read, and for `tautline db check` to compare a database with. Derived: do not edit.

CREATE EXTENSION btree_gin;

CREATE EXTENSION pg_trgm;

CREATE SCHEMA tautline;

CREATE OR REPLACE FUNCTION public.refuse_ledger_change()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO '$user', 'public'
AS $function$ begin
      raise exception '% is append-only', tg_table_name using errcode = 'insufficient_privilege';
    end $function$;

CREATE OR REPLACE FUNCTION public.require_balanced_transfer()
 RETURNS trigger
 LANGUAGE plpgsql
 SET search_path TO '$user', 'public'
AS $function$
    declare
      checked uuid;
    begin
      if tg_table_name = 'transfer' then checked := new.id; else checked := new.transfer_id; end if;
      if not (
        select count(*) = 2 and count(distinct currency) = 1 and bool_and(
          case account_id
            when from_id then entry.amount_minor = -transfer.amount_minor
            when to_id then entry.amount_minor = transfer.amount_minor
            else false
          end
        )
        from transfer
          join ledger_entry as entry on transfer_id = transfer.id
          join account on account.id = account_id
        where transfer.id = checked
      ) then
        raise exception 'the entries of transfer % are not the two that it says', checked
          using errcode = 'check_violation', constraint = 'transfer_balanced', table = tg_table_name;
      end if;
      return null;
    end $function$;

CREATE OR REPLACE FUNCTION tautline.accept_task(new_id uuid, new_name text, new_owner text, new_input text, new_job_id uuid, new_priority integer, new_dedupe_key text, new_queue text, delay_ms double precision, max_unfinished integer, empty text, OUT accepted_id uuid, OUT outcome text)
 RETURNS record
 LANGUAGE plpgsql
 SET lock_timeout TO '2s'
 SET enable_seqscan TO 'off'
AS $function$
declare
  unfinished integer := 0;
  due timestamptz := tautline_boss.job_now() + delay_ms * interval '1 ms';
begin
  if new_owner is not null then
    if current_setting('transaction_isolation') <> 'read committed' then
      raise exception 'A task of an owner is accepted in a READ COMMITTED transaction only.'
        using hint = 'Elsewhere nobody sees how many tasks the owner has by now.';
    end if;
    perform pg_advisory_xact_lock(hashtextextended('tautline.tasks ' || new_owner, 0));
  end if;
  for attempt in 1 .. 5 loop -- a duplicate may end just when it was met
    if new_owner is not null then
      select count(*) into unfinished from (
        select from tautline.task where owner = new_owner and finished_at is null
        limit max_unfinished
      ) as found;
    end if;
    if unfinished < max_unfinished then
      insert into tautline.task (id, name, owner, input, job_id, priority, dedupe_key, last_seq)
      values (new_id, new_name, new_owner, new_input, new_job_id, new_priority, new_dedupe_key, 1)
      on conflict (name, coalesce(owner, ''), dedupe_key)
        where finished_at is null and dedupe_key is not null
      do nothing;
      if found then
        insert into tautline.task_event (task_id, seq, attempt, type, data)
        values (new_id, 1, 0, 'queued', empty);
        insert into tautline_boss.job (
          id, name, data, priority, start_after, created_on, expire_seconds, deletion_seconds,
          keep_until, retry_limit, retry_delay, retry_backoff, retry_delay_max, policy, dead_letter,
          heartbeat_seconds
        )
        select new_job_id, name, jsonb_build_object('taskId', new_id, 'base', 0), new_priority, due,
          tautline_boss.job_now(), expire_seconds, deletion_seconds,
          due + retention_seconds * interval '1 s', retry_limit, retry_delay, retry_backoff,
          retry_delay_max, policy, dead_letter, heartbeat_seconds
        from tautline_boss.queue where name = new_queue;
        if not found then
          raise exception 'There is no queue for the task %.', new_name;
        end if;
        accepted_id := new_id;
        outcome := 'added';
        return;
      end if;
    end if;
    if new_dedupe_key is not null then
      select id into accepted_id from tautline.task
      where name = new_name and coalesce(owner, '') = coalesce(new_owner, '')
        and dedupe_key = new_dedupe_key and finished_at is null;
      if found then
        outcome := 'duplicate';
        return;
      end if;
    end if;
    if unfinished >= max_unfinished then
      outcome := 'too many';
      return;
    end if;
  end loop;
  outcome := 'contended';
end
$function$;

CREATE TABLE account (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  owner_id text NOT NULL,
  tenant_id text NOT NULL,
  kind text DEFAULT 'user'::text NOT NULL,
  currency text NOT NULL,
  name text NOT NULL,
  balance_minor bigint DEFAULT 0 NOT NULL,
  frozen boolean DEFAULT false NOT NULL,
  closed_at timestamp with time zone,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT account_pkey PRIMARY KEY (id),
  CONSTRAINT account_balance_covered CHECK (balance_minor >= 0 OR kind = 'system'::text),
  CONSTRAINT account_closed_is_frozen CHECK (frozen OR closed_at IS NULL),
  CONSTRAINT account_currency CHECK (currency ~ '^[A-Z]{3}$'::text),
  CONSTRAINT account_kind CHECK (kind = ANY (ARRAY['user'::text, 'system'::text]))
);

CREATE INDEX account_owner_created ON account USING btree (owner_id, tenant_id, created_at DESC, id DESC);

CREATE UNIQUE INDEX account_system_currency ON account USING btree (currency) WHERE kind = 'system'::text;

CREATE TABLE deleted_user (
  id text NOT NULL,
  deleted_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT deleted_user_pkey PRIMARY KEY (id)
);

CREATE TABLE item (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  owner_id text NOT NULL,
  sku text NOT NULL,
  name text NOT NULL,
  quantity integer NOT NULL,
  price_minor bigint NOT NULL,
  version integer DEFAULT 1 NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  updated_at timestamp with time zone DEFAULT now() NOT NULL,
  tenant_id text DEFAULT ''::text NOT NULL,
  CONSTRAINT item_pkey PRIMARY KEY (id),
  CONSTRAINT item_owner_sku_key UNIQUE (owner_id, tenant_id, sku),
  CONSTRAINT item_price_positive CHECK (price_minor >= 0),
  CONSTRAINT item_quantity_positive CHECK (quantity >= 0)
);

CREATE INDEX item_owner_created ON item USING btree (owner_id, tenant_id, created_at DESC, id DESC);

CREATE INDEX item_owner_name ON item USING btree (owner_id, tenant_id, lower(name) COLLATE "C", id);

CREATE INDEX item_owner_sku ON item USING btree (owner_id, tenant_id, lower(sku) COLLATE "C", id);

CREATE INDEX item_owner_words ON item USING gin (owner_id, tenant_id, show_trgm((name || ' '::text) || sku));

CREATE TABLE item_import (
  task_id uuid NOT NULL,
  bytes bigint DEFAULT 0 NOT NULL,
  rows bigint DEFAULT 0 NOT NULL,
  created bigint DEFAULT 0 NOT NULL,
  updated bigint DEFAULT 0 NOT NULL,
  skipped bigint DEFAULT 0 NOT NULL,
  bad bigint DEFAULT 0 NOT NULL,
  CONSTRAINT item_import_pkey PRIMARY KEY (task_id),
  CONSTRAINT item_import_rows CHECK (rows = (created + updated + skipped + bad))
);

CREATE TABLE item_import_fault (
  task_id uuid NOT NULL,
  row_number bigint NOT NULL,
  problem text NOT NULL,
  CONSTRAINT item_import_fault_pkey PRIMARY KEY (task_id, row_number),
  CONSTRAINT item_import_fault_task_id_fkey FOREIGN KEY (task_id) REFERENCES item_import(task_id)
);

CREATE TABLE ledger_entry (
  account_id uuid NOT NULL,
  id bigint GENERATED ALWAYS AS IDENTITY NOT NULL,
  transfer_id uuid NOT NULL,
  amount_minor bigint NOT NULL,
  balance_after_minor bigint NOT NULL,
  CONSTRAINT ledger_entry_pkey PRIMARY KEY (account_id, id),
  CONSTRAINT ledger_entry_account_id_fkey FOREIGN KEY (account_id) REFERENCES account(id),
  CONSTRAINT ledger_entry_moves_something CHECK (amount_minor <> 0),
  CONSTRAINT ledger_entry_of_transfer UNIQUE (transfer_id, account_id),
  CONSTRAINT ledger_entry_transfer_id_fkey FOREIGN KEY (transfer_id) REFERENCES transfer(id)
);

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON ledger_entry FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE CONSTRAINT TRIGGER transfer_balanced AFTER INSERT ON ledger_entry DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_balanced_transfer();

CREATE TABLE transfer (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  from_id uuid NOT NULL,
  to_id uuid NOT NULL,
  amount_minor bigint NOT NULL,
  memo text,
  at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  nth bigint NOT NULL,
  sent_minor numeric NOT NULL,
  CONSTRAINT transfer_pkey PRIMARY KEY (id),
  CONSTRAINT transfer_amount_positive CHECK (amount_minor > 0),
  CONSTRAINT transfer_between_two CHECK (from_id <> to_id),
  CONSTRAINT transfer_from_id_fkey FOREIGN KEY (from_id) REFERENCES account(id),
  CONSTRAINT transfer_from_nth UNIQUE (from_id, nth),
  CONSTRAINT transfer_to_id_fkey FOREIGN KEY (to_id) REFERENCES account(id)
);

CREATE INDEX transfer_from_sent ON transfer USING btree (from_id, sent_minor);

CREATE TRIGGER append_only BEFORE DELETE OR UPDATE OR TRUNCATE ON transfer FOR EACH STATEMENT EXECUTE FUNCTION refuse_ledger_change();

CREATE CONSTRAINT TRIGGER transfer_balanced AFTER INSERT ON transfer DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION require_balanced_transfer();

CREATE TABLE tautline."user" (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  email text NOT NULL,
  name text NOT NULL,
  password_hash text NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  roles text[] DEFAULT '{}'::text[] NOT NULL,
  CONSTRAINT user_pkey PRIMARY KEY (id),
  CONSTRAINT user_email_key UNIQUE (email),
  CONSTRAINT user_email_lower CHECK (email = lower(email))
);

CREATE INDEX user_created ON tautline."user" USING btree (created_at DESC, id DESC);

CREATE INDEX user_email ON tautline."user" USING btree (lower(email) COLLATE "C", id);

CREATE INDEX user_name ON tautline."user" USING btree (lower(name) COLLATE "C", id);

CREATE INDEX user_words ON tautline."user" USING gin (show_trgm((name || ' '::text) || email));

CREATE TABLE tautline.api_key (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  user_id uuid NOT NULL,
  name text NOT NULL,
  prefix text NOT NULL,
  hash bytea NOT NULL,
  scopes text[] NOT NULL,
  created_at timestamp with time zone NOT NULL,
  last_used_at timestamp with time zone,
  expires_at timestamp with time zone,
  revoked_at timestamp with time zone,
  CONSTRAINT api_key_pkey PRIMARY KEY (id),
  CONSTRAINT api_key_hash_key UNIQUE (hash),
  CONSTRAINT api_key_user_id_fkey FOREIGN KEY (user_id) REFERENCES tautline."user"(id) ON DELETE CASCADE
);

CREATE INDEX api_key_user_id ON tautline.api_key USING btree (user_id);

CREATE TABLE tautline.file (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  owner text,
  name text NOT NULL,
  content_type text NOT NULL,
  size bigint NOT NULL,
  sha256 bytea NOT NULL,
  storage_key text NOT NULL,
  upload_key text,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT file_pkey PRIMARY KEY (id),
  CONSTRAINT file_sha256_check CHECK (length(sha256) = 32),
  CONSTRAINT file_size_check CHECK (size >= 0),
  CONSTRAINT file_storage_key_key UNIQUE (storage_key)
);

CREATE INDEX file_owner_end ON tautline.file USING btree (reverse(owner) text_pattern_ops);

CREATE INDEX file_owner_newest ON tautline.file USING btree (owner, created_at DESC, id DESC);

CREATE UNIQUE INDEX file_upload_key ON tautline.file USING btree (owner, upload_key) WHERE upload_key IS NOT NULL;

CREATE TABLE tautline.file_unclaimed (
  storage_key text NOT NULL,
  remove_after timestamp with time zone NOT NULL,
  doomed boolean DEFAULT false NOT NULL,
  CONSTRAINT file_unclaimed_pkey PRIMARY KEY (storage_key)
);

CREATE INDEX file_unclaimed_remove_after ON tautline.file_unclaimed USING btree (remove_after);

CREATE TABLE tautline.file_usage (
  owner text NOT NULL,
  files integer NOT NULL,
  bytes bigint NOT NULL,
  CONSTRAINT file_usage_pkey PRIMARY KEY (owner),
  CONSTRAINT file_usage_bytes_check CHECK (bytes >= 0),
  CONSTRAINT file_usage_files_check CHECK (files >= 0)
);

CREATE INDEX file_usage_owner_end ON tautline.file_usage USING btree (reverse(owner) text_pattern_ops);

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

CREATE TABLE tautline.login_attempt (
  subject bytea NOT NULL,
  failures integer NOT NULL,
  blocked_until timestamp with time zone NOT NULL,
  forget_at timestamp with time zone NOT NULL,
  CONSTRAINT login_attempt_pkey PRIMARY KEY (subject)
);

CREATE INDEX login_attempt_forget_at ON tautline.login_attempt USING btree (forget_at);

CREATE TABLE tautline.notification (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  owner text NOT NULL,
  seq integer,
  kind text NOT NULL,
  task_id uuid NOT NULL,
  name text NOT NULL,
  state text NOT NULL,
  error text,
  read_at timestamp with time zone,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT notification_pkey PRIMARY KEY (id),
  CONSTRAINT notification_state_check CHECK (state = ANY (ARRAY['succeeded'::text, 'failed'::text, 'dead'::text, 'cancelled'::text]))
);

CREATE INDEX notification_new ON tautline.notification USING btree (owner) WHERE seq IS NULL;

CREATE INDEX notification_owner_end ON tautline.notification USING btree (reverse(owner) text_pattern_ops);

CREATE UNIQUE INDEX notification_owner_seq ON tautline.notification USING btree (owner, seq) WHERE seq IS NOT NULL;

CREATE INDEX notification_read_at ON tautline.notification USING btree (read_at) WHERE read_at IS NOT NULL;

CREATE INDEX notification_unread ON tautline.notification USING btree (owner, seq) WHERE read_at IS NULL;

CREATE INDEX notification_unread_created_at ON tautline.notification USING btree (created_at) WHERE read_at IS NULL;

CREATE TABLE tautline.notification_counter (
  owner text NOT NULL,
  last_seq integer NOT NULL,
  CONSTRAINT notification_counter_pkey PRIMARY KEY (owner)
);

CREATE INDEX notification_counter_owner_end ON tautline.notification_counter USING btree (reverse(owner) text_pattern_ops);

CREATE TABLE tautline.password_reset (
  address bytea NOT NULL,
  token_hash bytea NOT NULL,
  user_id uuid,
  expires_at timestamp with time zone NOT NULL,
  CONSTRAINT password_reset_pkey PRIMARY KEY (address),
  CONSTRAINT password_reset_token_hash_key UNIQUE (token_hash),
  CONSTRAINT password_reset_user_id_fkey FOREIGN KEY (user_id) REFERENCES tautline."user"(id) ON DELETE CASCADE
);

CREATE INDEX password_reset_expires_at ON tautline.password_reset USING btree (expires_at);

CREATE INDEX password_reset_user_id ON tautline.password_reset USING btree (user_id);

CREATE TABLE tautline.process (
  id uuid NOT NULL,
  started_at timestamp with time zone NOT NULL,
  seen_at timestamp with time zone NOT NULL,
  CONSTRAINT process_pkey PRIMARY KEY (id)
);

CREATE TABLE tautline.refresh_token (
  hash bytea NOT NULL,
  session_id uuid NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  used_at timestamp with time zone,
  CONSTRAINT refresh_token_pkey PRIMARY KEY (hash),
  CONSTRAINT refresh_token_session_id_fkey FOREIGN KEY (session_id) REFERENCES tautline.session(id) ON DELETE CASCADE
);

CREATE INDEX refresh_token_expires_at ON tautline.refresh_token USING btree (expires_at);

CREATE UNIQUE INDEX refresh_token_one_live ON tautline.refresh_token USING btree (session_id) WHERE used_at IS NULL;

CREATE INDEX refresh_token_session_id ON tautline.refresh_token USING btree (session_id);

CREATE TABLE tautline.session (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  user_id uuid NOT NULL,
  created_at timestamp with time zone NOT NULL,
  last_used_at timestamp with time zone NOT NULL,
  expires_at timestamp with time zone NOT NULL,
  revoked_at timestamp with time zone,
  CONSTRAINT session_pkey PRIMARY KEY (id),
  CONSTRAINT session_user_id_fkey FOREIGN KEY (user_id) REFERENCES tautline."user"(id) ON DELETE CASCADE
);

CREATE INDEX session_expires_at ON tautline.session USING btree (expires_at);

CREATE INDEX session_user_id ON tautline.session USING btree (user_id);

CREATE TABLE tautline.task (
  id uuid DEFAULT gen_random_uuid() NOT NULL,
  name text NOT NULL,
  owner text,
  input text NOT NULL,
  state text DEFAULT 'queued'::text NOT NULL,
  attempt integer DEFAULT 0 NOT NULL,
  failures integer DEFAULT 0 NOT NULL,
  job_id uuid,
  priority integer NOT NULL,
  dedupe_key text,
  output text,
  error text,
  progress_current double precision,
  progress_total double precision,
  progress_message text,
  last_seq integer DEFAULT 0 NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  started_at timestamp with time zone,
  finished_at timestamp with time zone,
  CONSTRAINT task_pkey PRIMARY KEY (id),
  CONSTRAINT task_finished CHECK ((finished_at IS NULL) = (state = ANY (ARRAY['queued'::text, 'running'::text]))),
  CONSTRAINT task_state_check CHECK (state = ANY (ARRAY['queued'::text, 'running'::text, 'succeeded'::text, 'failed'::text, 'dead'::text, 'cancelled'::text]))
);

CREATE UNIQUE INDEX task_dedupe ON tautline.task USING btree (name, COALESCE(owner, ''::text), dedupe_key) WHERE finished_at IS NULL AND dedupe_key IS NOT NULL;

CREATE INDEX task_finished_at ON tautline.task USING btree (finished_at) WHERE finished_at IS NOT NULL;

CREATE INDEX task_owner_end ON tautline.task USING btree (reverse(owner) text_pattern_ops);

CREATE INDEX task_owner_newest ON tautline.task USING btree (owner, created_at DESC, id DESC);

CREATE INDEX task_unfinished ON tautline.task USING btree (owner) WHERE finished_at IS NULL;

CREATE TABLE tautline.task_cancel (
  task_id uuid NOT NULL,
  created_at timestamp with time zone DEFAULT now() NOT NULL,
  CONSTRAINT task_cancel_pkey PRIMARY KEY (task_id)
);

CREATE TABLE tautline.task_event (
  task_id uuid NOT NULL,
  seq integer NOT NULL,
  attempt integer NOT NULL,
  type text NOT NULL,
  data text NOT NULL,
  created_at timestamp with time zone DEFAULT clock_timestamp() NOT NULL,
  CONSTRAINT task_event_pkey PRIMARY KEY (task_id, seq),
  CONSTRAINT task_event_task_id_fkey FOREIGN KEY (task_id) REFERENCES tautline.task(id) ON DELETE CASCADE
);

CREATE TABLE tautline.task_schedule (
  name text NOT NULL,
  spec text NOT NULL,
  next_at timestamp with time zone,
  CONSTRAINT task_schedule_pkey PRIMARY KEY (name)
);

CREATE TABLE tautline.task_step (
  task_id uuid NOT NULL,
  key text NOT NULL,
  state text NOT NULL,
  attempt integer NOT NULL,
  output text,
  error text,
  CONSTRAINT task_step_pkey PRIMARY KEY (task_id, key),
  CONSTRAINT task_step_state_check CHECK (state = ANY (ARRAY['sending'::text, 'done'::text, 'failed'::text, 'unknown'::text])),
  CONSTRAINT task_step_task_id_fkey FOREIGN KEY (task_id) REFERENCES tautline.task(id) ON DELETE CASCADE
);

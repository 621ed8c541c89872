import { sql, type RawBuilder } from 'kysely'

/**
 * `tautline.accept_task` adds a task, its first event and its job: one round trip. A function, because
 * each of its statements sees what was committed before it, and not only before the first: whoever holds
 * the owner counts right, until the commit.
 *
 * Its job is what pg-boss's own `send` makes of the queue's settings; a test compares the two. A version
 * of pg-boss that makes another needs this anew.
 */
export const createAcceptFunction: RawBuilder<unknown> = sql`
create function tautline.accept_task(
  new_id uuid,
  new_name text,
  new_owner text,
  new_input text,
  new_job_id uuid,
  new_priority integer,
  new_dedupe_key text,
  new_queue text,
  delay_ms double precision,
  max_unfinished integer,
  empty text,
  out accepted_id uuid,
  out outcome text
)
language plpgsql
set lock_timeout = '2s' -- also where it is a transaction of its own
set enable_seqscan = off -- its plans outlive the time when the table was small
as $$
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
$$`

import { openSession } from '../faults/server-process.ts'

const LOCK = 4711

/** Holds every COMMIT that changes a counter, until `release`. */
export async function holdCommits(databaseUrl: string) {
  await using stack = new AsyncDisposableStack()
  const { client } = stack.use(await openSession(databaseUrl))
  await client.query(`create function wait_for_lock() returns trigger language plpgsql
    set lock_timeout = 0 as
    $$ begin perform pg_advisory_xact_lock_shared(${LOCK}); return null; end $$`)
  await client.query(`create constraint trigger held after insert or update on counter
    initially deferred for each row execute function wait_for_lock()`)
  await client.query('select pg_advisory_lock($1)', [LOCK])
  const running = stack.move()
  return {
    /** How many wait. */
    async held(): Promise<number> {
      const { rows } = await client.query(
        `select 1 from pg_locks where locktype = 'advisory' and not granted
         and database = (select oid from pg_database where datname = current_database())`,
      )
      return rows.length
    },
    async release(): Promise<void> {
      await client.query('select pg_advisory_unlock($1)', [LOCK])
    },
    /** The value of a counter, as Postgres has it. */
    async committed(id: string): Promise<number> {
      const { rows } = await client.query<{ value: number }>(
        'select value from counter where id = $1',
        [id],
      )
      return rows[0]?.value ?? 0
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

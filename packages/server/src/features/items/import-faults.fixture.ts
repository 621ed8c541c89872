import { Client } from 'pg'
import { expect } from 'vitest'

import type { TestServer } from '@tautline/kit/testing'

import type { app } from '../../app.ts'

type Server = Pick<TestServer<typeof app>, 'databaseUrl'>

const PATIENCE = { timeout: 20_000, interval: 20 }

async function openSession({ databaseUrl }: Server) {
  const client = new Client({ connectionString: databaseUrl })
  await client.connect()
  return client
}

/** Holds what a statement locks until it is released, which happens at the end at the latest. */
export async function hold(server: Server, statement: string, values: readonly string[] = []) {
  const client = await openSession(server)
  await client.query('begin')
  await client.query(statement, [...values])
  let released: Promise<void> | undefined
  const release = () => (released ??= client.end())
  return {
    release,
    /** Resolves once somebody waits for it. */
    async isWaitedFor(): Promise<void> {
      const waiting = `select from pg_stat_activity
        where pg_backend_pid() = any(pg_blocking_pids(pid))`
      await expect.poll(async () => (await client.query(waiting)).rowCount, PATIENCE).not.toBe(0)
    },
    [Symbol.asyncDispose]: release,
  }
}

/** The process that has a task was not heard of for longer than a lease: another attempt begins. */
export async function lose(server: Server, id: string): Promise<void> {
  const client = await openSession(server)
  const attempt = async () => {
    const { rows } = await client.query<{ attempt: number }>(
      'select attempt from tautline.task where id = $1',
      [id],
    )
    return rows[0]?.attempt ?? 0
  }
  try {
    const lost = await attempt()
    await expect
      .poll(async () => {
        // Whoever has it says again and again that it does.
        await client.query(
          `update tautline_boss.job set heartbeat_on = now() - interval '1 minute'
           where data ->> 'taskId' = $1 and state = 'active'`,
          [id],
        )
        return attempt()
      }, PATIENCE)
      .toBeGreaterThan(lost)
  } finally {
    await client.end()
  }
}

/** From now on no first attempt can say that it is done: it has failed instead. */
export async function refuseToSettle(server: Server) {
  const client = await openSession(server)
  await client.query(
    `create function refuse() returns trigger language plpgsql as $$ begin
       raise exception 'refused';
     end $$;
     create trigger refuse before update on tautline.task for each row
     when (new.state = 'succeeded' and new.attempt = 1) execute function refuse()`,
  )
  return {
    async [Symbol.asyncDispose]() {
      await client.query('drop function refuse cascade')
      await client.end()
    },
  }
}

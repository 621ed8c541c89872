import { Client } from 'pg'

/** A look into the database of a test server, around it. */
export async function openPeek({ databaseUrl }: { readonly databaseUrl: string }) {
  const client = new Client({ connectionString: databaseUrl })
  client.on('error', () => {}) // a lost connection fails the query that is under way
  await client.connect()
  const count = async (text: string, values: unknown[] = []) => {
    const { rows } = await client.query<{ count: string }>(text, values)
    return Number(rows[0]?.count)
  }
  return {
    /** Runs SQL. */
    sql: (text: string, values: unknown[] = []) =>
      client.query<Record<string, unknown>>(text, values),
    /** The row of a task. */
    async task(id: string) {
      const { rows } = await client.query<Record<string, unknown>>(
        'select name, owner, state, failures, job_id from tautline.task where id = $1',
        [id],
      )
      return rows[0]
    },
    jobsOf: (id: string) =>
      count(`select count(*) from tautline_boss.job where data ->> 'taskId' = $1`, [id]),
    /** How many reports have this note. */
    noted: (note: string) =>
      count(`select count(*) from tautline.task where input::jsonb -> 'json' ->> 'note' = $1`, [
        note,
      ]),
    /** Of all rows that a task is made of. */
    counts: async () => ({
      tasks: await count('select count(*) from tautline.task'),
      events: await count('select count(*) from tautline.task_event'),
      jobs: await count('select count(*) from tautline_boss.job'),
    }),
    [Symbol.asyncDispose]: () => client.end(),
  }
}

export type Peek = Awaited<ReturnType<typeof openPeek>>

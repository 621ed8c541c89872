import { createClient, watchTask } from '@tautline/client'

import { until } from '../dev/wait.ts'
import { openSession } from '../faults/server-process.ts'
import type { app, PLACES } from './held-app.ts'
import { startWorld, type Worker } from './workers.ts'

/** What a handler has said of itself. */
interface Said {
  readonly attempt: number
  readonly what: string
  readonly pid: number
}

/** A backend whose handlers stay where they are, somebody who asks for them, and what comes of it. */
export async function openHeldWorld(workers: number) {
  await using stack = new AsyncDisposableStack()
  const world = stack.use(await startWorld(workers, new URL('./held-app.ts', import.meta.url)))
  const session = stack.use(await openSession(world.databaseUrl))
  const client = createClient<(typeof app)['router']>({
    url: `${world.url}/rpc`,
    auth: () => 'anybody',
    retry: false,
  })
  const running = stack.move()

  const saidOf = async (id: string): Promise<readonly Said[]> => {
    const { rows } = await session.client.query<Said>(
      'select attempt, what, pid from witness where task_id = $1 order by at',
      [id],
    )
    return rows
  }

  return {
    client,
    saidOf,
    /** A task whose handler has come to that place, and the worker that it is in. */
    async hold(place: (typeof PLACES)[number]): Promise<{ id: string; worker: Worker }> {
      const { taskId: id } = await client.held.start.mutate({ place })
      const [said] = await until('the handler to be there', async () => {
        const all = await saidOf(id)
        return all.length > 0 && all
      })
      const worker = world.workers.find(({ pid }) => pid === said?.pid)
      if (!worker) throw new Error('It is in no worker.')
      return { id, worker }
    },
    /** How the task ends, as who watches it is told, and when that was. */
    async watch(id: string) {
      let last: string | undefined
      for await (const { type } of watchTask(client, id)) last = type
      return { end: last, at: performance.now() }
    },
    /** What the task's own history has, also after its end. */
    async events(id: string): Promise<string[]> {
      const { rows } = await session.client.query<{ type: string }>(
        'select type from tautline.task_event where task_id = $1 order by seq',
        [id],
      )
      return rows.map(({ type }) => type)
    },
    /** Attempts that have written something that is there, once no transaction is open any more. */
    async writers(id: string): Promise<number[]> {
      await until('all transactions to be over', async () => {
        const { rowCount } = await session.client.query(
          `select from pg_stat_activity
           where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null
             and backend_type = 'client backend'`,
        )
        return rowCount === 0
      })
      const { rows } = await session.client.query<{ attempt: number }>(
        'select attempt from chaos_effect where task_id = $1',
        [id],
      )
      return rows.map(({ attempt }) => attempt)
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export type HeldWorld = Awaited<ReturnType<typeof openHeldWorld>>

import { Pool } from 'pg'

import { between } from '../faults/chance.ts'
import { ANNA } from './watched-app.ts'

/** As the backend writes a principal without issuer and tenant. */
const owner = (userId: string) => JSON.stringify([null, null, userId])

const ADD = `
  insert into tautline.task (name, owner, input, priority, state)
  values ('watched.task', $1, '{}', 0, 'running') returning id`

/** As tasks add an event: number, event and bell in one transaction. */
const APPEND = `
  with task as (
    update tautline.task set last_seq = last_seq + 1, state = coalesce($2, state),
      finished_at = case when $2 is null then finished_at else now() end
    where id = $1 returning id, last_seq
  ), event as (
    insert into tautline.task_event (task_id, seq, attempt, type, data)
    select id, last_seq, 1, coalesce($2, 'custom'), $3 from task
  )
  select pg_notify('tautline_task', id::text) from task`

/** How many events a task gets, and over how long, in milliseconds. */
interface Pace {
  readonly events: number
  readonly overMs: number
}

/** Writes tasks, whatever becomes of the servers. */
export function openWriter(databaseUrl: string) {
  const pool = new Pool({ connectionString: databaseUrl, max: 10 })

  async function append(id: string, end: 'succeeded' | null): Promise<void> {
    const data = JSON.stringify({ json: { name: 'n', data: 'x'.repeat(between(0, 100)) } })
    const client = await pool.connect()
    try {
      // Each commit takes its time, so that those of different tasks come in any order.
      await client.query('begin')
      await client.query(APPEND, [id, end, data])
      await pause(between(0, 5))
      await client.query('commit')
    } finally {
      client.release()
    }
  }

  return {
    async addTasks(count: number): Promise<string[]> {
      const ids: string[] = []
      while (ids.length < count) {
        const { rows } = await pool.query<{ id: string }>(ADD, [owner(ANNA)])
        ids.push(String(rows[0]?.id))
      }
      return ids
    },
    /** Adds so many events to each, the last of which is its end, over this time. */
    async write(ids: readonly string[], { events, overMs }: Pace): Promise<void> {
      const gapMs = Math.ceil(overMs / events)
      await Promise.all(
        ids.map(async (id) => {
          for (let seq = 1; seq <= events; seq++) {
            await pause(between(0, 2 * gapMs))
            await append(id, seq === events ? 'succeeded' : null)
          }
        }),
      )
    },
    [Symbol.asyncDispose]: () => pool.end(),
  }
}

export type Writer = ReturnType<typeof openWriter>

export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

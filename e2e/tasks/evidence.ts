import { z } from 'zod'

import { taskEventTypes, taskStates } from '@tautline/shared'

import type { openSession } from '../faults/server-process.ts'
import type { Evidence } from './judge.ts'

type Session = Awaited<ReturnType<typeof openSession>>

/** What the database has in the end. */
export type Found = Omit<Evidence, 'acknowledged' | 'undone' | 'redrives'>

const Input = z.object({
  json: z.object({
    ref: z.string().optional(),
    chunks: z.int().optional(),
    parent: z.string().optional(),
    chunk: z.int().optional(),
  }),
})

const Task = z.object({
  id: z.string(),
  name: z.string(),
  state: z.enum(taskStates),
  lastSeq: z.int(),
  input: z.string().transform((text) => Input.parse(JSON.parse(text)).json),
})

/** Of an event of the task's own, and of progress. */
const Data = z.object({
  json: z.object({
    data: z.object({ chunk: z.int().optional(), by: z.int() }).optional(),
    message: z.coerce.number().optional(),
  }),
})

const Event = z.object({
  taskId: z.string(),
  seq: z.int(),
  attempt: z.int(),
  type: z.enum(taskEventTypes),
  at: z.number(),
  data: z.string().transform((text) => Data.parse(JSON.parse(text)).json),
})

const Effect = z.object({ taskId: z.string(), chunk: z.int(), attempt: z.int() })
const Witness = z.object({
  taskId: z.string(),
  attempt: z.int(),
  what: z.string(),
  pid: z.int(),
})
const Step = z.object({ taskId: z.string(), state: z.string() })
const Placed = z.object({ ref: z.string(), taskId: z.string() })
const Count = z.object({ count: z.int() })

/** Reads all of it, as of one moment. */
export async function readEvidence({ client }: Session): Promise<Found> {
  async function rows<S extends z.ZodType>(schema: S, text: string): Promise<z.output<S>[]> {
    const { rows: found } = await client.query(text)
    return z.array(schema).parse(found)
  }
  await client.query('begin isolation level repeatable read')
  try {
    const tasks = await rows(
      Task,
      `select id, name, state, last_seq as "lastSeq", input from tautline.task`,
    )
    const events = await rows(
      Event,
      `select task_id as "taskId", seq, attempt, type, data,
         extract(epoch from created_at)::float * 1000 as at
       from tautline.task_event order by task_id, seq`,
    )
    const [jobs] = await rows(Count, 'select count(*)::int as count from tautline_boss.job')
    return {
      placed: await rows(Placed, 'select ref, task_id as "taskId" from placed'),
      tasks: tasks.map(({ input: { ref, chunks, parent, chunk }, ...task }) => ({
        ...task,
        ...(ref !== undefined && chunks !== undefined && { work: { ref, chunks } }),
        ...(parent !== undefined && chunk !== undefined && { child: { parent, chunk } }),
      })),
      events: events.map(({ data: { data, message }, ...event }) => ({
        ...event,
        chunk: data?.chunk,
        by: data?.by ?? message,
      })),
      effects: await rows(Effect, 'select task_id as "taskId", chunk, attempt from chaos_effect'),
      witnesses: await rows(
        Witness,
        'select task_id as "taskId", attempt, what, pid from witness order by at',
      ),
      steps: await rows(Step, 'select task_id as "taskId", state from tautline.task_step'),
      jobs: jobs?.count ?? 0,
    }
  } finally {
    await client.query('commit')
  }
}

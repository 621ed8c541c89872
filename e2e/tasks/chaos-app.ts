import { setTimeout as sleep } from 'node:timers/promises'

import { z } from 'zod'

import {
  defineApp,
  defineError,
  Failure,
  mutation,
  task,
  tasks,
  TaskStopped,
  type Db,
  type TaskContext,
} from '@tautline/kit'

import { between } from '../faults/chance.ts'
import { witness } from './witness.ts'

declare module '@tautline/kit' {
  interface Database {
    placed: { ref: string; task_id: string }
  }
}

/** Attempts of a task that one process runs at the same time. */
export const CONCURRENCY = 8

/** How long a trap stays in its transaction, in milliseconds: there is time to stop its process. */
const TRAP_MS = 3_000

export const KINDS = ['plain', 'failing', 'hopeless', 'refused', 'trap'] as const

const Work = z.strictObject({
  ref: z.string(),
  kind: z.enum(KINDS),
  chunks: z.int().min(1).max(100),
})

const Child = z.strictObject({ parent: z.uuid(), chunk: z.int() })

const REFUSED = defineError('REFUSED', { code: 'CONFLICT', message: 'It is refused.' })
const ROLLED_BACK = defineError('ROLLED_BACK', { code: 'CONFLICT', message: 'It is undone.' })

/** Each says itself of which attempt it is: what writes it says so as well. */
const events = {
  chunk: z.strictObject({ chunk: z.int(), by: z.int() }),
  note: z.strictObject({ by: z.int() }),
}
type Context = TaskContext<typeof events>

const child = task({
  name: 'chaos.child',
  summary: 'Is there once for each commit that asked for it.',
  input: Child,
  output: z.null(),
  concurrency: CONCURRENCY,
  run: async () => null,
})

/** Nothing of it may be left. */
class UndoneError extends Error {}

/** Writes a chunk, tells of it, and asks for a child: all of it or nothing. */
async function writeChunk(ctx: Context, chunk: number, isTrap: boolean): Promise<void> {
  const { id, attempt } = ctx.task
  await ctx.transaction(async (db) => {
    await db.insertInto('chaos_effect').values({ task_id: id, chunk, attempt }).execute()
    await ctx.emit('chunk', { chunk, by: attempt })
    if (chunk === 1) await ctx.enqueue(child, { parent: id, chunk })
    if (!isTrap) return
    await witness(ctx.task, 'inside')
    await sleep(TRAP_MS)
  })
}

/** Witnesses that the row has refused a write; what its signal stops before that has another error. */
async function fenced(ctx: Context, write: () => Promise<void>): Promise<void> {
  try {
    await write()
  } catch (error) {
    const isLost = error instanceof TaskStopped && error.stop === 'lost'
    if (isLost && error !== ctx.signal.reason) await witness(ctx.task, 'refused')
    throw error
  }
}

async function undoSomething(ctx: Context): Promise<void> {
  try {
    await ctx.transaction(async () => {
      await ctx.enqueue(child, { parent: ctx.task.id, chunk: -1 })
      await ctx.emit('chunk', { chunk: -1, by: ctx.task.attempt })
      throw new UndoneError()
    })
  } catch (error) {
    if (!(error instanceof UndoneError)) throw error
  }
}

async function countChunks(db: Db, taskId: string): Promise<number> {
  const { chunks } = await db
    .selectFrom('chaos_effect')
    .select((of) => of.fn.countAll<bigint>().as('chunks'))
    .where('task_id', '=', taskId)
    .executeTakeFirstOrThrow()
  return Number(chunks)
}

const work = task({
  name: 'chaos.work',
  summary: 'Writes chunks, and goes on where others were killed.',
  input: Work,
  output: z.strictObject({ chunks: z.int(), mail: z.string() }),
  events,
  concurrency: CONCURRENCY,
  retry: { limit: 3, baseMs: 200, capMs: 1_000 },
  async run({ ctx, input: { kind, chunks } }) {
    await witness(ctx.task, 'start')
    if (kind === 'refused') throw new Failure(REFUSED)
    if (kind === 'hopeless') throw new Error('as it was to be')
    const mail = await ctx.step('mail', async () => {
      await witness(ctx.task, 'mail')
      await sleep(between(0, 100))
    })
    for (
      let chunk = await ctx.read((db) => countChunks(db, ctx.task.id));
      chunk < chunks;
      chunk++
    ) {
      await sleep(between(50, 250), undefined, { signal: ctx.signal })
      await fenced(ctx, () => ctx.emit('note', { by: ctx.task.attempt }))
      ctx.progress(chunk, chunks, String(ctx.task.attempt))
      const isTrap = kind === 'trap' && ctx.task.attempt === 1 && chunk === 0
      await fenced(ctx, () => writeChunk(ctx, chunk, isTrap))
      if (chunk === 2) await undoSomething(ctx)
      if (kind === 'failing' && ctx.task.attempt === 1) throw new Error('as it was to be')
    }
    return { chunks, mail: mail.status }
  },
})

const place = mutation({
  summary: 'Asks for some work, and notes that; or undoes both.',
  input: Work.extend({ undo: z.boolean() }),
  output: z.object({ taskId: z.uuid() }),
  errors: [ROLLED_BACK],
  policy: { allow: 'user' },
  async run({ ctx, input: { undo, ...wanted } }) {
    const { id } = await ctx.enqueue(work, wanted)
    await ctx.db.insertInto('placed').values({ ref: wanted.ref, task_id: id }).execute()
    if (undo) throw new Failure(ROLLED_BACK)
    return { taskId: id }
  },
})

/** A backend whose work is easily found out when it is done twice, or not at all. */
export const app = defineApp({
  name: 'chaos',
  version: '1.0.0',
  features: {
    chaos: { router: { place }, tasks: [work, child] },
    tasks: tasks({ maxUnfinished: 10_000 }),
  },
  identity: ({ headers: { 'x-user': userId } }) =>
    typeof userId === 'string' ? { userId, roles: [], scopes: [] } : null,
  migrations: new URL('./migrations/', import.meta.url),
})

import { setTimeout as sleep } from 'node:timers/promises'

import { z } from 'zod'

import {
  defineApp,
  mutation,
  task,
  tasks,
  TaskStopped,
  type Db,
  type TaskContext,
} from '@tautline/kit'

import { witness } from './witness.ts'

/** Where handlers may stay: until they are told to end, or with their whole process. */
export const PLACES = [
  'outside a transaction',
  'in a statement of its transaction',
  'at the end of its transaction',
  'in its thread for 2 s',
  'in its thread for longer than a lease',
] as const

/** Longest that anybody stays, in milliseconds. */
const HOLD_MS = 60_000

/** A lease lasts 10 s, and who looks after leases does so every 1.5 s. */
const BLOCK_MS = 15_000

const events = { note: z.strictObject({ by: z.int() }) }
type Context = TaskContext<typeof events>

const Input = z.strictObject({ place: z.enum(PLACES) })

const napFor = (db: Db, ms: number) =>
  db.selectNoFrom((of) => of.fn('pg_sleep', [of.val(ms / 1_000)]).as('nap')).execute()

const leaveEffect = (db: Db, { id, attempt }: TaskContext['task']) =>
  db.insertInto('chaos_effect').values({ task_id: id, chunk: 0, attempt }).execute()

/** Nothing else of the process runs meanwhile; and it takes no core. */
function block(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

async function holdTransaction(ctx: Context, isAtItsEnd: boolean): Promise<void> {
  await ctx.transaction(async (db) => {
    await leaveEffect(db, ctx.task)
    if (isAtItsEnd) await takeRow(db, ctx.task.id)
    await witness(ctx.task, 'inside')
    await napFor(db, HOLD_MS)
  })
}

/** As the library does last: between this and the commit everybody else has to do without the row. */
const takeRow = (db: Db, id: string) =>
  db.selectFrom('tautline.task').select('id').where('id', '=', id).forNoKeyUpdate().execute()

/** Writes once it can: what it is told then, if it is not the one any more, is witnessed. */
async function blockAndWrite(ctx: Context, ms: number): Promise<void> {
  await witness(ctx.task, 'inside')
  block(ms)
  try {
    await ctx.emit('note', { by: ctx.task.attempt })
    await ctx.transaction((db) => leaveEffect(db, ctx.task))
  } catch (error) {
    if (error instanceof TaskStopped && error.stop === 'lost') await witness(ctx.task, 'refused')
    throw error
  }
}

const hold = task({
  name: 'held.hold',
  summary: 'Stays where it is.',
  input: Input,
  output: z.null(),
  events,
  async run({ ctx, input: { place } }) {
    switch (place) {
      case 'outside a transaction':
        await witness(ctx.task, 'inside')
        await sleep(HOLD_MS, undefined, { signal: ctx.signal })
        break
      case 'in its thread for 2 s':
        await blockAndWrite(ctx, 2_000)
        break
      case 'in its thread for longer than a lease':
        await blockAndWrite(ctx, ctx.task.attempt === 1 ? BLOCK_MS : 0)
        break
      default:
        await holdTransaction(ctx, place === 'at the end of its transaction')
    }
    return null
  },
})

const start = mutation({
  summary: 'Has a handler go there.',
  input: Input,
  output: z.object({ taskId: z.uuid() }),
  policy: { allow: 'user' },
  run: async ({ ctx, input }) => ({ taskId: (await ctx.enqueue(hold, input)).id }),
})

/** A backend whose handlers stay where others have to reach them. */
export const app = defineApp({
  name: 'held',
  version: '1.0.0',
  features: { held: { router: { start }, tasks: [hold] }, tasks: tasks() },
  identity: () => ({ userId: 'anna', roles: [], scopes: [] }),
  migrations: new URL('./migrations/', import.meta.url),
})

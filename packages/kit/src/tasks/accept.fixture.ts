import { z } from 'zod'

import { createAcceptor } from './accept.ts'
import { task } from './definition.ts'
import { openTaskDatabase } from './worker-database.fixture.ts'

/** A task that takes what a user may write. */
export const report = task({
  name: 'report.make',
  summary: 'Makes a report.',
  input: z.strictObject({ pages: z.int().min(1), text: z.string().optional() }),
  output: z.object({ pages: z.int() }),
  priority: 3,
  run: async ({ input }) => ({ pages: input.pages }),
})

/** A task of which there is one for each day. */
export const daily = task({
  name: 'report.daily',
  summary: 'Makes the report of a day.',
  input: z.strictObject({ day: z.string().trim() }),
  output: z.void(),
  dedupeKey: ({ day }) => day,
  run: async () => {},
})

const known = [report, daily]

/** Two processes of one backend that accept tasks, each with a pool of its own, and nobody who works. */
export async function openTwoAcceptors(maxUnfinished = 1_000) {
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await openTaskDatabase())
  const { db: one } = database
  const other = database.open()
  const names = new Set(known.map(({ name }) => name))
  const boss = await database.startBoss(...names)
  const acceptor = createAcceptor({ boss, names, maxUnfinished })
  const running = stack.move()
  return {
    ...database,
    one,
    other,
    boss,
    names,
    acceptor,
    /** A row of `tautline.task`, as Postgres writes it. */
    taskOf: async (id: string) => {
      const [row] = await database.ask(`select * from tautline.task where id = '${id}'`)
      return row
    },
    /** Ends a task as a worker would that had nothing to do. */
    finish: (id: string, state = 'succeeded') =>
      database.ask(`
        update tautline.task set state = '${state}', finished_at = now() where id = '${id}'`),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export type TwoAcceptors = Awaited<ReturnType<typeof openTwoAcceptors>>

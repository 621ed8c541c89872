import { z } from 'zod'

import { defineApp, notifications, task, tasks, type Identity } from '@tautline/kit'

/** Attempts that run at the same time, and jobs that the baseline has under way. */
export const CONCURRENCY = 20

/** What somebody in the process that runs tasks wants to know, and to say, of attempts. */
export const stage = {
  /** Told of each that begins. */
  onBegun() {},
  /** What one that has something to say waits for. */
  cue: async () => {},
  /** Told when that is committed. */
  onSaid() {},
}

/** Has nothing to do, so that what is measured is all that tasks cost by themselves. */
export const nothing = task({
  name: 'bench.nothing',
  summary: 'Does nothing.',
  input: z.strictObject({ n: z.int() }),
  output: z.void(),
  concurrency: CONCURRENCY,
  run: async () => stage.onBegun(),
})

/** Has one thing to say. */
export const saying = task({
  name: 'bench.saying',
  summary: 'Emits one event, when it is told to.',
  input: z.strictObject({}),
  output: z.void(),
  events: { said: z.strictObject({}) },
  async run({ ctx }) {
    stage.onBegun()
    await stage.cue()
    await ctx.emit('said', {})
    stage.onSaid()
  },
})

/** Whoever says who they are. */
const identity: Identity = ({ headers }) => ({
  userId: String(headers['x-user']),
  roles: [],
  scopes: [],
})

const features = {
  tasks: tasks(),
  bench: { router: {}, tasks: [nothing, saying] },
}

const common = {
  name: 'tautline-bench-tasks',
  version: '0.1.0',
  identity,
  migrations: new URL('./no-migrations/', import.meta.url),
}

/** Tasks with all their events, and nobody who is told of their ends. */
export const plain = defineApp({ ...common, features })

/** The same with a notification at each end; with its tables, which the other one has no use for. */
export const app = defineApp({
  ...common,
  features: { ...features, notifications: notifications() },
})

export type TasksRouter = typeof app.router

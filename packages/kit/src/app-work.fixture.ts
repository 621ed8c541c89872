import { z } from 'zod'

import { defineApp, type AppDefinition } from './app-definition.ts'
import { createApp, type App } from './app.ts'
import { readConfig, type Config } from './config.ts'
import { meetingPoint } from './db/meeting-point.fixture.ts'
import { tasks } from './features/tasks/tasks.ts'
import { createLogger } from './platform/logger.ts'
import { mutation } from './rpc/define.ts'
import { task } from './tasks/definition.ts'
import { createTestIdentity } from './testing/test-identity.ts'

/** How often each task has run, by its input. */
export const runs: string[] = []

/** Where tasks wait that are told to. */
export const desk = meetingPoint()

const Input = z.strictObject({ what: z.string(), waits: z.boolean().default(false) })

export const job = task({
  name: 'work.job',
  summary: 'Notes that it has run.',
  input: Input,
  output: z.int(),
  async run({ ctx, input: { what, waits } }) {
    runs.push(what)
    if (waits) await Promise.race([desk.arrive(), aborted(ctx.signal)])
    ctx.signal.throwIfAborted()
    return ctx.task.attempt
  },
})

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => signal.addEventListener('abort', () => resolve()))
}

/** What only the next build of the backend knows. */
const newer = task({
  name: 'work.newer',
  summary: 'Is known to some.',
  input: Input,
  output: z.void(),
  run: async ({ input }) => void runs.push(input.what),
})

const nightly = task({
  name: 'work.nightly',
  summary: 'Comes round.',
  input: Input,
  output: z.void(),
  schedule: { at: '0 3 * * *', input: { what: 'nightly' } },
  run: async ({ input }) => void runs.push(input.what),
})

const make = mutation({
  summary: 'Enqueues a job.',
  input: Input,
  output: z.string(),
  policy: { allow: 'user' },
  run: async ({ ctx, input }) => (await ctx.enqueue(job, input)).id,
})

const makeNewer = mutation({
  summary: 'Enqueues what only some know.',
  input: Input,
  output: z.string(),
  policy: { allow: 'user' },
  run: async ({ ctx, input }) => (await ctx.enqueue(newer, input)).id,
})

const backend = {
  name: 'works',
  version: '0.0.0',
  identity: async () => null,
  migrations: new URL('./rpc/no-migrations.fixture/', import.meta.url),
}

export const older = defineApp({
  ...backend,
  features: { tasks: tasks(), work: { router: { make }, tasks: [job] } },
})

export const app = defineApp({
  ...backend,
  features: { tasks: tasks(), work: { router: { make, makeNewer }, tasks: [job, newer, nightly] } },
})

/** One more process on the database of a server. It runs tasks, and does not answer. */
export async function startBeside(
  { databaseUrl }: { readonly databaseUrl: string },
  definition: AppDefinition,
  config: Partial<Config> = {},
): Promise<App & AsyncDisposable> {
  const read = await readConfig({ NODE_ENV: 'test', PORT: '0', DATABASE_URL: databaseUrl })
  const beside = await createApp(
    definition,
    { ...read, drainQuietMs: 0, ...config },
    { log: createLogger('silent'), identity: createTestIdentity(definition.identity) },
  )
  beside.work()
  return { ...beside, [Symbol.asyncDispose]: () => beside.close() }
}

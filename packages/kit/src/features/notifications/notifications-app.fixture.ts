import { sql } from 'kysely'
import { Client } from 'pg'
import { z } from 'zod'

import { commonErrors, Failure } from '@tautline/shared'

import { startNotifications } from '../../db/notifications.ts'
import { openDatabase } from '../../db/open.ts'
import { openPool } from '../../db/pool.ts'
import { hangBell } from '../../db/ring.ts'
import { inTransaction } from '../../db/transaction.ts'
import { defineApp, identityOf, mutation, task, tasks } from '../../index.ts'
import { createLogger } from '../../platform/logger.ts'
import { createMetrics } from '../../platform/metrics.ts'
import type { OnTasksEnd } from '../../tasks/ended.ts'
import { startTestServer } from '../../testing/index.ts'
import { notifications } from './notifications.ts'
import { createReaders } from './readers.ts'

/** Notifications of one owner that are kept. */
export const MAX_KEPT = 60

const Ways = z.enum(['succeeds', 'refuses', 'breaks', 'waits', 'loses its job'])
const Work = z.strictObject({ way: Ways, isOwned: z.boolean(), delayMs: z.int() })

const work = task({
  name: 'work.do',
  summary: 'Ends one way or another.',
  input: z.object({ way: Ways }),
  output: z.void(),
  retry: { limit: 0 },
  async run({ ctx, input: { way } }) {
    if (way === 'refuses') throw new Failure(commonErrors.FORBIDDEN)
    if (way === 'breaks') throw new Error('It did not work.')
    if (way === 'waits') {
      await new Promise((_, reject) => {
        ctx.signal.addEventListener('abort', () => reject(ctx.signal.reason))
      })
    }
    if (way === 'loses its job') {
      const ofThis = sql`data ->> 'taskId' = ${ctx.task.id}`
      await ctx.transaction((db) => sql`delete from tautline_boss.job where ${ofThis}`.execute(db))
    }
  },
})

const make = mutation({
  summary: 'Enqueues work, of the caller or of nobody.',
  input: Work.partial({ isOwned: true, delayMs: true }),
  output: z.string(),
  policy: { allow: 'user' },
  async run({ ctx, input: { way, isOwned = true, delayMs = 0 } }) {
    const owner = isOwned ? identityOf(ctx.principal) : null
    const wish = { task: work, input: { way }, owner, options: { delayMs } }
    return (await ctx.tasks.accept(ctx.db, wish)).id
  },
})

/** Fails in the middle of each transaction that ends a task. */
const fail: OnTasksEnd = async (db) => {
  await sql`select 1 / 0`.execute(db)
}

export const feature = notifications({ maxKept: MAX_KEPT, streams: 10 })

const app = defineApp({
  name: 'notified',
  version: '0.0.0',
  features: {
    unlucky: { router: {}, onTasksEnd: fail },
    notifications: feature,
    tasks: tasks(),
    work: { router: { make }, tasks: [work] },
  },
  identity: () => null,
  migrations: new URL('../../rpc/no-migrations.fixture/', import.meta.url),
})

/** For those who write beside the server, a transaction each. */
const pool = {
  directUrl: undefined,
  poolSize: 10,
  acquireTimeoutMs: 5_000,
  statementTimeoutMs: 15_000,
}

let people = 0

/** A server, and somebody who looks into its database and writes there as workers do. */
export async function startNotifiedServer({ worker = false } = {}) {
  await using stack = new AsyncDisposableStack()
  const server = stack.use(await startTestServer(app, { worker }))
  const client = new Client({ connectionString: server.databaseUrl })
  client.on('error', () => {}) // a lost connection fails the query that is under way
  await client.connect()
  stack.defer(() => client.end())
  const config = { ...pool, url: server.databaseUrl }
  const writers = openPool(config, createLogger('silent'))
  stack.defer(() => writers.end())
  const db = openDatabase(writers, config)
  hangBell(db, {
    ring: (...message) => void writers.query('select pg_notify($1, $2)', message).catch(() => {}),
  })
  const running = stack.move()

  const end = (on: typeof db, owner: string, name: string) =>
    feature.onTasksEnd(on, [
      { id: crypto.randomUUID(), name, owner, state: 'succeeded', error: null },
    ])

  return {
    ...server,
    db,
    /** Runs SQL. */
    ask: async (text: string, values: unknown[] = []) =>
      (await client.query<Record<string, unknown>>(text, values)).rows,
    /** Somebody who has no notification yet. */
    somebody() {
      const userId = `user-${++people}`
      return { userId, owner: identityOf({ userId }), client: server.clientAs({ userId }) }
    },
    /** Ends as many tasks of somebody, one after the other. */
    async end(owner: string, count = 1) {
      for (let n = 1; n <= count; n++) await end(db, owner, `task ${n}`)
    },
    /** The same with one of which nobody is told. */
    endInSilence: (owner: string, count = 1) =>
      client.query(
        `insert into tautline.notification (owner, kind, task_id, name, state)
         select $1, 'task', gen_random_uuid(), 't.t', 'dead' from generate_series(1, $2::int)`,
        [owner, count],
      ),
    /** A task of somebody has ended, in a transaction that is open. */
    async ending(owner: string, name: string) {
      const [written, over] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
      const ended = inTransaction(db, async (transaction) => {
        await end(transaction, owner, name)
        written.resolve()
        await over.promise
      })
      await Promise.race([written.promise, ended])
      return {
        async commit() {
          over.resolve()
          await ended
        },
        async rollback() {
          over.reject(new Error('The test has broken it off.'))
          await ended.catch(() => {})
        },
      }
    },
    gauges: () => server.app.metrics.snapshot().gauges,
    counters: () => server.app.metrics.snapshot().counters,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

export type NotifiedServer = Awaited<ReturnType<typeof startNotifiedServer>>

/** Readers as a process has them that looks at everybody once in so many milliseconds. */
export function openReaders({ databaseUrl, db }: NotifiedServer, pollMs: number) {
  const metrics = createMetrics()
  const log = createLogger('silent')
  const doorbells = startNotifications({ ...pool, url: databaseUrl }, { log, metrics })
  const readers = createReaders({ db, doorbells, log, metrics }, { maxKept: MAX_KEPT, pollMs })
  return {
    ...readers,
    /** How often they have looked. */
    rounds: () => metrics.snapshot().counters['notification_rounds_total'] ?? 0,
    [Symbol.asyncDispose]: () => doorbells.stop(),
  }
}

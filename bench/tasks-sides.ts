import { setTimeout as delay } from 'node:timers/promises'

import { Pool } from 'pg'
import { PgBoss } from 'pg-boss'

import { createApp, readConfig, type AppDefinition } from '@tautline/kit'

import { CONCURRENCY, nothing, stage } from './tasks-app.ts'

/** Jobs that one fetch of the baseline takes. */
const BATCH = 10

/** Connections of who accepts, and as many of who works. */
const POOL_SIZE = 20

/** Users among whom tasks are shared out: one alone may not have as many. */
const OWNERS = 50

/** A way to have work done. */
export interface Side {
  readonly name: string
  /** Accepts that many, `CONCURRENCY` at a time. */
  enqueue(count: number): Promise<void>
  /** Runs what there is, and calls `onBegun` each time one begins. */
  work(onBegun: () => void): Promise<AsyncDisposable>
}

/** pg-boss as it comes: a queue, jobs by tens, each completed by itself; no events, no row of ours. */
export async function openBaseline(url: string): Promise<Side & AsyncDisposable> {
  const queue = 'bench'
  const pool = new Pool({ connectionString: url, max: 2 * POOL_SIZE })
  pool.on('error', () => {}) // the query that is under way fails
  const db = { executeSql: (text: string, values?: unknown[]) => pool.query(text, values) }
  const boss = new PgBoss({ db, schema: 'bench_boss', supervise: false, schedule: false })
  boss.on('error', (error) => console.error(error))
  await boss.start()
  await boss.createQueue(queue)

  async function takeAll(onBegun: () => void, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const jobs = await boss.fetch(queue, { batchSize: BATCH })
      if (jobs.length === 0) await delay(5)
      await Promise.all(
        jobs.map(async (job) => {
          onBegun()
          await boss.complete(queue, job)
        }),
      )
    }
  }

  return {
    name: 'pg-boss',
    enqueue: (count) => inTurns(count, (n) => boss.send(queue, { n })),
    async work(onBegun) {
      const stopping = new AbortController()
      const takers = Array.from({ length: CONCURRENCY / BATCH }, () =>
        takeAll(onBegun, stopping.signal),
      )
      return {
        async [Symbol.asyncDispose]() {
          stopping.abort()
          await Promise.all(takers)
        },
      }
    },
    async [Symbol.asyncDispose]() {
      await boss.stop({ graceful: false })
      await pool.end()
    },
  }
}

/** A backend that answers nobody. */
export async function openBackend(definition: AppDefinition, url: string) {
  const config = await readConfig({
    NODE_ENV: 'production',
    DATABASE_URL: url,
    PORT: '0',
    TAUTLINE_HOSTS: '*',
    LOG_LEVEL: 'error',
    TAUTLINE_SECRET: 'what signs the cursors of a benchmark, of which there are none',
    TAUTLINE_POOL_SIZE: String(POOL_SIZE),
    TAUTLINE_ACQUIRE_TIMEOUT_MS: '5000',
    TAUTLINE_DRAIN_QUIET_MS: '0',
  })
  return createApp(definition, config)
}

/** Ours, as a backend has it. */
export async function openOurs(
  name: string,
  definition: AppDefinition,
  url: string,
): Promise<Side & AsyncDisposable> {
  const backend = await openBackend(definition, url)
  const { db, tasks } = backend.resources
  return {
    name,
    enqueue: (count) =>
      inTurns(count, (n) => {
        const owner = JSON.stringify([null, null, `user-${n % OWNERS}`])
        return tasks.accept(db, { task: nothing, input: { n }, owner })
      }),
    async work(onBegun) {
      stage.onBegun = onBegun
      const worker = await openBackend(definition, url)
      worker.work()
      return { [Symbol.asyncDispose]: () => worker.close() }
    },
    [Symbol.asyncDispose]: () => backend.close(),
  }
}

async function inTurns(count: number, run: (n: number) => Promise<unknown>): Promise<void> {
  let next = 0
  await Promise.all(
    Array.from({ length: CONCURRENCY }, async () => {
      while (next < count) await run(next++)
    }),
  )
}

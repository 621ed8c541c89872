import { sql } from 'kysely'
import { z } from 'zod'

import { defineApp } from '../app-definition.ts'
import type { Db } from '../db/database.ts'
import { meetingPoint } from '../db/meeting-point.fixture.ts'
import type { CallContext } from '../resources.ts'
import { query } from './define.ts'

const sleep = (db: Db, seconds: number) => sql`select pg_sleep(${seconds}) as nap`.execute(db)

const numbers = (db: Db) =>
  db.selectFrom(sql<{ n: number }>`generate_series(1, 1)`.as<'g'>(sql`g(n)`)).select('g.n')

/** A value that all who ask for it share. */
const readShared = ({ cache, db }: CallContext) =>
  cache.read({ name: 'batch', scope: 'public', ttlMs: 60_000 }, async () => {
    await sleep(db, 0)
    return 'done' as const
  })

/** A backend whose calls hold connections, and the place where those in a transaction meet. */
export function createBatchApp() {
  const place = meetingPoint()
  const holding = (run: (ctx: CallContext) => Promise<unknown>) =>
    query({
      summary: 'Holds a connection.',
      output: z.literal('done'),
      policy: { allow: 'public', timeoutMs: 20_000 },
      async run({ ctx }) {
        await run(ctx)
        return 'done' as const
      },
    })
  const router = {
    nap: holding(({ db }) => sleep(db, 30)),
    doze: holding(({ db }) => sleep(db, 0.1)),
    blink: holding(({ db }) => sleep(db, 0)),
    shared: holding(readShared),
    /** Asks the pool while it holds a transaction. */
    nested: holding(({ db, transaction }) =>
      transaction(async () => {
        await place.arrive()
        await sleep(db, 0)
      }),
    ),
    /** Asks the pool while it reads rows by a cursor. */
    streaming: holding(async ({ db }) => {
      for await (const _ of numbers(db).stream(1)) {
        await place.arrive()
        await sleep(db, 0)
      }
    }),
    /** Reads two cursors side by side, and goes on when both have told their first row. */
    merging: holding(async ({ db }) => {
      const streams = [1, 2].map(() => numbers(db).stream(1)[Symbol.asyncIterator]())
      await Promise.all(streams.map((stream) => stream.next()))
      await place.arrive()
      for (const stream of streams) await stream.return?.()
    }),
    /** Asks the pool while it keeps a connection to itself. */
    keeping: holding(({ db }) =>
      db.connection().execute(async (own) => {
        await sleep(own, 0)
        await place.arrive()
        await sleep(db, 0)
      }),
    ),
    /** Reads the same while it holds a transaction. */
    sharedInside: holding((ctx) =>
      ctx.transaction(async () => {
        await place.arrive()
        return readShared(ctx)
      }),
    ),
  }
  const app = defineApp({
    name: 'batch',
    version: '1.2.3',
    features: { bed: { router } },
    identity: () => null,
    migrations: new URL('./no-migrations.fixture/', import.meta.url),
  })
  return { app, place }
}

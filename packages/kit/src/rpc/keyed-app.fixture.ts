import { sql, type Kysely } from 'kysely'
import { z } from 'zod'

import { commonErrors, defineError, Failure } from '@tautline/shared'

import { defineApp } from '../app-definition.ts'
import type { Db } from '../db/database.ts'
import { meetingPoint } from '../db/meeting-point.fixture.ts'
import { mutation, query } from './define.ts'

declare module '../db/database.ts' {
  interface Database {
    order: { id: string; caller: string }
  }
}

export const SOLD_OUT = defineError('SOLD_OUT', {
  code: 'CONFLICT',
  message: 'There is nothing left.',
  data: z.object({ since: z.date(), left: z.bigint(), order: z.string() }),
})

/** Where `make` waits in its transaction when its note says so, and tests for it. */
export const halfway = meetingPoint()

/** How often the handler of `contend` has run. */
export const attempts = { count: 0 }

const MakeInput = z.strictObject({ amount: z.int(), note: z.string().optional() })
const Order = z.object({ id: z.string(), madeAt: z.date(), total: z.bigint() })

async function insertOrder(db: Db, caller: string) {
  const id = crypto.randomUUID()
  await db.insertInto('order').values({ id, caller }).execute()
  return { id, madeAt: new Date(), total: 2n ** 60n }
}

const make = mutation({
  summary: 'Makes an order; more than 10 are refused once it is made, and 0 is nobody’s to order.',
  input: MakeInput,
  output: Order,
  errors: [SOLD_OUT],
  policy: { allow: 'user', idempotent: 'optional', concurrency: { max: 2, queue: 0 } },
  async run({ ctx, input: { amount, note } }) {
    const order = await insertOrder(ctx.db, ctx.principal.userId)
    if (note === 'wait') await halfway.arrive()
    if (amount === 0) throw new Failure(commonErrors.FORBIDDEN)
    if (amount <= 10) return order
    throw new Failure(SOLD_OUT, { data: { since: order.madeAt, left: 12n, order: order.id } })
  },
})

const keyed = mutation({
  summary: 'Makes an order, and wants a key for it.',
  input: MakeInput,
  output: Order,
  policy: { allow: 'user', idempotent: 'required', limit: 'two' },
  run: ({ ctx }) => insertOrder(ctx.db, ctx.principal.userId),
})

const keyless = mutation({
  summary: 'Makes an order, and takes no key.',
  input: MakeInput,
  output: Order,
  policy: { allow: 'user', limit: 'two' },
  run: ({ ctx }) => insertOrder(ctx.db, ctx.principal.userId),
})

const answers = {
  text: () => crypto.randomUUID(),
  bigint: () => BigInt(`0x${crypto.randomUUID().replaceAll('-', '')}`),
  date: () => new Date(Math.floor(Math.random() * 1e12)),
  number: () => Math.random(),
  true: () => true,
  null: () => null,
  undefined: () => undefined,
}

const answer = mutation({
  summary: 'Makes an order, and answers with anything but an object.',
  input: z.strictObject({
    kind: z.literal(['text', 'bigint', 'date', 'number', 'true', 'null', 'undefined']),
  }),
  output: z.union([
    z.string(),
    z.bigint(),
    z.date(),
    z.number(),
    z.boolean(),
    z.null(),
    z.undefined(),
  ]),
  policy: { allow: 'user', idempotent: 'optional' },
  async run({ ctx, input }) {
    await insertOrder(ctx.db, ctx.principal.userId)
    return answers[input.kind]()
  },
})

const contend = mutation({
  summary: 'Makes an order, and is refused for a rival the first times.',
  output: Order,
  policy: { allow: 'user', idempotent: 'optional', invalidates: () => ['orders'] },
  async run({ ctx }) {
    const order = await insertOrder(ctx.db, ctx.principal.userId)
    if (++attempts.count % 3 === 0) return order
    await sql`do $$ begin raise exception using errcode = '40001'; end $$`.execute(ctx.db)
    return order
  },
})

const count = query({
  summary: 'How many orders there are.',
  output: z.int(),
  policy: { allow: 'user', cache: { ttlMs: 600_000, scope: 'public', tags: () => ['orders'] } },
  async run({ ctx }) {
    const counting = ctx.db.selectFrom('order').select(sql<number>`count(*)::int`.as('count'))
    return (await counting.executeTakeFirstOrThrow()).count
  },
})

/** A backend with a mutation for each way to have, or not to have, an idempotency key. */
export const keyedApp = defineApp({
  name: 'keyed',
  version: '1.0.0',
  features: {
    orders: {
      router: { make, keyed, keyless, answer, contend, count },
      migrations: {
        '2026-11-22-order': {
          // No key: what is applied twice is there twice.
          up: (db: Kysely<unknown>) =>
            db.schema
              .createTable('order')
              .addColumn('id', 'text')
              .addColumn('caller', 'text')
              .execute(),
        },
      },
    },
  },
  limits: { two: { amount: 2, windowMs: 3_600_000, by: 'caller' } },
  identity: () => null,
  migrations: new URL('./no-migrations.fixture/', import.meta.url),
})

import { setTimeout as pause } from 'node:timers/promises'

import { sql, type Kysely } from 'kysely'
import { z } from 'zod'

import { defineApp, mutation, type CallContext, type MutationPolicy } from '../index.ts'
import type { Db } from './database.ts'

declare module './database.ts' {
  interface Database {
    /** Its other one is to be there at the commit. */
    twin: { id: string; other: string | null }
  }
}

/** The advisory lock that nobody gets while the test has it. */
export const HELD_LOCK = 7

const insert = (db: Db, id: string, other: string | null = null) =>
  db.insertInto('twin').values({ id, other }).execute()

const nap = (db: Db, seconds: number) => sql`select pg_sleep(${seconds})`.execute(db)

const fail = (db: Db) => sql`select 1 / 0`.execute(db)

async function insertAndThrow(db: Db, id: string): Promise<never> {
  await insert(db, id)
  throw new Error('After a statement.')
}

type Run = (ctx: CallContext, id: string) => Promise<unknown>

/** A mutation that answers with its id, unless `run` fails or gives something longer. */
function trouble(
  summary: string,
  run: Run,
  policy: Pick<MutationPolicy, 'transaction' | 'timeoutMs'> = {},
) {
  return mutation({
    summary,
    input: z.strictObject({ id: z.string() }),
    output: z.string().max(36),
    policy: { allow: 'public', ...policy },
    async run({ ctx, input: { id } }) {
      const told = await run(ctx, id)
      return typeof told === 'string' ? told : id
    },
  })
}

const faults = {
  throwAtOnce: trouble('Throws before any statement.', async () => {
    throw new Error('At once.')
  }),

  throwAfter: trouble('Throws after a statement.', ({ db }, id) => insertAndThrow(db, id)),

  failStatement: trouble('Makes a statement fail.', ({ db }) => fail(db)),

  throwInSavepoint: trouble('Throws in a savepoint.', ({ transaction }, id) =>
    transaction((db) => insertAndThrow(db, id)),
  ),

  throwOutside: trouble(
    'Throws in a transaction of its own.',
    ({ transaction }, id) => transaction((db) => insertAndThrow(db, id)),
    { transaction: 'none' },
  ),

  failSideBySide: trouble(
    'Makes one of three statements fail while the others run.',
    ({ db }, id) => Promise.all([insert(db, id), nap(db, 0.02), fail(db)]),
    { transaction: 'none' },
  ),

  tellTooMuch: trouble('Answers what its output does not allow.', async ({ db }, id) => {
    await insert(db, id)
    return `${id}, and more than that`
  }),

  breakAtCommit: trouble('Violates a constraint that is checked at the commit.', ({ db }, id) =>
    insert(db, id, 'nobody'),
  ),

  loseConnection: trouble('Has its session terminated.', async ({ db }, id) => {
    await insert(db, id)
    await sql`select pg_terminate_backend(pg_backend_pid())`.execute(db)
  }),

  waitForLock: trouble(
    'Waits for a lock for longer than it may.',
    async ({ db }, id) => {
      await insert(db, id)
      await sql`select pg_advisory_xact_lock(${HELD_LOCK})`.execute(db)
    },
    { timeoutMs: 80 },
  ),

  waitForConnection: trouble(
    'Has hardly the time to get a connection.',
    ({ db }, id) => insert(db, id),
    { timeoutMs: 8 },
  ),
}

const successes = {
  nap: trouble('Sleeps in the database.', ({ db }) => nap(db, 0.04)),

  linger: trouble('Does not notice that its call has ended.', async ({ db }, id) => {
    await insert(db, id)
    await pause(20)
    await nap(db, 0)
  }),

  goOn: trouble('Goes on after a savepoint that failed.', async ({ db, transaction }, id) => {
    await transaction(fail).catch(() => {})
    await insert(db, id)
  }),
}

/** A backend whose procedures end in every way that could keep a connection. */
export const leaksApp = defineApp({
  name: 'leaks',
  version: '1.0.0',
  features: {
    leaks: {
      router: { ...faults, ...successes },
      migrations: {
        '2026-11-22-twin': {
          up: (db: Kysely<unknown>) =>
            db.schema
              .createTable('twin')
              .addColumn('id', 'text', (column) => column.primaryKey())
              .addColumn('other', 'text')
              .addForeignKeyConstraint('twin_other', ['other'], 'twin', ['id'], (constraint) =>
                constraint.deferrable().initiallyDeferred(),
              )
              .execute(),
        },
      },
    },
  },
  identity: () => null,
  migrations: new URL('../rpc/no-migrations.fixture/', import.meta.url),
})

import { sql } from 'kysely'
import { vi } from 'vitest'
import { z } from 'zod'

import { commonErrors, defineError, Failure } from '@tautline/shared'

import { defineApp } from '../app-definition.ts'
import type { Db } from '../db/database.ts'
import { currentCall } from '../platform/call-scope.ts'
import { CHANNEL } from '../policies/cache/invalidation-messages.ts'
import type { TestServer } from '../testing/index.ts'
import { mutation, query } from './define.ts'

export const NO_NOTE = defineError('NO_NOTE', { code: 'NOT_FOUND', message: 'There is no note.' })

const ById = z.strictObject({ id: z.string() })
const Text = z.strictObject({ id: z.string(), text: z.string() })
const Shown = z.object({ shown: z.string() })
const Seen = z.object({ userId: z.string().nullable(), knows: z.array(z.string()) })

const MINUTE_MS = 60_000

/** For what a test waits for on a busy machine. */
export const PATIENT = { timeout: 10_000 }

export const noteTag = (id: string) => `note:${id}`

async function textOf(db: Db, id: string): Promise<string> {
  const { rows } = await sql<{ text: string }>`select text from note where id = ${id}`.execute(db)
  if (!rows[0]) throw new Failure(NO_NOTE)
  return rows[0].text
}

async function writeNote(db: Db, { id, text }: z.output<typeof Text>): Promise<void> {
  await sql`
    insert into note values (${id}, ${text})
    on conflict (id) do update set text = excluded.text`.execute(db)
}

/** Makes the table of the notes; resolves once the server keeps answers that have tags. */
export async function prepareNotes(server: TestServer<CachedApp>): Promise<void> {
  await createTable(server.app.resources.db)
  const { note } = server.clientAs({ userId: 'first' })
  await note.write.mutate({ id: 'first', text: '' })
  const read = () => readFirst(server)
  await vi.waitUntil(async () => (await read()) === 'hit', PATIENT)
}

/** Reads a note that no test reads. Tells where the answer came from. */
async function readFirst(server: TestServer<CachedApp>): Promise<unknown> {
  await server.clientAs({ userId: 'first' }).note.get.query({ id: 'first' })
  return server.logs.findLast((line) => 'cache' in line)?.cache
}

/**
 * Resolves once the server has heard what was told until now. It hears itself as well, which may
 * cost one miss more.
 */
export async function heard(server: TestServer<CachedApp>): Promise<void> {
  await readFirst(server)
  const message = JSON.stringify([noteTag('first')])
  await sql`select pg_notify(${CHANNEL}, ${message})`.execute(server.app.resources.db)
  await vi.waitUntil(async () => (await readFirst(server)) === 'miss', { ...PATIENT, interval: 2 })
}

/** With a trigger that holds a COMMIT for as long as somebody has `LOCK`. */
async function createTable(db: Db): Promise<void> {
  await sql`create table note (id text primary key, text text not null)`.execute(db)
  await sql`create function wait_for_lock() returns trigger language plpgsql
    set lock_timeout = 0 as
    $$ begin perform pg_advisory_xact_lock_shared(4711); return null; end $$`.execute(db)
  await sql`create constraint trigger held after insert or update on note
    initially deferred for each row execute function wait_for_lock()`.execute(db)
}

export const LOCK = 4711

/** A backend whose queries are kept, and count their runs by `procedure id`. */
export function createCachedApp() {
  const runs = new Map<string, number>()
  const count = (name: string) => runs.set(name, (runs.get(name) ?? 0) + 1)
  const note = {
    get: query({
      summary: 'A note, as each caller may see it.',
      input: ById,
      output: Shown,
      errors: [NO_NOTE],
      policy: {
        allow: 'user',
        cache: { ttlMs: MINUTE_MS, scope: 'caller', tags: ({ id }) => [noteTag(id)] },
      },
      async run({ ctx, input: { id } }) {
        count(`get ${id}`)
        return { shown: await textOf(ctx.db, id), hidden: 'never declared' }
      },
    }),
    lingering: query({
      summary: 'A note, and then a pause.',
      input: ById,
      output: Shown,
      policy: {
        allow: 'public',
        cache: { ttlMs: MINUTE_MS, scope: 'public', tags: ({ id }) => [noteTag(id)] },
      },
      async run({ ctx, input: { id } }) {
        const shown = await textOf(ctx.db, id)
        await sql`select pg_sleep(0.6)`.execute(ctx.db)
        return { shown }
      },
    }),
    stale: query({
      summary: 'A note that may be a little old.',
      input: ById,
      output: Shown,
      policy: { allow: 'public', cache: { ttlMs: 1_000, staleMs: MINUTE_MS, scope: 'public' } },
      async run({ ctx, input: { id } }) {
        count(`stale ${id}`)
        return { shown: await textOf(ctx.db, id) }
      },
    }),
    wrong: query({
      summary: 'Answers what its schema refuses.',
      input: ById,
      output: z.object({ shown: z.int() }),
      policy: { allow: 'public', cache: { ttlMs: MINUTE_MS, scope: 'public' } },
      async run({ input: { id } }) {
        count(`wrong ${id}`)
        return { shown: 0.5 }
      },
    }),
    leisurely: query({
      summary: 'Tells how long it may take.',
      output: z.number(),
      policy: {
        allow: 'public',
        timeoutMs: MINUTE_MS,
        cache: { ttlMs: MINUTE_MS, scope: 'public' },
      },
      run: async () => (currentCall()?.deadlineAt ?? 0) - performance.now(),
    }),

    slow: query({
      summary: 'Sleeps in Postgres.',
      input: z.strictObject({ id: z.string(), seconds: z.number() }),
      output: Shown,
      policy: { allow: 'public', cache: { ttlMs: MINUTE_MS, scope: 'public' } },
      async run({ ctx, input: { id, seconds } }) {
        count(`slow ${id}`)
        await sql`select pg_sleep(${seconds}), ${id}::text`.execute(ctx.db)
        return { shown: id }
      },
    }),
    write: mutation({
      summary: 'Writes a note.',
      input: Text,
      output: z.void(),
      policy: {
        allow: 'user',
        idempotent: 'optional',
        invalidates: ({ input }) => [noteTag(input.id)],
      },
      run: ({ ctx, input }) => writeNote(ctx.db, input),
    }),
    writeOrNot: mutation({
      summary: 'Writes a note, and then fails.',
      input: Text,
      output: z.void(),
      policy: { allow: 'user' },
      async run({ ctx, input }) {
        await writeNote(ctx.db, input)
        await ctx.cache.invalidate([noteTag(input.id)])
        throw new Failure(commonErrors.FORBIDDEN)
      },
    }),
    writeAgain: mutation({
      summary: 'Is told to try again, and then writes another note.',
      input: z.strictObject({ first: z.string(), second: z.string() }),
      output: z.void(),
      policy: { allow: 'user' },
      async run({ ctx, input: { first, second } }) {
        const isFirst = count(`again ${first}`).get(`again ${first}`) === 1
        await ctx.cache.invalidate([noteTag(isFirst ? first : second)])
        await writeNote(ctx.db, { id: isFirst ? first : second, text: 'again' })
        if (isFirst) {
          await sql`do $$ begin raise exception 'again' using errcode = '40001'; end $$`.execute(
            ctx.db,
          )
        }
      },
    }),
    writeBoth: mutation({
      summary: 'Writes two notes, in transactions side by side.',
      input: z.strictObject({ ids: z.array(z.string()) }),
      output: z.void(),
      policy: { allow: 'user', transaction: 'none' },
      async run({ ctx, input: { ids } }) {
        const begun = Promise.withResolvers<void>()
        let missing = ids.length
        const writeOne = (id: string) =>
          ctx.transaction(async (db) => {
            await ctx.cache.invalidate([noteTag(id)])
            if (--missing === 0) begun.resolve()
            await begun.promise
            await writeNote(db, { id, text: 'both' })
          })
        await Promise.all(ids.map(writeOne))
      },
    }),
  }
  const who = {
    ...scoped('public'),
    ...scoped('tenant'),
    ...scoped('caller'),
    pages: query({
      summary: 'Gives a cursor, and opens it.',
      input: z.strictObject({ cursor: z.string().optional() }),
      output: z.object({ cursor: z.string(), opened: z.boolean() }),
      policy: { allow: 'user', cache: { ttlMs: MINUTE_MS, scope: 'tenant' } },
      async run({ ctx, input: { cursor } }) {
        const cursors = ctx.cursors({})
        if (cursor !== undefined) cursors.open(cursor)
        return { cursor: cursors.seal(['1']), opened: cursor !== undefined }
      },
    }),
  }
  const app = defineApp({
    name: 'notes',
    version: '1.0.0',
    features: { note: { router: note }, who: { router: who } },
    identity: () => null,
    migrations: new URL('./no-migrations.fixture/', import.meta.url),
  })
  /** How often a procedure has run for an id. */
  return { app, runsOf: (name: string) => runs.get(name) ?? 0 }
}

export type CachedApp = ReturnType<typeof createCachedApp>['app']

/** One query for each scope, that tells what its handler knows of the caller. */
function scoped<S extends 'public' | 'tenant' | 'caller'>(scope: S) {
  const tell = query({
    summary: 'What the handler knows of the caller.',
    output: Seen,
    policy: { allow: 'public', cache: { ttlMs: MINUTE_MS, scope } },
    async run({ ctx }) {
      const { principal, address, cookies } = ctx
      const personal = { address, cookie: cookies.get('mine'), session: principal?.sessionId }
      const knows = Object.entries(personal).filter(([, value]) => Boolean(value))
      return { userId: principal?.userId ?? null, knows: knows.map(([name]) => name) }
    },
  })
  // oxlint-disable-next-line typescript/consistent-type-assertions -- the one name that `scope` is
  return { [scope]: tell } as Record<S, typeof tell>
}

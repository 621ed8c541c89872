import { sql, type RawBuilder } from 'kysely'
import { z } from 'zod'

import { defineApp } from '../app-definition.ts'
import type { Db } from '../db/database.ts'
import { mutation, query } from '../rpc/define.ts'
import { exportRows } from './definition.ts'

/** How many parts there are: together more than a network holds by itself. */
export const PARTS = 40_000

const NOTE_LENGTH = 700

/** The key of an advisory lock; who holds it keeps some exports waiting. */
export const GATE = 7

/** How many rows of `gated` come before the gate. */
export const BEFORE_GATE = 1_000

/** The row of `failing` that cannot be read. */
export const BAD_ROW = 30_000

/** The number of a part as text, so that its order is that of the numbers. */
const Id = z.string().regex(/^\d{6}$/)

type After = { readonly id: string } | undefined

/** Parts up to a number. What is told of one is made when it is fetched. */
function selectParts(db: Db, after: After, { to, note }: { to: number; note: RawBuilder<string> }) {
  const numbers = sql<{
    n: number
  }>`generate_series(${Number(after?.id ?? 0) + 1}::int, ${to}::int)`
  return db
    .selectFrom(numbers.as<'part'>(sql`part(n)`))
    .select([sql<string>`lpad(part.n::text, 6, '0')`.as('id'), note.as('note')])
}

const long = sql<string>`repeat(chr(97 + part.n % 26), ${NOTE_LENGTH})`
/** Waits for the gate as long as any statement may, and not as briefly as for a lock. */
const waited = sql`left(
  set_config('lock_timeout', '0', true) || pg_advisory_xact_lock_shared(${GATE})::text, 0)`
const gated = sql<string>`case when part.n > ${BEFORE_GATE} then ${waited} else 'before' end`
const bad = sql<string>`(1 / (part.n - ${BAD_ROW}))::text || repeat('x', ${NOTE_LENGTH})`

const shared = { columns: ['id', 'note'], position: { id: Id } } as const

const exports = {
  parts: exportRows({
    ...shared,
    summary: 'All parts.',
    policy: { allow: 'user' },
    rows: (db, { after }) => selectParts(db, after, { to: PARTS, note: long }),
  }),
  hurried: exportRows({
    ...shared,
    summary: 'All parts, for readers who take them.',
    policy: { allow: 'user', stallTimeoutMs: 500 },
    rows: (db, { after }) => selectParts(db, after, { to: PARTS, note: long }),
  }),
  gated: exportRows({
    ...shared,
    summary: 'Parts of which only the first can be had while somebody holds the gate.',
    policy: { allow: 'user' },
    rows: (db, { after }) => selectParts(db, after, { to: BEFORE_GATE + 100, note: gated }),
  }),
  closed: exportRows({
    ...shared,
    summary: 'Parts that cannot be had at all while somebody holds the gate.',
    policy: { allow: 'user' },
    rows: (db) =>
      selectParts(db, { id: String(BEFORE_GATE) }, { to: BEFORE_GATE + 1, note: gated }),
  }),
  failing: exportRows({
    ...shared,
    summary: 'Parts of which one cannot be read.',
    policy: { allow: 'user' },
    rows: (db, { after }) => selectParts(db, after, { to: PARTS, note: bad }),
  }),
  few: exportRows({
    summary: 'Few parts, for admins who are still, and three times in a minute.',
    policy: {
      allow: { role: 'admin' },
      fresh: true,
      limit: { amount: 3, windowMs: 60_000, by: 'caller' },
    },
    columns: ['id'],
    position: { id: Id },
    rows: (db, { after }) => selectParts(db, after, { to: 2, note: long }),
  }),
  none: exportRows({
    ...shared,
    summary: 'No parts.',
    policy: { allow: 'public' },
    rows: (db) => selectParts(db, undefined, { to: 0, note: long }),
  }),
}

const Many = z.strictObject({ count: z.int(), note: z.string() })
const Parts = z.array(z.object({ id: z.int(), note: z.string() }))

const makeParts = ({ count, note }: z.output<typeof Many>) =>
  Array.from({ length: count }, (_, id) => ({ id, note }))

const all = query({
  summary: 'Many parts at once.',
  input: Many,
  output: Parts,
  policy: { allow: 'user', cache: { ttlMs: 60_000, scope: 'caller' } },
  run: async ({ input }) => makeParts(input),
})

const build = mutation({
  summary: 'Builds a house, which is there as a table, and tells its parts.',
  input: Many,
  output: Parts,
  policy: { allow: 'user', idempotent: 'optional' },
  async run({ ctx, input }) {
    await sql`create table house ()`.execute(ctx.db)
    return makeParts(input)
  },
})

export const partsApp = defineApp({
  name: 'parts',
  version: '1.0.0',
  features: { parts: { router: { all, build }, exports } },
  identity: () => null,
  migrations: new URL('../rpc/no-migrations.fixture/', import.meta.url),
})

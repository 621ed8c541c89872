import { z } from 'zod'

import {
  defineApp,
  defineError,
  Failure,
  mutation,
  query,
  type Db,
  type Feature,
  type GivenParts,
} from '@tautline/kit'

declare module '@tautline/kit' {
  interface Database {
    effect: { caller: string; key: string; token: string }
    careless_outcome: { caller: string; key: string; token: string }
  }
}

/** Told where a keyed call is. */
export type Reached = GivenParts['keyedCallObserver']

const NOT_TODAY = defineError('NOT_TODAY', {
  code: 'CONFLICT',
  message: 'It was decided that this is not done.',
  data: z.object({ token: z.string(), at: z.date() }),
})

/** The key travels in the input as well: effects are counted by it. */
const ApplyInput = z.strictObject({ key: z.string(), refuse: z.boolean(), napMs: z.int() })
const Applied = z.object({ token: z.string(), at: z.date(), large: z.bigint() })

type Apply = z.output<typeof ApplyInput>

const napFor = (db: Db, ms: number) =>
  db.selectNoFrom((of) => of.fn('pg_sleep', [of.val(ms / 1_000)]).as('nap')).execute()

const toAnswer = (token: string) => ({ token, at: new Date(0), large: 2n ** 70n })

/** A row that no two calls share. Nothing but the caller of this makes sure that there is one. */
async function insertEffect(db: Db, caller: string, { key, napMs }: Apply): Promise<string> {
  const token = crypto.randomUUID()
  await db.insertInto('effect').values({ caller, key, token }).execute()
  if (napMs > 0) await napFor(db, napMs)
  return token
}

const apply = mutation({
  summary: 'Makes an effect, once for each key.',
  input: ApplyInput,
  output: Applied,
  errors: [NOT_TODAY],
  policy: { allow: 'user', idempotent: 'required' },
  async run({ ctx, input }) {
    const token = await insertEffect(ctx.db, ctx.principal.userId, input)
    if (input.refuse) throw new Failure(NOT_TODAY, { data: { token, at: new Date() } })
    return toAnswer(token)
  },
})

/** What is done where nobody has thought about it: the outcome is kept once the work is committed. */
const applyCarelessly = (reached: Reached) =>
  mutation({
    summary: 'Makes an effect, and notes that in a second transaction.',
    input: ApplyInput,
    output: Applied,
    policy: { allow: 'user', transaction: 'none' },
    async run({ ctx, input }) {
      const { key } = input
      const caller = ctx.principal.userId
      reached('before-claim')
      const known = await findOutcome(ctx.db, caller, key)
      if (known) return toAnswer(known.token)
      reached('after-claim')
      const token = await ctx.transaction(async (db) => {
        const made = await insertEffect(db, caller, input)
        reached('after-work')
        reached('before-commit')
        return made
      })
      reached('after-commit')
      reached('before-store')
      await ctx.transaction((db) =>
        db
          .insertInto('careless_outcome')
          .values({ caller, key, token })
          .onConflict((conflict) => conflict.doNothing())
          .execute(),
      )
      reached('after-store')
      reached('before-response')
      return toAnswer((await findOutcome(ctx.db, caller, key))?.token ?? token)
    },
  })

function findOutcome(db: Db, caller: string, key: string) {
  return db
    .selectFrom('careless_outcome')
    .select('token')
    .where('caller', '=', caller)
    .where('key', '=', key)
    .executeTakeFirst()
}

const ping = query({
  summary: 'Asks the database for nothing much.',
  output: z.literal('pong'),
  policy: { allow: 'user' },
  async run({ ctx }) {
    await napFor(ctx.db, 0)
    return 'pong' as const
  },
})

const migrations: Feature['migrations'] = {
  '2026-11-22-effects': {
    async up(db) {
      const tableOf = (name: string) =>
        db.schema
          .createTable(name)
          .addColumn('caller', 'text', (column) => column.notNull())
          .addColumn('key', 'text', (column) => column.notNull())
          .addColumn('token', 'text', (column) => column.notNull())
      await tableOf('effect').execute() // no primary key: what is done twice is there twice
      const outcomes = tableOf('careless_outcome')
      await outcomes.addPrimaryKeyConstraint('one_outcome', ['caller', 'key']).execute()
    },
  },
}

/** A backend that counts what was done under each key. `reached` is told of the careless one's way. */
export const createEffectsApp = (reached: Reached) =>
  defineApp({
    name: 'effects',
    version: '1.0.0',
    features: {
      effects: { router: { apply, applyCarelessly: applyCarelessly(reached), ping }, migrations },
    },
    identity: ({ headers: { 'x-user': userId } }) =>
      typeof userId === 'string' ? { userId, roles: [], scopes: [] } : null,
    migrations: new URL('../client-session/no-migrations/', import.meta.url),
  })

/** For the command that migrates. */
export const app = createEffectsApp(() => {})

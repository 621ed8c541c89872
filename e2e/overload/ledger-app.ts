import { z } from 'zod'

import { defineApp, query, type CallContext, type QueryPolicy } from '@tautline/kit'

declare module '@tautline/kit' {
  interface Database {
    entry: EntryTable
  }
}

interface EntryTable {
  account: number
  amount: number
}

/** Makes the table, so large that one balance takes some milliseconds of a core. */
export const MAKE_TABLE = `
  create table entry as
    select n % 100 as account, n % 1000 as amount from generate_series(1, 100000) as n;
  analyze entry`

const Balance = z.object({ entries: z.int() })

async function readBalance({ db }: CallContext<null>): Promise<z.input<typeof Balance>> {
  const { entries } = await db
    .selectFrom('entry')
    .select(({ fn }) => fn.countAll<bigint>().as('entries'))
    .where('amount', '>', 500)
    .where('account', '<', 90)
    .executeTakeFirstOrThrow()
  return { entries: Number(entries) }
}

const balanceOf = (policy: Pick<QueryPolicy, 'priority'>) =>
  query({
    summary: 'Reads a large part of the table.',
    output: Balance,
    policy: { allow: 'public', ...policy },
    run: ({ ctx }) => readBalance({ ...ctx, principal: null }),
  })

/** What a backend is short of when its database is the bottleneck. */
const ledger = {
  critical: balanceOf({ priority: 'critical' }),
  normal: balanceOf({ priority: 'normal' }),
  sheddable: balanceOf({ priority: 'sheddable' }),

  hold: query({
    summary: 'Keeps its place until its caller leaves.',
    output: z.void(),
    policy: { allow: 'public', priority: 'critical', timeoutMs: 600_000 },
    run: ({ ctx: { signal } }) =>
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
  }),
}

/** A backend whose calls are all as dear to the database, and of different importance. */
export const ledgerApp = defineApp({
  name: 'ledger',
  version: '1.0.0',
  features: { ledger: { router: ledger } },
  identity: () => null,
  migrations: new URL('./no-migrations/', import.meta.url),
})

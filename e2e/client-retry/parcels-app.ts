import { z } from 'zod'

import { defineApp, mutation, query, type Db } from '@tautline/kit'
import { sleep } from '@tautline/shared'

declare module '@tautline/kit' {
  interface Database {
    parcel: { id: string; recipient: string }
  }
}

const sending = {
  input: z.strictObject({ recipient: z.string() }),
  output: z.object({ id: z.string() }),
} as const

function insertParcel(db: Db, { recipient }: { readonly recipient: string }) {
  const parcel = { id: crypto.randomUUID(), recipient }
  return db.insertInto('parcel').values(parcel).returning('id').executeTakeFirstOrThrow()
}

const send = mutation({
  summary: 'Sends a parcel, once for each key.',
  ...sending,
  policy: { allow: 'user', idempotent: 'optional' },
  run: ({ ctx, input }) => insertParcel(ctx.db, input),
})

const sendDear = mutation({
  summary: 'Sends a dear parcel, and never without a key.',
  ...sending,
  policy: { allow: 'user', idempotent: 'required' },
  run: ({ ctx, input }) => insertParcel(ctx.db, input),
})

const drop = mutation({
  summary: 'Sends a parcel each time that it is called.',
  ...sending,
  policy: { allow: 'user' },
  run: ({ ctx, input }) => insertParcel(ctx.db, input),
})

const rare = query({
  summary: 'Answers once in a while.',
  output: z.literal(true),
  policy: { allow: 'user', limit: { by: 'caller', amount: 1, windowMs: 600 } },
  run: async () => true as const,
})

const wait = query({
  summary: 'Takes longer than anybody waits.',
  output: z.literal(true),
  policy: { allow: 'user', timeoutMs: 60_000 },
  async run({ ctx: { signal } }) {
    await sleep(60_000, { signal })
    return true as const
  },
})

/** A backend that keeps what was sent in the table `parcel`. Everybody is Anna. */
export const parcelsApp = defineApp({
  name: 'parcels',
  version: '1.0.0',
  features: { parcels: { router: { send, sendDear, drop, rare, wait } } },
  identity: () => ({ userId: 'anna', roles: [], scopes: [] }),
  migrations: new URL('./no-migrations/', import.meta.url),
})

export type ParcelsRouter = typeof parcelsApp.router

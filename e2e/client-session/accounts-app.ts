import { z } from 'zod'

import { commonErrors, defineApp, Failure, mutation, query } from '@tautline/kit'

import { createTokenBook, createTokenRouter } from './token-book.ts'

const createNotesRouter = (ranBy: string[]) => ({
  whose: query({
    summary: 'Who calls.',
    output: z.string(),
    policy: { allow: 'user' },
    run: async ({ ctx }) => ctx.principal.userId,
  }),
  write: mutation({
    summary: 'Leaves a trace of each run.',
    output: z.string(),
    policy: { allow: 'user' },
    async run({ ctx }) {
      ranBy.push(ctx.principal.userId)
      return ctx.principal.userId
    },
  }),
  wrong: query({
    summary: 'Is refused whatever the caller brings.',
    output: z.string(),
    policy: { allow: 'public' },
    run: () => Promise.reject(new Failure(commonErrors.UNAUTHENTICATED)),
  }),
  take: mutation({
    summary: 'Takes a text.',
    input: z.strictObject({ text: z.string() }),
    output: z.literal(true),
    policy: { allow: 'public' },
    run: async () => true as const,
  }),
})

/** A backend whose tokens live and end as a test says. */
export function createAccountsApp() {
  const ranBy: string[] = []
  const book = createTokenBook()
  const app = defineApp({
    name: 'accounts',
    version: '1.0.0',
    features: {
      auth: { router: createTokenRouter(book) },
      notes: { router: createNotesRouter(ranBy) },
    },
    identity: book.identity,
    migrations: new URL('./no-migrations/', import.meta.url),
  })
  /** `ranBy`: who ran `notes.write`, run by run. */
  return { ...book, app, ranBy }
}

export type AccountsRouter = ReturnType<typeof createAccountsApp>['app']['router']

import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { safe } from '@tautline/client'
import { commonErrors, Failure } from '@tautline/shared'

import { defineApp } from './app-definition.ts'
import { auth } from './features/auth/auth.ts'
import { bearerIdentity } from './features/auth/identity.ts'
import { tasks } from './features/tasks/tasks.ts'
import { task } from './tasks/definition.ts'
import { startTestServer, type TestServer } from './testing/index.ts'

const greet = task({
  name: 'greet.user',
  summary: 'Greets somebody.',
  input: z.strictObject({ userId: z.string() }),
  output: z.void(),
  run: async () => {},
})

const app = defineApp({
  name: 'greeting',
  version: '0.0.0',
  features: {
    auth: auth({
      cookies: {},
      async onRegister({ ctx, user }) {
        await ctx.enqueue(greet, { userId: user.id })
        if (user.name === 'Unwanted') throw new Failure(commonErrors.FORBIDDEN)
      },
    }),
    greet: { router: {}, tasks: [greet] },
    tasks: tasks(),
  },
  identity: bearerIdentity(),
  migrations: new URL('./rpc/no-migrations.fixture/', import.meta.url),
})

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app, { worker: false })
})
afterAll(() => server[Symbol.asyncDispose]())

let accounts = 0
const newAccount = (name = 'User') => ({
  email: `user${++accounts}@example.com`,
  name,
  password: 'correct horse battery',
})

/** Whose task there is for each user who was greeted. */
async function greeted() {
  const rows = await server.app.resources.db
    .selectFrom('tautline.task')
    .select(['owner', 'input'])
    .execute()
  return rows.map(({ owner, input }) => ({ owner, of: /"userId":"([^"]+)"/.exec(input)?.[1] }))
}

test('what is enqueued with a sign-up is there once, and the backend’s own', async () => {
  const before = await greeted()
  const account = newAccount()
  const attempts = await Promise.all(
    Array.from({ length: 3 }, () => safe(server.client().auth.register.mutate(account))),
  )
  const ids = attempts.flatMap(([session]) => (session ? [session.user.id] : []))
  expect(ids).toHaveLength(1)
  expect((await greeted()).slice(before.length)).toEqual([{ owner: null, of: ids[0] }])
})

test('a sign-up with cookies takes it along too', async () => {
  const before = await greeted()
  const { user } = await server.client().auth.registerWithCookie.mutate(newAccount())
  expect((await greeted()).slice(before.length)).toEqual([{ owner: null, of: user.id }])
})

test('a sign-up that was refused leaves neither an account nor a task', async () => {
  const before = await greeted()
  const account = newAccount('Unwanted')
  const [, refusal] = await safe(server.client().auth.register.mutate(account))
  expect(refusal?.reason).toBe('FORBIDDEN')
  const { email, password } = account
  const [, unknown] = await safe(server.client().auth.login.mutate({ email, password }))
  expect(unknown?.reason).toBe('WRONG_CREDENTIALS')
  expect(await greeted()).toEqual(before)
})

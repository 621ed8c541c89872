import { z } from 'zod'

import { createClient, safe } from '@tautline/client'

import { defineApp } from '../../app-definition.ts'
import { httpConfig } from '../../http/http-config.fixture.ts'
import { query, subscription } from '../../rpc/define.ts'
import { startTestServer, type TestServerOptions } from '../../testing/index.ts'
import { auth } from './auth.ts'
import { bearerIdentity } from './identity.ts'
import type { PasswordReset } from './reset-message.ts'

const Caller = z.object({
  userId: z.string(),
  sessionId: z.string().optional(),
  roles: z.array(z.string()).readonly(),
  scopes: z.array(z.string()).readonly(),
})

const whoAmI = { summary: 'Who calls.', output: Caller } as const

const probe = {
  plain: query({ ...whoAmI, policy: { allow: 'user' }, run: async ({ ctx }) => ctx.principal }),
  fresh: query({
    ...whoAmI,
    policy: { allow: 'user', fresh: true },
    run: async ({ ctx }) => ctx.principal,
  }),
  reading: query({
    ...whoAmI,
    policy: { allow: { scope: 'items:read' } },
    run: async ({ ctx }) => ctx.principal,
  }),
  writing: query({
    ...whoAmI,
    policy: { allow: { scope: 'items:write' } },
    run: async ({ ctx }) => ctx.principal,
  }),
  forAdmins: query({
    ...whoAmI,
    policy: { allow: { role: 'admin' } },
    run: async ({ ctx }) => ctx.principal,
  }),
  waiting: subscription({
    summary: 'Nothing, for as long as its caller is believed.',
    output: z.never(),
    policy: { allow: 'user' },
    // oxlint-disable-next-line eslint/require-yield -- nothing is what it tells
    async *run({ ctx: { signal } }) {
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }))
    },
  }),
}

export const password = 'correct horse battery'

/** A backend with accounts whose resets go to `send`. */
export function accountsApp(send: (message: PasswordReset) => Promise<void>) {
  return defineApp({
    name: 'accounts',
    version: '0.0.0',
    features: {
      auth: auth({ sendPasswordReset: send, scopes: ['items:read', 'items:write'] }),
      probe: { router: probe },
    },
    identity: bearerIdentity(),
    migrations: new URL('../../rpc/no-migrations.fixture/', import.meta.url),
  })
}

/** It runs, with a clock that stands until it is moved. Whoever calls does so from elsewhere. */
export async function startAccounts(options: TestServerOptions = {}) {
  let now = new Date()
  let accounts = 0
  let addresses = 0
  const sent: PasswordReset[] = []
  const app = accountsApp(async (message) => {
    sent.push(message)
    if (message.email.startsWith('unreachable')) throw new Error('the mailbox is full')
  })
  const server = await startTestServer(app, {
    clock: { now: () => now },
    config: { http: httpConfig({ trustedProxies: ['127.0.0.1'] }) },
    ...options,
  })
  const { db } = server.app.resources
  const nobody = server.client()
  /** A client behind the proxy that the server trusts. */
  const at = (address: string) =>
    createClient<(typeof app)['router']>({
      url: `${server.url}/rpc`,
      retry: false,
      headers: () => ({ 'x-forwarded-for': address }),
    })
  const elsewhere = () => `10.0.${addresses >> 8}.${addresses++ & 255}`
  return {
    server,
    db,
    nobody,
    at,
    sent,
    now: () => now,
    pass: (ms: number) => {
      now = new Date(now.getTime() + ms)
    },
    as: (token: string) => server.client({ auth: () => token }),
    register: (email = `user${++accounts}@example.com`) =>
      at(elsewhere()).auth.register.mutate({ email, name: 'User', password }),
    login: (email: string, tried = password, address = elsewhere()) =>
      safe(at(address).auth.login.mutate({ email, password: tried })),
    refresh: (refreshToken: string) => safe(nobody.auth.refresh.mutate({ refreshToken })),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

export type Accounts = Awaited<ReturnType<typeof startAccounts>>

/** The reason of a call's failure; undefined when it succeeded. */
export async function reasonOf(call: Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await call.then(
    () => undefined,
    (caught: unknown) => caught,
  )
  return error instanceof Error && 'reason' in error ? String(error.reason) : undefined
}

import { z } from 'zod'

import { safe } from '@tautline/client'

import { auth, bearerIdentity, defineApp, firstIdentity, oidcIdentity, query } from '../index.ts'
import type { OidcOptions } from '../index.ts'
import { startTestServer } from '../testing/index.ts'
import { AUDIENCE } from './issuer.fixture.ts'

const Caller = z.object({
  userId: z.string(),
  tenantId: z.string().optional(),
  issuer: z.string().optional(),
  roles: z.array(z.string()).readonly(),
  scopes: z.array(z.string()).readonly(),
})

const probe = {
  whoAmI: query({
    summary: 'Who calls.',
    output: Caller,
    policy: { allow: 'user' },
    run: async ({ ctx }) => ctx.principal,
  }),
  fresh: query({
    summary: 'For callers whose session holds this moment.',
    output: z.literal(true),
    policy: { allow: 'user', fresh: true },
    run: async () => true as const,
  }),
  page: query({
    summary: 'Gives a cursor, and opens one.',
    input: z.strictObject({ cursor: z.string().optional() }),
    output: z.string(),
    policy: { allow: 'user' },
    async run({ ctx, input }) {
      const cursors = ctx.cursors({})
      return input.cursor === undefined ? cursors.seal(['1']) : cursors.open(input.cursor).join()
    },
  }),
}

/** A backend with accounts of its own that also believes an issuer, and a clock that is moved. */
export async function startOidcApp(issuer: string, options: Partial<OidcOptions> = {}) {
  let now = new Date()
  const app = defineApp({
    name: 'oidc',
    version: '0.0.0',
    features: { auth: auth(), probe: { router: probe } },
    identity: firstIdentity(
      bearerIdentity(),
      oidcIdentity({ issuer, audience: AUDIENCE, ...options }),
    ),
    migrations: new URL('../rpc/no-migrations.fixture/', import.meta.url),
  })
  const server = await startTestServer(app, { clock: { now: () => now } })
  const as = (token: string) => server.client({ auth: () => token })
  return {
    server,
    as,
    pass: (ms: number) => {
      now = new Date(now.getTime() + ms)
    },
    /** Why a token is refused, or whom it makes of its bearer. */
    async whois(token: string) {
      const [caller, error] = await safe(as(token).probe.whoAmI.query())
      return error ? error.reason : caller
    },
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
}

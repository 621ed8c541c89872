import { z } from 'zod'

import { defineApp } from '../app-definition.ts'
import type { Limits } from '../policies/rate-limit/limits.ts'
import { mutation, query, subscription } from './define.ts'
import type { LimitUse, Policy } from './policy.ts'

/** So long that nothing comes back while a test runs. */
const windowMs = 3_600_000

const read = (limit: LimitUse | readonly LimitUse[], policy: Partial<Policy> = {}) =>
  query({
    summary: 'Answers as often as it may.',
    output: z.literal('read'),
    policy: { allow: 'user', ...policy, limit },
    run: async () => 'read' as const,
  })

/** What has run, in the order in which it ran. */
export const ran: string[] = []

const limited = {
  few: read('few'),
  fewToo: read('few'),
  fewAndOwn: read(['few', { amount: 1, windowMs, by: 'caller' }]),
  ownTwice: read([
    { amount: 5, windowMs, by: 'caller' },
    { amount: 2, windowMs, by: 'tenant' },
  ]),
  byTenant: read('tenant'),
  byAddress: read('address', { allow: 'public' }),
  byCallerOrAddress: read('few', { allow: 'public' }),
  costly: read('ten', { cost: 4 }),
  quick: read({ amount: 1, windowMs: 2_000, by: 'caller' }),
  free: query({
    summary: 'Has no limit.',
    output: z.literal('free'),
    policy: { allow: 'user' },
    run: async () => 'free' as const,
  }),

  byNumber: mutation({
    summary: 'Costs the same, whatever comes.',
    input: z.strictObject({ rows: z.array(z.int()).max(20) }),
    output: z.literal(true),
    policy: { allow: 'user', limit: 'ten', cost: 3 },
    run: async () => true as const,
  }),

  byInput: mutation({
    summary: 'Costs as many units as it has rows.',
    input: z.strictObject({ rows: z.array(z.int()).min(1).max(20) }),
    output: z.literal(true),
    policy: { allow: 'user', limit: 'ten', cost: ({ rows }) => rows.length },
    async run({ ctx }) {
      ran.push(ctx.principal.userId)
      return true as const
    },
  }),

  byUnits: mutation({
    summary: 'Costs as many units as it is told.',
    input: z.strictObject({ units: z.number() }),
    output: z.literal(true),
    policy: { allow: 'user', limit: 'ten', cost: ({ units }) => units },
    run: async () => true as const,
  }),

  ticks: subscription({
    summary: 'Sends one event.',
    output: z.object({ n: z.int() }),
    policy: { allow: 'user', limit: 'few' },
    async *run() {
      yield { n: 1 }
    },
  }),
}

/** A backend with a procedure for each way to be limited. */
export const limitApp = defineApp({
  name: 'limited',
  version: '1.0.0',
  features: { limited: { router: limited } },
  limits: {
    few: { amount: 3, windowMs, by: 'caller' },
    ten: { amount: 10, windowMs, by: 'caller' },
    tenant: { amount: 3, windowMs, by: 'tenant' },
    address: { amount: 2, windowMs, by: 'address' },
  },
  identity: () => null,
  migrations: new URL('./no-migrations.fixture/', import.meta.url),
})

/** A backend whose one procedure has such a limit. Throws when that contradicts itself. */
export function withLimit(
  limit: LimitUse | readonly LimitUse[],
  limits: Limits = {},
  policy: Partial<Policy> = {},
) {
  return defineApp({
    name: 'probe',
    version: '1.0.0',
    features: { probe: { router: { read: read(limit, policy) } } },
    limits,
    identity: () => null,
    migrations: new URL('./no-migrations.fixture/', import.meta.url),
  })
}

/** The tests are the proxy, so that they come from wherever they say. */
export const behindProxy = {
  hosts: undefined,
  corsOrigins: [],
  corsCredentials: false,
  hsts: false,
  trustedProxies: ['127.0.0.1'],
  headersTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
}

import {
  createTRPCClient,
  httpBatchLink,
  httpBatchStreamLink,
  httpLink,
  isTRPCClientError,
  type TRPCLink,
} from '@trpc/client'
import superjson from 'superjson'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app, FEW } from './effects-app.ts'
import { signUp } from './flood.ts'

type Router = (typeof app)['router']

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

interface LinkOptions {
  url: string
  transformer: typeof superjson
  headers: { authorization: string }
  fetch: (url: string | URL | Request, init?: object) => Promise<Response>
}

/** How the answer to the refused calls comes: for each its own, one for all, or before they end. */
const links: [name: string, link: (options: LinkOptions) => TRPCLink<Router>, status: number][] = [
  ['httpLink', (options) => httpLink(options), 429],
  ['httpBatchLink', (options) => httpBatchLink(options), 207],
  ['httpBatchStreamLink', (options) => httpBatchStreamLink(options), 200],
]

const Refusal = z.strictObject({
  reason: z.literal('RATE_LIMITED'),
  requestId: z.uuid(),
  retryable: z.literal(true),
  retryAfterMs: z
    .int()
    .min(1)
    .max(FEW.windowMs / FEW.amount),
})

describe.each(links)('a stock tRPC client with %s', (name, link, status) => {
  test('gets as many answers as it may, and to each other call when to come again', async () => {
    const token = await signUp(server.url, name)
    const answers: Response[] = []
    const client = createTRPCClient<Router>({
      links: [
        link({
          url: `${server.url}/rpc`,
          transformer: superjson,
          headers: { authorization: `Bearer ${token}` },
          async fetch(url, init) {
            const answer = await fetch(url, init)
            answers.push(answer)
            return answer
          },
        }),
      ],
    })
    const calls = Array.from({ length: FEW.amount + 3 }, () =>
      client.effects.addFew.mutate({ way: name }),
    )
    const settled = await Promise.allSettled(calls)
    expect(settled.filter((call) => call.status === 'fulfilled')).toHaveLength(FEW.amount)
    for (const call of settled.filter((each) => each.status === 'rejected')) {
      if (!isTRPCClientError<Router>(call.reason)) throw call.reason
      Refusal.parse(call.reason.data)
    }
    const refused = answers.filter((answer) => answer.status === status)
    expect(refused.length).toBeGreaterThan(0)
    for (const { headers } of refused) {
      expect(headers.has('retry-after')).toBe(status === 429)
      expect(headers.get('ratelimit')?.startsWith('"few";r=0;t=') ?? false).toBe(status !== 200)
    }
  })
})

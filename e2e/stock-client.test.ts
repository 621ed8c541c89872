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

import { startTestServer, type TestServer } from '@tautline/kit/testing'
import { app } from '@tautline/server/app'
import type { AppRouter } from '@tautline/server/router-type'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

interface LinkOptions {
  url: string
  transformer: typeof superjson
  headers: () => Record<string, string>
}

const links: [name: string, link: (options: LinkOptions) => TRPCLink<AppRouter>][] = [
  ['httpLink', (options) => httpLink(options)],
  ['httpBatchLink', (options) => httpBatchLink(options)],
  ['httpBatchStreamLink', (options) => httpBatchStreamLink(options)],
]

describe.each(links)('a stock tRPC client with %s', (_, link) => {
  let token = ''
  const headers = (): Record<string, string> => (token ? { authorization: `Bearer ${token}` } : {})
  const client = () =>
    createTRPCClient<AppRouter>({
      links: [link({ url: `${server.url}/rpc`, transformer: superjson, headers })],
    })

  test('registers, writes, reads and batches', async () => {
    const email = `${crypto.randomUUID()}@example.com`
    const registered = await client().auth.register.mutate({
      email,
      name: 'Anna',
      password: 'correct horse battery',
    })
    token = registered.accessToken
    expect(registered.expiresAt).toBeInstanceOf(Date)
    const created = await client().items.create.mutate({ sku: 'a', name: 'A', priceMinor: 7n })
    const [got, page, me] = await Promise.all([
      client().items.get.query({ id: created.id }),
      client().items.list.query(),
      client().auth.me.query(),
    ])
    expect(got).toEqual(created)
    expect(page.items).toEqual([created])
    expect(me.email).toBe(email)
  })

  test('reads the reason of an error', async () => {
    const error: unknown = await client()
      .items.get.query({ id: crypto.randomUUID() })
      .catch((caught: unknown) => caught)
    expect(isTRPCClientError<AppRouter>(error) && error.data).toMatchObject({
      reason: 'ITEM_NOT_FOUND',
      retryable: false,
    })
  })

  test('reads the error of a request that was refused before any procedure', async () => {
    const huge = client().items.create.mutate({
      sku: 'a',
      name: 'x'.repeat(1_100_000),
      priceMinor: 1n,
    })
    const error: unknown = await huge.catch((caught: unknown) => caught)
    expect(isTRPCClientError<AppRouter>(error) && error.data).toMatchObject({
      reason: 'PAYLOAD_TOO_LARGE',
    })
  })
})

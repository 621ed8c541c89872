import { describe, expect, test } from 'vitest'
import { z } from 'zod'

import { commonErrors, Failure } from '@tautline/shared'

import { defineApp } from './app-definition.ts'
import { startUpstream } from './policies/outgoing/upstream.fixture.ts'
import { mutation } from './rpc/define.ts'
import { startTestServer } from './testing/index.ts'

const input = z.strictObject({ url: z.string() })
const output = z.object({ status: z.int() })

const outside = {
  inTransaction: mutation({
    summary: 'Calls out in the transaction of the handler.',
    input,
    output,
    policy: { allow: 'public' },
    run: ({ ctx, input: { url } }) => ctx.outgoing.fetch(url),
  }),
  inOwnTransaction: mutation({
    summary: 'Calls out in a transaction that the handler has opened.',
    input,
    output,
    policy: { allow: 'public', transaction: 'none' },
    run: ({ ctx, input: { url } }) => ctx.transaction(() => ctx.outgoing.fetch(url)),
  }),
  afterTransaction: mutation({
    summary: 'Calls out when the transaction has ended.',
    input,
    output,
    policy: { allow: 'public', transaction: 'none' },
    async run({ ctx, input: { url } }) {
      await ctx.transaction(async () => {})
      return ctx.outgoing.fetch(url)
    },
  }),
  beforeFailure: mutation({
    summary: 'Calls out, and fails for a reason of its own in a way that may be tried again.',
    input: input.extend({ method: z.enum(['GET', 'POST']) }),
    output,
    policy: { allow: 'public', transaction: 'none' },
    async run({ ctx, input: { url, method } }) {
      await ctx.outgoing.fetch(url, { method }).catch(() => {}) // how it ended is no matter here
      throw new Failure(commonErrors.UNAVAILABLE)
    },
  }),
}

const app = defineApp({
  name: 'outgoing',
  version: '0.0.0',
  features: { outside: { router: outside } },
  identity: () => null,
  migrations: new URL('./rpc/no-migrations.fixture/', import.meta.url),
})

test('a handler calls out before and after a transaction, and never in one', async () => {
  await using upstream = await startUpstream((_, response) => response.end())
  await using server = await startTestServer(app, {
    config: { outgoing: { allow: [upstream.host] } },
  })
  const client = server.client()
  const to = { url: upstream.url }
  for (const procedure of [client.outside.inTransaction, client.outside.inOwnTransaction]) {
    await expect(procedure.mutate(to)).rejects.toMatchObject({ reason: 'INTERNAL' })
  }
  expect(upstream.requests).toHaveLength(0)
  expect(JSON.stringify(server.logs)).toContain('inside a transaction')
  expect(await client.outside.afterTransaction.mutate(to)).toEqual({ status: 200 })
  expect(upstream.requests).toHaveLength(1)
})

describe('a mutation that called out and then fails', () => {
  const UNKNOWN = { reason: 'COMMIT_UNKNOWN', retryable: false }
  const UNAVAILABLE = { reason: 'UNAVAILABLE', retryable: true }

  test('may be tried again only where nothing has left that may do something', async () => {
    await using upstream = await startUpstream((_, response) => response.end())
    await using breaking = await startUpstream((request) => request.socket.resetAndDestroy())
    await using refused = await startUpstream((_, response) => response.end())
    const gone = await startUpstream((_, response) => response.end())
    await gone[Symbol.asyncDispose]()
    await using server = await startTestServer(app, {
      config: { outgoing: { allow: [upstream.host, breaking.host, gone.host] } },
    })
    const call = ({ url }: { url: string }, method: 'GET' | 'POST') =>
      server.client().outside.beforeFailure.mutate({ url, method })
    await expect(call(upstream, 'POST')).rejects.toMatchObject(UNKNOWN)
    expect(upstream.requests).toHaveLength(1)
    await expect(call(breaking, 'POST')).rejects.toMatchObject(UNKNOWN)
    await expect(call(upstream, 'GET')).rejects.toMatchObject(UNAVAILABLE)
    await expect(call(refused, 'POST')).rejects.toMatchObject(UNAVAILABLE)
    // The last ones are not let out any more: the host has failed too often.
    for (let count = 0; count < 7; count++) {
      await expect(call(gone, 'POST')).rejects.toMatchObject(UNAVAILABLE)
    }
    expect(server.app.metrics.snapshot().gauges.outgoing_breakers_open).toBe(1)
  })
})

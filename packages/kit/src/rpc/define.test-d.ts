import { tracked } from '@trpc/server'
import { describe, expectTypeOf, test } from 'vitest'
import { z } from 'zod'

import { commonErrors, defineError, Failure } from '@tautline/shared'

import type { Principal } from '../resources.ts'
import { mutation, query, subscription } from './define.ts'

const output = z.object({ n: z.number() })
const summary = 'For types.'

describe('what an owner writes', () => {
  test('a handler gets its parsed input, and a caller who is somebody unless all may call', () => {
    query({
      summary,
      input: z.strictObject({ limit: z.int().default(10) }),
      output,
      policy: { allow: 'user' },
      async run({ ctx, input }) {
        expectTypeOf(input).toEqualTypeOf<{ limit: number }>()
        expectTypeOf(ctx.principal).toEqualTypeOf<Principal>()
        return { n: input.limit }
      },
    })
    query({
      summary,
      output,
      policy: { allow: 'public' },
      async run({ ctx }) {
        expectTypeOf(ctx.principal).toEqualTypeOf<Principal | null>()
        return { n: 1 }
      },
    })
  })

  test('a procedure says who may call it, what it returns, and what it is for', () => {
    // @ts-expect-error TS2345 -- policy.allow is missing
    query({ summary, output, policy: {}, run: async () => ({ n: 1 }) })
    // @ts-expect-error TS2345 -- output is missing
    query({ summary, policy: { allow: 'public' }, run: async () => ({ n: 1 }) })
    // @ts-expect-error TS2345 -- summary is missing
    query({ output, policy: { allow: 'public' }, run: async () => ({ n: 1 }) })
    query({
      summary,
      output,
      policy: { allow: 'public' },
      // @ts-expect-error TS2322 -- not what the output schema takes
      run: async () => ({ n: 'one' }),
    })
  })

  test('a cache that everybody shares has a handler that knows nobody', () => {
    const cache = { ttlMs: 1_000 }
    query({
      summary,
      output,
      policy: { allow: 'user', cache: { ...cache, scope: 'public' } },
      async run({ ctx }) {
        expectTypeOf(ctx.principal).toEqualTypeOf<null>()
        return { n: 1 }
      },
    })
    query({
      summary,
      input: z.strictObject({ id: z.string().default('x') }),
      output,
      policy: {
        allow: 'user',
        cost: ({ id }) => id.length,
        cache: {
          ...cache,
          scope: 'caller',
          tags({ id }, caller) {
            expectTypeOf(id).toEqualTypeOf<string>()
            expectTypeOf(caller).toEqualTypeOf<Principal | null>()
            return [id]
          },
        },
      },
      async run({ ctx }) {
        expectTypeOf(ctx.principal).toEqualTypeOf<Principal>()
        return { n: 1 }
      },
    })
    // @ts-expect-error TS2322 -- a cache says who shares it
    query({ summary, output, policy: { allow: 'user', cache }, run: async () => ({ n: 1 }) })
  })

  test('what a mutation makes invalid is told by its input and its parsed output', () => {
    mutation({
      summary,
      input: z.strictObject({ id: z.string() }),
      output: z.object({ at: z.date().transform((date) => date.getTime()) }),
      policy: {
        allow: 'user',
        idempotent: 'optional',
        invalidates({ input, output: { at } }) {
          expectTypeOf(at).toEqualTypeOf<number>()
          return [input.id]
        },
      },
      run: async () => ({ at: new Date(0) }),
    })
    mutation({
      summary,
      output,
      // @ts-expect-error TS2353 -- only queries are cached
      policy: { allow: 'user', cache: { ttlMs: 1_000, scope: 'caller' } },
      run: async () => ({ n: 1 }),
    })
    query({
      summary,
      output,
      // @ts-expect-error TS2353 -- a query needs no key
      policy: { allow: 'user', idempotent: 'optional' },
      run: async () => ({ n: 1 }),
    })
  })

  test('only a mutation has a transaction to choose', () => {
    const policy = { allow: 'public', transaction: 'none' } as const
    mutation({ summary, output, policy, run: async () => ({ n: 1 }) })
    query({
      summary,
      output,
      // @ts-expect-error TS2353 -- a query has no transaction
      policy: { allow: 'public', transaction: 'none' },
      run: async () => ({ n: 1 }),
    })
  })

  test('a subscription yields events', () => {
    const events = subscription({
      summary,
      output,
      policy: { allow: 'public' },
      async *run() {
        yield { n: 1 }
      },
    })
    expectTypeOf(events._def.$types.output).toEqualTypeOf<AsyncIterable<{ n: number }>>()
    const silent = subscription({
      summary,
      output,
      policy: { allow: 'user', streams: 1 },
      run({ ctx }): AsyncIterable<never> {
        expectTypeOf(ctx.principal).toEqualTypeOf<Principal>()
        throw new Failure(commonErrors.UNAVAILABLE)
      },
    })
    expectTypeOf(silent._def.$types.output).toEqualTypeOf<AsyncIterable<{ n: number }>>()
    subscription({
      summary,
      output,
      policy: { allow: 'public' },
      // @ts-expect-error TS2322 -- not what the output schema takes
      async *run() {
        yield { n: 'one' }
      },
    })
  })

  test('a subscription whose events are tracked gives their ids along', () => {
    const events = subscription({
      summary,
      input: z.strictObject({ from: z.int() }),
      output: z.object({ at: z.date().transform((date) => date.getTime()) }),
      policy: { allow: 'public' },
      async *run({ input }) {
        yield tracked(String(input.from), { at: new Date(0) })
      },
    })
    expectTypeOf(events._def.$types.output).toEqualTypeOf<
      AsyncIterable<{ id: string; data: { at: number } }>
    >()
    subscription({
      summary,
      output,
      policy: { allow: 'public' },
      // @ts-expect-error TS2322 -- not what the output schema takes
      async *run() {
        yield tracked('1', { n: 'one' })
      },
    })
  })

  test('a failure carries the data that its definition asks for', () => {
    const plain = defineError('PLAIN', { code: 'CONFLICT', message: 'Plain.' })
    const data = z.object({ left: z.int() })
    const rich = defineError('RICH', { code: 'CONFLICT', message: 'Rich.', data })
    void new Failure(plain)
    void new Failure(rich, { data: { left: 1 } })
    // @ts-expect-error TS2554 -- the data is missing
    void new Failure(rich)
    // @ts-expect-error TS2353 -- this reason carries none
    void new Failure(plain, { data: { left: 1 } })
  })
})

import { describe, expectTypeOf, test } from 'vitest'
import { z } from 'zod'

import type { MutationContext } from '../../resources.ts'
import { mutation, query } from '../../rpc/define.ts'
import type { EnqueuedTask } from '../../task-types.ts'
import { task } from '../../tasks/definition.ts'

const report = task({
  name: 'report.make',
  summary: 'Makes a report.',
  input: z.strictObject({
    day: z.iso.date().transform((day) => new Date(day)),
    pages: z.int().default(1),
  }),
  output: z.void(),
  run: async () => {},
})

const sweep = task({
  name: 'report.sweep',
  summary: 'Sweeps.',
  input: z.void(),
  output: z.void(),
  run: async () => {},
})

describe('ctx.enqueue', () => {
  test('takes what the schema of the task takes, and nothing else', () => {
    const using = async (ctx: MutationContext) => {
      expectTypeOf(await ctx.enqueue(report, { day: '2026-11-22' })).toEqualTypeOf<EnqueuedTask>()
      await ctx.enqueue(report, { day: '2026-11-22', pages: 2 }, { delayMs: 1_000 })
      await ctx.enqueue(sweep, undefined)
      // @ts-expect-error -- a day is missing
      await ctx.enqueue(report, {})
      // @ts-expect-error -- what the schema makes of an input is no input
      await ctx.enqueue(report, { day: new Date() })
      // @ts-expect-error -- nobody knows pages as text
      await ctx.enqueue(report, { day: '2026-11-22', pages: '2' })
      await ctx.tasks.accept(ctx.db, { task: report, input: { day: '2026-11-22' }, owner: null })
      // @ts-expect-error -- the same for somebody else
      await ctx.tasks.accept(ctx.db, { task: report, input: { day: 1 }, owner: null })
    }
    expectTypeOf(using).returns.toEqualTypeOf<Promise<void>>()
  })

  test('is there in mutations, and not in queries', () => {
    const own = { summary: 'Enqueues.', output: z.void(), policy: { allow: 'user' } } as const
    mutation({ ...own, run: async ({ ctx }) => void (await ctx.enqueue(sweep, undefined)) })
    // @ts-expect-error -- a query changes nothing
    query({ ...own, run: async ({ ctx }) => void (await ctx.enqueue(sweep, undefined)) })
  })
})

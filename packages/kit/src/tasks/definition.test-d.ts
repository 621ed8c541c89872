import { describe, expectTypeOf, test } from 'vitest'
import { z } from 'zod'

import type { Feature } from '../app-definition.ts'
import type { EnqueuedTask } from '../task-types.ts'
import { task, type Task, type TaskContext, type TaskKindOf } from './definition.ts'

const Input = z.strictObject({
  day: z.iso.date().transform((day) => new Date(day)),
  pages: z.int().default(1),
})
const Output = z.object({ at: z.date() })
const Row = z.object({ row: z.int(), big: z.bigint().default(1n) })

const report = task({
  name: 'report.make',
  summary: 'Makes a report.',
  input: Input,
  output: Output,
  events: { row: Row },
  schedule: { at: '0 3 * * *', input: { day: '2026-11-22' } },
  dedupeKey(input) {
    expectTypeOf(input).toEqualTypeOf<{ day: Date; pages: number }>()
    return input.day.toISOString()
  },
  async run({ ctx, input }) {
    expectTypeOf(input).toEqualTypeOf<{ day: Date; pages: number }>()
    await ctx.emit('row', { row: 1 })
    // @ts-expect-error -- a row is a number
    await ctx.emit('row', { row: 'one' })
    // @ts-expect-error -- it has no such event
    await ctx.emit('column', { row: 1 })
    const sent = await ctx.step('mail', async () => 7n)
    if (sent.status === 'done') expectTypeOf(sent.value).toEqualTypeOf<bigint>()
    return { at: input.day }
  },
})

const sweep = task({
  name: 'report.sweep',
  summary: 'Sweeps.',
  input: z.void(),
  output: z.void(),
  async run({ ctx }) {
    expectTypeOf(ctx).toEqualTypeOf<TaskContext<Record<never, never>>>()
    // @ts-expect-error -- it has no events
    await ctx.emit('row', { row: 1 })
    expectTypeOf(await ctx.enqueue(report, { day: '2026-11-22' })).toEqualTypeOf<EnqueuedTask>()
  },
})

describe('a task', () => {
  test('has the types of its definition', () => {
    expectTypeOf(report).toEqualTypeOf<
      Task<'report.make', typeof Input, typeof Output, { readonly row: typeof Row }>
    >()
  })

  test('tells clients what comes out of it, and what it tells', () => {
    type Made = TaskKindOf<typeof report>
    expectTypeOf<Made['name']>().toEqualTypeOf<'report.make'>()
    expectTypeOf<Made['output']>().toEqualTypeOf<{ at: Date }>()
    expectTypeOf<Made['events']['row']['data']>().toEqualTypeOf<{ row: number; big: bigint }>()
    expectTypeOf<keyof Made['events']>().toEqualTypeOf<'row'>()
    expectTypeOf<keyof TaskKindOf<typeof sweep>['events']>().toEqualTypeOf<never>()
  })

  test('returns what its output schema takes, and is due with an input that it takes', () => {
    task({
      name: 'report.wrong',
      summary: 'Is wrong.',
      input: Input,
      output: Output,
      // @ts-expect-error -- the input is not the one of the schema
      schedule: { at: '0 3 * * *', input: { day: new Date() } },
      // @ts-expect-error -- a date is missing
      run: async () => ({ at: 'now' }),
    })
  })

  test('whatever its schemas, is one of a feature', () => {
    const feature = { router: {}, tasks: [report, sweep] }
    expectTypeOf(feature).toExtend<Feature>()
  })
})

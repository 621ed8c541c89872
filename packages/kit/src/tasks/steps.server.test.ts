import { afterAll, beforeAll, expect, test } from 'vitest'

import { commonErrors, Failure } from '@tautline/shared'

import type { StepOptions, StepOutcome } from './definition.ts'
import { gate, openTaskWorld, startTask, type TaskWorld } from './worker-world.fixture.ts'

let world: TaskWorld
beforeAll(async () => {
  world = await openTaskWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const busy = () => new Failure(commonErrors.UNAVAILABLE)

test('a step that was done is done once, and its value is there again', async () => {
  let effects = 0
  const outcomes: StepOutcome<unknown>[] = []
  const { id } = await startTask(world, async ({ ctx }) => {
    outcomes.push(await ctx.step('print', async () => ({ copies: BigInt(++effects) })))
    outcomes.push(await ctx.step('log', async () => undefined))
    if (ctx.task.attempt === 1) throw busy()
  })
  await world.when(id, 'succeeded')
  const value = { copies: 1n }
  expect(outcomes).toEqual([
    { status: 'done', value, isReplay: false },
    { status: 'done', value: undefined, isReplay: false },
    { status: 'done', value, isReplay: true },
    { status: 'done', value: undefined, isReplay: true },
  ])
  expect(effects).toBe(1)
})

test('a step that has failed is not tried again', async () => {
  let effects = 0
  const outcomes: StepOutcome<unknown>[] = []
  const { id } = await startTask(world, async ({ ctx }) => {
    const print = async () => {
      effects++
      throw new Error('no paper')
    }
    outcomes.push(await ctx.step('print', print))
    if (ctx.task.attempt === 1) throw busy()
  })
  await world.when(id, 'succeeded')
  const failed = { status: 'failed', error: 'no paper' }
  expect(outcomes).toEqual([failed, failed])
  expect(effects).toBe(1)
})

/** The first attempt is lost in the middle of its effect. */
async function brokenOff(options?: StepOptions) {
  const [sending, go] = [gate(), gate()]
  let effects = 0
  const outcomes: StepOutcome<unknown>[] = []
  const { id } = await startTask(world, async ({ ctx }) => {
    const print = async () => {
      effects++
      if (ctx.task.attempt > 1) return
      sending.open()
      await go.opened
    }
    const outcome = await ctx.step('print', print, options)
    outcomes.push(outcome)
    if (ctx.task.attempt === 2) throw busy()
  })
  await sending.opened
  await world.expire(id)
  await world.when(id, 'succeeded')
  go.open()
  const ledger = await world.ask(
    `select state, attempt from tautline.task_step where task_id = '${id}'`,
  )
  return { outcomes, effects, ledger }
}

test('an effect that was broken off is reported as unknown, for good', async () => {
  const { outcomes, effects, ledger } = await brokenOff()
  expect(outcomes).toEqual([{ status: 'unknown' }, { status: 'unknown' }])
  expect(effects).toBe(1)
  expect(ledger).toEqual([{ state: 'unknown', attempt: 2 }])
})

test('or is repeated, where that is wanted', async () => {
  const { outcomes, effects, ledger } = await brokenOff({ unknown: 'repeat' })
  expect(outcomes).toEqual([
    { status: 'done', value: undefined, isReplay: false },
    { status: 'done', value: undefined, isReplay: true },
  ])
  expect(effects).toBe(2)
  expect(ledger).toEqual([{ state: 'done', attempt: 2 }])
})

test('an effect that says itself that nobody knows is unknown at once', async () => {
  const outcomes: unknown[] = []
  const { id } = await startTask(world, async ({ ctx }) => {
    const send = async () => {
      throw new Failure(commonErrors.COMMIT_UNKNOWN)
    }
    outcomes.push(await ctx.step('send', send))
    outcomes.push(await ctx.step('send', send))
  })
  await world.when(id, 'succeeded')
  expect(outcomes).toEqual([{ status: 'unknown' }, { status: 'unknown' }])
})

test('a step is refused inside a transaction, and while it runs', async () => {
  const refusals: unknown[] = []
  const { id } = await startTask(world, async ({ ctx }) => {
    const step = () => ctx.step('print', async () => {})
    refusals.push(await ctx.transaction(step).catch(String))
    const [, second] = await Promise.allSettled([step(), step()])
    refusals.push(second.status === 'rejected' && String(second.reason))
  })
  await world.when(id, 'succeeded')
  expect(refusals).toEqual([
    'Error: A step inside a transaction would commit before it.',
    'Error: The step runs already: print',
  ])
})

import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { until } from '../dev/wait.ts'
import {
  countOutcomes,
  p99Of,
  startSteadyCalls,
  type Outcome,
} from '../login-flood/steady-calls.ts'
import { startWorld, type World } from './world.ts'

const full = process.env.TEST_FULL === '1'

/** Rest and work take turns, so that both meet the same machine. */
const ROUNDS = full ? 5 : 1

/** How long each lasts, in milliseconds. */
const LASTS_MS = full ? 8_000 : 1_500

const RATE = { perSecond: 100, mostAtOnce: full ? 100 : 10 }

/** How many of the calls that are due find a place while there is work. */
const LEAST_ASKED = full ? 0.95 : 0.5

/** Of the start and of all rounds; twice what was seen, and less than a block that is a fault. */
const WORST_LOOP_DELAY_S = 0.15

/** More than are done in a round. */
const TASKS = full ? { reports: 20, images: 60 } : { reports: 4, images: 8 }

/** What one round met of the machine says nothing of the others. */
const medianOf = (values: readonly number[]) =>
  values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** How long `items.get` takes for a while. */
async function measure(): Promise<readonly Outcome[]> {
  const calls = startSteadyCalls(RATE, async (n) => {
    const id = world.itemIds[n % world.itemIds.length] ?? ''
    return (await world.client.items.get.query({ id })).id === id ? 'OK' : 'another item'
  })
  await sleep(LASTS_MS)
  return calls.stop()
}

const running = async (name: string) =>
  (await world.client.tasks.list.query({ state: 'running', name, limit: 10 })).items.length

/** More work than there is time for; resolves once some of each kind is under way. */
async function work(): Promise<string[]> {
  const { client, imageId: fileId } = world
  const period = { from: new Date('2000-01-01'), to: new Date('2100-01-01') }
  const report = { kind: 'price', bands: 12, ...period } as const
  const image = { fileId, operations: [{ convert: 'avif' as const }] }
  const taskIds: string[] = []
  for (let n = 0; n < TASKS.reports; n++) {
    taskIds.push((await client.reports.compute.mutate(report)).taskId)
  }
  for (let n = 0; n < TASKS.images; n++) {
    taskIds.push((await client.images.process.mutate(image)).taskId)
  }
  for (const name of ['reports.compute', 'images.process']) {
    await until(`${name} to run`, async () => (await running(name)) > 0)
  }
  return taskIds
}

/** Cancels what is left, and counts what was done. */
async function rest(taskIds: readonly string[]): Promise<number> {
  const { client } = world
  // What has ended meanwhile cannot be cancelled.
  for (const id of taskIds) await client.tasks.cancel.mutate({ id }).catch(() => {})
  const states: string[] = []
  for (const id of taskIds) {
    const state = await until(`the end of ${id}`, async () => {
      const task = await client.tasks.get.query({ id })
      return task.finishedAt !== null && task.state
    })
    states.push(state)
  }
  expect(states.filter((state) => state !== 'succeeded' && state !== 'cancelled')).toEqual([])
  return states.filter((state) => state === 'succeeded').length
}

test('who asks for an item waits little longer while reports and images are made', async () => {
  const [atRest, atWork]: [(readonly Outcome[])[], (readonly Outcome[])[]] = [[], []]
  await measure() // the first calls are slower
  let done = 0
  for (let round = 0; round < ROUNDS; round++) {
    atRest.push(await measure())
    const taskIds = await work()
    atWork.push(await measure())
    expect(await running('reports.compute')).toBeGreaterThan(0)
    expect(await running('images.process')).toBeGreaterThan(0)
    done += await rest(taskIds)
  }
  const p99Ms = { atRest: medianOf(atRest.map(p99Of)), atWork: medianOf(atWork.map(p99Of)) }
  const { worstS } = await world.look('look')
  console.info('works', { calls: atWork.flat().length, done, ...p99Ms, worstLoopDelayS: worstS })
  expect(Object.keys(countOutcomes([...atRest, ...atWork].flat()))).toEqual(['OK'])
  // A server that stands still answers no more than may be under way, and the others are left out.
  const due = (ROUNDS * LASTS_MS * RATE.perSecond) / 1_000
  expect(atWork.flat().length).toBeGreaterThanOrEqual(due * LEAST_ASKED)
  if (!full) return
  expect(p99Ms.atWork).toBeLessThanOrEqual(2 * p99Ms.atRest)
  expect(worstS).toBeLessThanOrEqual(WORST_LOOP_DELAY_S)
})

test('a block of the event loop of 200 ms is told by a metric of its own', async () => {
  const before = await world.look('look')
  await world.look('block')
  const after = await until('the block to be told', async () => {
    const now = await world.look('look')
    return now.blocks > before.blocks && now
  })
  expect(after.worstS).toBeGreaterThanOrEqual(0.19)
})

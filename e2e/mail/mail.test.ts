import { setTimeout as sleep } from 'node:timers/promises'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { between } from '../faults/chance.ts'
import { outcomesOf, sendTo, type Outcome } from './bulk.ts'
import type { TakenMail, Witness } from './sink.ts'
import { startWorld, type Worker, type World } from './world.ts'

const full = process.env.TEST_FULL === '1'

const KILLS = full ? 24 : 3
const TASKS = full ? 40 : 8
const RECIPIENTS = full ? 60 : 30

/** Mails that one process has under way at most: two tasks, four connections each. */
const IN_FLIGHT = 8

/** Mails between two kills. */
const APART = full ? Math.floor((TASKS * RECIPIENTS * 0.7) / KILLS) : 20

/** When a worker is killed: the mail is written down, and it has not heard that, or has, or almost. */
const MOMENTS = ['before the answer', 'with the answer', 'after the answer', 'later'] as const

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

/** Kills the worker around one mail in so many. */
function createKiller(worker: Worker) {
  let kills = 0
  const momentOf = ({ number }: TakenMail) => {
    const isDue = number > 0 && number % APART === 0 && kills < KILLS
    return isDue ? MOMENTS[kills % MOMENTS.length] : undefined
  }
  function kill(): void {
    kills++
    worker.kill()
  }
  const due = new Map<number, (typeof MOMENTS)[number]>()
  const witness: Witness = {
    async taken(mail) {
      const moment = momentOf(mail)
      if (moment) due.set(mail.number, moment)
      if (moment === 'before the answer') kill()
      await sleep(between(0, 4))
    },
    answered(mail) {
      const moment = due.get(mail.number)
      if (moment === 'with the answer') kill()
      if (moment === 'after the answer') setTimeout(kill, 1)
      if (moment === 'later') setTimeout(kill, between(2, 60))
    },
  }
  return {
    witness,
    get kills() {
      return kills
    },
  }
}

const recipientsOf = (task: number, count: number) =>
  Array.from(
    { length: count },
    (_, n) => `${n % 10 === 3 ? 'refused' : 'to'}.${n}@task${task}.example`,
  )

/** How often each was written to. */
function timesOf(taken: readonly string[]): Map<string, number> {
  const times = new Map<string, number>()
  for (const to of taken) times.set(to, (times.get(to) ?? 0) + 1)
  return times
}

/** Whom of some the sink was told to write to. */
const takenOf = (wanted: readonly string[]) => world.sink.taken.filter((to) => wanted.includes(to))

/** Whether what is said of a recipient fits what the sink has written down. */
function isTrue({ to, outcome }: Outcome, times: ReadonlyMap<string, number>): boolean {
  const isRefused = to.startsWith('refused')
  if (outcome === 'done') return !isRefused && times.get(to) === 1
  return outcome === 'unknown' || (isRefused && !times.has(to))
}

const count = (outcomes: readonly Outcome[], wanted: Outcome['outcome']) =>
  outcomes.filter(({ outcome }) => outcome === wanted).length

test(
  'nobody is written to twice, however often the worker is killed, and all are accounted for',
  { timeout: 600_000 },
  async () => {
    const killer = createKiller(world.worker)
    world.watch(killer.witness)
    const wanted = Array.from({ length: TASKS }, (_, task) => recipientsOf(task, RECIPIENTS))
    const taskIds = await Promise.all(wanted.map((recipients) => sendTo(world, recipients)))
    const perTask = await Promise.all(taskIds.map((id) => outcomesOf(world, id)))
    const outcomes = perTask.flat()

    expect(killer.kills).toBe(KILLS)
    expect(outcomes.map(({ to }) => to)).toEqual(wanted.flat())
    const times = timesOf(world.sink.taken)
    expect([...times].filter(([, often]) => often > 1)).toEqual([])
    expect(outcomes.filter((one) => !isTrue(one, times))).toEqual([])
    const unknown = count(outcomes, 'unknown')
    expect(unknown).toBeGreaterThan(0)
    expect(unknown).toBeLessThanOrEqual(IN_FLIGHT * KILLS)
    console.info('mail', {
      kills: killer.kills,
      all: outcomes.length,
      done: count(outcomes, 'done'),
      failed: count(outcomes, 'failed'),
      unknown,
      unknownButTaken: outcomes.filter(({ to, outcome }) => outcome === 'unknown' && times.has(to))
        .length,
    })
  },
)

test('a worker that is told to stop finishes what it has begun, and leaves nothing unknown', async () => {
  const wanted = recipientsOf(TASKS, 60)
  const reached = Promise.withResolvers<void>()
  world.watch({
    async taken() {
      if (takenOf(wanted).length === 10) reached.resolve()
      await sleep(40)
    },
    answered() {},
  })
  const taskId = await sendTo(world, wanted)
  await reached.promise
  await world.worker.stop()
  expect(takenOf(wanted).length).toBeLessThan(50)
  const outcomes = await outcomesOf(world, taskId)
  expect(count(outcomes, 'unknown')).toBe(0)
  const known = wanted.filter((to) => to.startsWith('to'))
  expect(takenOf(wanted).toSorted()).toEqual(known.toSorted())
})

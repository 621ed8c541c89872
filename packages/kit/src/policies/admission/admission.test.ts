import fc from 'fast-check'
import { describe, expect, onTestFinished, test, vi } from 'vitest'

import { createMetrics } from '../../platform/metrics.ts'
import { createAdmission, type Admitted, type Arrival } from './admission.ts'
import type { Priority } from './priority.ts'

const CALM = { loopDelayMs: 0, poolWaitMs: 0 }

function open(options: { maxRunning: number; maxQueued?: number }) {
  const state = { nowMs: 0, pressure: CALM }
  const metrics = createMetrics()
  const admission = createAdmission({
    maxQueued: 100,
    ...options,
    metrics,
    clock: { now: () => new Date(state.nowMs) },
    pressure: () => state.pressure,
  })
  const gauge = (name: string) => metrics.snapshot().gauges[`admission_${name}`]
  return {
    state,
    gauge,
    counters: () => metrics.snapshot().counters,
    enter: (arrival: Partial<Arrival> = {}) =>
      admission.enter({ priority: 'normal', deadlineMs: 60_000, ...arrival }),
    /** As many of a priority as are let in without waiting. */
    async fill(priority: Priority) {
      const releases: (() => void)[] = []
      for (;;) {
        const leaving = new AbortController()
        const entering = admission.enter({ priority, deadlineMs: 60_000, signal: leaving.signal })
        leaving.abort() // ends a wait, and nothing else
        const admitted = await entering.catch(() => undefined)
        if (!admitted?.admitted) return releases
        releases.push(admitted.release)
      }
    },
  }
}

function releaseOf(admitted: Admitted): () => void {
  if (!admitted.admitted) throw new Error('It was refused.')
  return admitted.release
}

describe('the cap', () => {
  test('leaves places to the higher priorities: 60, 90 and 100 of 100', async () => {
    const door = open({ maxRunning: 100 })
    const counts: number[] = []
    for (const priority of ['sheddable', 'normal', 'critical'] as const) {
      await door.fill(priority)
      counts.push(door.gauge('running') ?? 0)
    }
    expect(counts).toEqual([60, 90, 100])
  })

  test('counts a request by its cost, and one that costs more than there is by all there is', async () => {
    const door = open({ maxRunning: 10 })
    const first = releaseOf(await door.enter({ priority: 'critical', cost: 20 }))
    expect(door.gauge('running')).toBe(10)
    const second = door.enter({ cost: 4 })
    expect(door.gauge('queued')).toBe(1)
    first()
    releaseOf(await second)()
    expect(door.gauge('running')).toBe(0)
  })

  test('is not raised by a release that is called twice', async () => {
    const door = open({ maxRunning: 2 })
    const [first] = await door.fill('critical')
    first?.()
    first?.()
    expect(door.gauge('running')).toBe(1)
  })
})

describe('the queue', () => {
  test('lets critical requests in first, and the others in the order of their coming', async () => {
    const door = open({ maxRunning: 1 })
    const first = releaseOf(await door.enter())
    const came: string[] = []
    const names = ['sheddable', 'normal', 'critical', 'normal', 'critical'] as const
    const entering = names.map(async (priority, index) => {
      const release = releaseOf(await door.enter({ priority }))
      came.push(`${priority} ${index}`)
      release()
    })
    first()
    await Promise.all(entering)
    expect(came).toEqual(['critical 2', 'critical 4', 'normal 1', 'normal 3', 'sheddable 0'])
  })

  test('refuses one too many, but sends a lower one away for a higher one', async () => {
    const door = open({ maxRunning: 1, maxQueued: 2 })
    await door.fill('critical')
    const oldest = door.enter({ priority: 'sheddable' })
    const other = door.enter({ priority: 'normal' })
    const refused = await door.enter({ priority: 'sheddable' })
    expect(refused).toEqual({ admitted: false, retryAfterMs: expect.any(Number) })
    for (const waiting of [oldest, other]) {
      const critical = door.enter({ priority: 'critical' })
      expect(await waiting).toMatchObject({ admitted: false })
      expect(door.gauge('queued')).toBe(2)
      critical.catch(() => {})
    }
    expect(await door.enter({ priority: 'critical' })).toMatchObject({ admitted: false })
    expect(door.counters()).toMatchObject({
      'admission_total{priority="sheddable",outcome="full"}': 1,
      'admission_total{priority="sheddable",outcome="dismissed"}': 1,
      'admission_total{priority="normal",outcome="dismissed"}': 1,
      'admission_total{priority="critical",outcome="full"}': 1,
    })
  })

  test('asks those whom it refuses to come again after 1 to 5 seconds, not all at once', async () => {
    const door = open({ maxRunning: 1, maxQueued: 0 })
    await door.fill('critical')
    const refusals = await Promise.all(Array.from({ length: 100 }, () => door.enter()))
    const waits = refusals.map((refusal) => (refusal.admitted ? 0 : refusal.retryAfterMs))
    expect(Math.min(...waits)).toBeGreaterThanOrEqual(1_000)
    expect(Math.max(...waits)).toBeLessThanOrEqual(5_000)
    expect(new Set(waits).size).toBeGreaterThan(90)
  })

  test('refuses at once what cannot be done by its deadline, as far as calls have shown', async () => {
    const door = open({ maxRunning: 1 })
    const first = releaseOf(await door.enter())
    door.state.nowMs += 500
    first()
    const second = releaseOf(await door.enter()) // there is room: nobody needs to guess
    expect(await door.enter({ deadlineMs: 900 })).toMatchObject({ admitted: false })
    const third = door.enter({ deadlineMs: 1_100 })
    expect(await door.enter({ deadlineMs: 1_100 })).toMatchObject({ admitted: false })
    second()
    releaseOf(await third)
  })

  test('keeps nobody for longer than half of the time until the deadline', async () => {
    vi.useFakeTimers()
    onTestFinished(() => void vi.useRealTimers())
    const door = open({ maxRunning: 1 })
    await door.fill('critical')
    const waiting = door.enter({ deadlineMs: 1_000 })
    await vi.advanceTimersByTimeAsync(499)
    expect(door.gauge('queued')).toBe(1)
    await vi.advanceTimersByTimeAsync(1)
    expect(await waiting).toMatchObject({ admitted: false })
  })

  test('lets go of one whose deadline has passed, and of one that leaves', async () => {
    const door = open({ maxRunning: 1 })
    const first = releaseOf(await door.enter())
    expect(await door.enter({ deadlineMs: 20 })).toMatchObject({ admitted: false })
    const leaving = new AbortController()
    const left = door.enter({ signal: leaving.signal })
    leaving.abort(new Error('left'))
    await expect(left).rejects.toThrow('left')
    expect(door.gauge('queued')).toBe(0)
    first()
    expect(door.gauge('running')).toBe(0)
  })

  test('lets in those who waited behind a large one that leaves', async () => {
    const door = open({ maxRunning: 10 })
    await door.enter({ priority: 'critical', cost: 5 })
    const leaving = new AbortController()
    const large = door.enter({ priority: 'critical', cost: 8, signal: leaving.signal })
    const small = door.enter({ priority: 'normal', cost: 1 })
    expect(door.gauge('queued')).toBe(2)
    leaving.abort(new Error('left'))
    await expect(large).rejects.toThrow('left')
    expect(await small).toMatchObject({ admitted: true })
  })
})

describe('pressure', () => {
  test.each([
    ['the event loop', { loopDelayMs: 151, poolWaitMs: 0 }],
    ['the pool', { loopDelayMs: 0, poolWaitMs: 101 }],
  ])('on %s halves the limit once a second, down to an eighth', async (_, pressure) => {
    const door = open({ maxRunning: 64 })
    door.state.pressure = pressure
    const limits: (number | undefined)[] = []
    for (let halfSecond = 0; halfSecond < 10; halfSecond++) {
      door.state.nowMs += 500
      releaseOf(await door.enter())()
      limits.push(door.gauge('limit'))
    }
    expect(limits).toEqual([64, 32, 32, 16, 16, 8, 8, 8, 8, 8])
  })

  test('that is over gives the places back little by little', async () => {
    const door = open({ maxRunning: 100 })
    door.state.pressure = { loopDelayMs: 500, poolWaitMs: 500 }
    door.state.nowMs += 1_000
    releaseOf(await door.enter())()
    door.state.pressure = { loopDelayMs: 150, poolWaitMs: 100 }
    const limits: (number | undefined)[] = []
    for (const waitMs of [1_000, 1_000, 2_000, 5_000]) {
      door.state.nowMs += waitMs
      releaseOf(await door.enter())()
      limits.push(door.gauge('limit'))
    }
    expect(limits).toEqual([60, 70, 90, 100])
  })

  test('lets nobody in while more run than the halved limit has, save one that is alone', async () => {
    const door = open({ maxRunning: 8 })
    const releases = await door.fill('critical')
    door.state.pressure = { loopDelayMs: 500, poolWaitMs: 0 }
    door.state.nowMs += 1_000
    const waiting = door.enter({ priority: 'critical', cost: 6 })
    for (const release of releases.slice(0, 7)) release()
    expect([door.gauge('queued'), door.gauge('running')]).toEqual([1, 1])
    releases[7]?.()
    expect(await waiting).toMatchObject({ admitted: true })
    expect(door.gauge('running')).toBe(6)
  })
})

/** What may happen to an admission; `which` picks one of those that are inside or wait. */
const steps = fc.array(
  fc.oneof(
    fc.record({
      kind: fc.constant('enter' as const),
      priority: fc.constantFrom<Priority>('critical', 'normal', 'sheddable'),
      cost: fc.integer({ min: 1, max: 6 }),
    }),
    fc.record({ kind: fc.constantFrom('release' as const, 'leave' as const), which: fc.nat(20) }),
    fc.record({
      kind: fc.constant('time' as const),
      ms: fc.nat(1_500),
      loopDelayMs: fc.constantFrom(0, 200),
    }),
  ),
  { maxLength: 80 },
)

const SHARES = { critical: 1, normal: 0.9, sheddable: 0.6 }
const ORDER: Priority[] = ['critical', 'normal', 'sheddable']

test('whatever happens: no more than the cap, nobody waits where there is room, all end', async () => {
  const sizes = fc.record({ maxRunning: fc.integer({ min: 1, max: 20 }), maxQueued: fc.nat(8) })
  await fc.assert(
    fc.asyncProperty(sizes, steps, async (options, all) => {
      const door = open(options)
      interface Visit {
        readonly priority: Priority
        readonly cost: number
        readonly leaving: AbortController
      }
      const waiting = new Set<Visit>()
      const inside = new Map<Visit, () => void>()
      const tooMany: Visit[] = []
      const places = (priority: Priority, of = door.gauge('limit') ?? 0) =>
        Math.max(1, Math.floor(of * SHARES[priority]))
      const taken = () => [...inside.keys()].reduce((sum, { cost }) => sum + cost, 0)
      const settle = async () => {
        for (let tick = 0; tick < 20; tick++) await Promise.resolve()
      }

      function visit(priority: Priority, cost: number) {
        const size = Math.min(cost, places(priority, options.maxRunning))
        const one = { priority, cost: size, leaving: new AbortController() }
        waiting.add(one)
        door.enter({ priority, cost, signal: one.leaving.signal }).then(
          (admitted) => {
            waiting.delete(one)
            if (!admitted.admitted) return
            inside.set(one, admitted.release)
            if (inside.size > 1 && taken() > places(priority)) tooMany.push(one)
          },
          () => waiting.delete(one),
        )
      }

      for (const step of all) {
        if (step.kind === 'enter') visit(step.priority, step.cost)
        if (step.kind === 'time') {
          door.state.nowMs += step.ms
          door.state.pressure = { loopDelayMs: step.loopDelayMs, poolWaitMs: 0 }
        }
        if (step.kind === 'leave') [...waiting][step.which]?.leaving.abort(new Error('left'))
        if (step.kind === 'release') {
          const [one, release] = [...inside][step.which] ?? []
          if (one) inside.delete(one)
          release?.()
        }
        await settle()
        expect(tooMany).toEqual([])
        expect(door.gauge('running')).toBe(taken())
        expect(door.gauge('queued')).toBe(waiting.size)
        const first = ORDER.flatMap((priority) =>
          [...waiting].filter((one) => one.priority === priority),
        )[0]
        // The limit is looked at when somebody comes or goes.
        const mayWait =
          !first || step.kind === 'time' || taken() + first.cost > places(first.priority)
        expect(mayWait && (!first || inside.size > 0)).toBe(true)
      }
      while (inside.size > 0) {
        const [one, release] = [...inside][0] ?? []
        if (one) inside.delete(one)
        release?.()
        await settle()
      }
      expect([door.gauge('running'), door.gauge('queued'), waiting.size]).toEqual([0, 0, 0])
    }),
    { numRuns: process.env.TEST_FULL === '1' ? 2_000 : 200 },
  )
})

import { afterAll, beforeAll, expect, test } from 'vitest'

import { openHeldWorld, type HeldWorld } from './held-world.ts'

const full = process.env.TEST_FULL === '1'

/** How often a cancel is timed. */
const ROUNDS = full ? 12 : 1

/** Who hears no bell looks every second: that would be in time for the one bound, and not for the other. */
const MOST_MS = full ? { worst: 1_000, median: 250 } : { worst: 60_000, median: 60_000 }

let world: HeldWorld
beforeAll(async () => {
  world = await openHeldWorld(1)
})
afterAll(() => world[Symbol.asyncDispose]())

const cancel = (id: string) => world.client.tasks.cancel.mutate({ id })

test.each(['outside a transaction', 'in a statement of its transaction'] as const)(
  'a cancel ends a handler that is %s in another process, in less than a second',
  async (place) => {
    const tookMs: number[] = []
    for (let round = 0; round < ROUNDS; round++) {
      const { id } = await world.hold(place)
      const watched = world.watch(id)
      const sentAt = performance.now()
      await cancel(id)
      const { end, at } = await watched
      tookMs.push(Math.round(at - sentAt))
      expect(end).toBe('cancelled')
      expect(await world.writers(id)).toEqual([])
    }
    console.info('cancel', { place, tookMs })
    tookMs.sort((a, b) => a - b)
    expect(tookMs.at(-1)).toBeLessThanOrEqual(MOST_MS.worst)
    expect(tookMs[Math.floor(ROUNDS / 2)]).toBeLessThanOrEqual(MOST_MS.median)
  },
)

test.each(['in a statement of its transaction', 'at the end of its transaction'] as const)(
  'a cancel is answered at once while the process stands still %s, which leaves nothing',
  async (place) => {
    const { id, worker } = await world.hold(place)
    const watched = world.watch(id)
    const { goOn } = worker.stop()
    const sentAt = performance.now()
    // Nothing but its answer lets the process go on.
    await cancel(id).finally(goOn)
    const tookMs = Math.round(performance.now() - sentAt)
    console.info('cancel while the process stands still', { place, tookMs })
    expect(tookMs).toBeLessThanOrEqual(MOST_MS.worst)
    expect((await watched).end).toBe('cancelled')
    expect(await world.writers(id)).toEqual([])
  },
)

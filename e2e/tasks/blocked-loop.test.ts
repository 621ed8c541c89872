import { afterAll, beforeAll, expect, test } from 'vitest'

import { openHeldWorld, type HeldWorld } from './held-world.ts'

const full = process.env.TEST_FULL === '1'

/** Whoever looks after leases does so now and then, and not right after the start. */
const ROUNDS = full ? 8 : 2

let world: HeldWorld
beforeAll(async () => {
  world = await openHeldWorld(2)
})
afterAll(() => world[Symbol.asyncDispose]())

test('a process whose event loop stands still for two seconds keeps its tasks', async () => {
  for (let round = 0; round < ROUNDS; round++) {
    const { id, worker } = await world.hold('in its thread for 2 s')
    const { pid } = worker
    expect((await world.watch(id)).end).toBe('succeeded')
    expect(await world.saidOf(id)).toEqual([{ attempt: 1, what: 'inside', pid }])
    expect(await world.writers(id)).toEqual([1])
  }
})

// It takes longer than a lease.
test.runIf(full)(
  'one whose event loop stands still for longer than a lease loses them, and writes nothing more',
  async () => {
    const { id, worker } = await world.hold('in its thread for longer than a lease')
    expect((await world.watch(id)).end).toBe('succeeded')
    const refused = { attempt: 1, what: 'refused', pid: worker.pid }
    await expect.poll(() => world.saidOf(id), { timeout: 30_000 }).toContainEqual(refused)
    const begun = (await world.saidOf(id)).filter(({ what }) => what === 'inside')
    expect(begun.map(({ attempt, pid }) => [attempt, pid === worker.pid])).toEqual([
      [1, true],
      [2, false],
    ])
    expect(await world.writers(id)).toEqual([2])
    expect(await world.events(id)).toEqual(['queued', 'started', 'started', 'custom', 'succeeded'])
  },
)

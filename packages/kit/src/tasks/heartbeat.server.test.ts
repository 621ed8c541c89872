import { expect, test } from 'vitest'

import { createCuttingProxy } from '../db/cutting-proxy.fixture.ts'
import { createBoss } from './boss.ts'
import { startHeartbeat } from './heartbeat.ts'
import { openTaskWorld, testTask } from './worker-world.fixture.ts'

test('a connection that goes silent under a sign of life does not keep back those that follow', async () => {
  await using world = await openTaskWorld()
  await using proxy = await createCuttingProxy(world.database.config.url)
  const boss = createBoss({ db: world.database.open({ url: proxy.url }), log: world.log })
  const made = testTask(async () => 1)
  await boss.start([made.name])
  await world.accept(made, { pages: 3 })
  const [delivery] = await boss.fetch(made.name, 1)
  if (!delivery) throw new Error('There is no job.')
  const isTouched = async () => {
    const rows = await world.ask(`
      select from tautline_boss.job where state = 'active' and heartbeat_on > now() - interval '1 h'`)
    return rows.length === 1
  }

  const never = { stop() {}, abandon() {}, ended: Promise.resolve() }
  proxy.cutNext({ at: /set heartbeat_on/, moment: 'silent' })
  const attempts = () => [{ delivery, ...never }]
  const heartbeat = startHeartbeat({ boss, resources: world.resources, attempts })
  await expect.poll(() => proxy.cuts).toBe(1)
  await world.ask(`update tautline_boss.job set heartbeat_on = now() - interval '1 day'`)
  // Within the lease of 10 s.
  await expect.poll(isTouched, { timeout: 8_000 }).toBe(true)
  await heartbeat.stop()
  await boss.stop()
})

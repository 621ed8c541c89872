import { expect, test } from 'vitest'

import { createLogger } from '../platform/logger.ts'
import { startSupervision } from './supervise.ts'
import { openTaskResources } from './worker-resources.fixture.ts'

const TRUST_AFTER_MS = 300

/** When the database was asked whether it is back, and when others were judged: the first time in vain. */
async function superviseOn(isBack: (look: number) => boolean) {
  await using opened = openTaskResources(createLogger('silent'))
  const looks: number[] = []
  const judged: number[] = []
  const loop = startSupervision({
    boss: {
      async isReachable() {
        looks.push(performance.now())
        return isBack(looks.length)
      },
      async supervise() {
        judged.push(performance.now())
        if (judged.length === 1) throw new Error('away')
        return 0
      },
    },
    resources: opened.resources,
    everyMs: 5,
    trustAfterMs: TRUST_AFTER_MS,
  })
  await expect.poll(() => judged.length, { timeout: 5_000 }).toBeGreaterThan(2)
  await loop.stop()
  return { looks, judged }
}

test('everybody has time to say that he is alive, from the time that the database is back', async () => {
  const { looks, judged } = await superviseOn((look) => look > 20)
  const [first = 0, second = 0] = judged
  expect(first - (looks[20] ?? 0)).toBeGreaterThanOrEqual(TRUST_AFTER_MS)
  expect(second - first).toBeGreaterThanOrEqual(TRUST_AFTER_MS)
})

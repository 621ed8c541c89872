import { expect, test } from 'vitest'

import { runKeyedScript } from './keyed-script.ts'
import { POINTS, startMortalServers } from './mortal-servers.ts'

const full = process.env.TEST_FULL === '1'

const KEYS = full ? 2_000 : 150

/** Below these the run has shown nothing. */
const LEAST = full ? { kills: 150, atEachPoint: 8 } : { kills: 10, atEachPoint: 1 }

/** A server comes to its point so many times at most. */
const MOST_TIMES = full ? 30 : 20

const timeout = 600_000

test(
  'keyed mutations happen once each and are answered the same, whenever their server is killed',
  { timeout },
  async () => {
    await using servers = await startMortalServers(MOST_TIMES)
    const startedAt = performance.now()
    const report = await runKeyedScript(servers, { keys: KEYS, procedure: 'apply' })
    const { kills, otherEnds } = servers
    const all = Object.values(kills).reduce((sum, count) => sum + count, 0)
    const tookMs = Math.round(performance.now() - startedAt)
    const { lies, replays, retries } = report
    console.info({ keys: KEYS, tookMs, kills, all, replays, retries, otherEnds })
    expect(lies).toEqual([])
    expect(otherEnds).toEqual([])
    expect(all).toBeGreaterThanOrEqual(LEAST.kills)
    for (const point of POINTS)
      expect([point, kills[point] >= LEAST.atEachPoint]).toEqual([point, true])
    expect(replays).toBeGreaterThanOrEqual(KEYS * 0.95)
  },
)

test.runIf(full)('the same script finds a key that is stored in a second transaction', async () => {
  await using servers = await startMortalServers(12)
  const report = await runKeyedScript(servers, { keys: 50, procedure: 'applyCarelessly' })
  console.info(servers.kills, report.lies.length, report.lies.slice(0, 3))
  expect(report.lies).toContainEqual(expect.stringMatching(/: [2-9] effects instead of 1$/))
})

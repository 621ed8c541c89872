import { expect, test } from 'vitest'

import { startTestRedis, type TestRedis } from '@tautline/kit/testing'

import { until } from '../dev/wait.ts'
import { redisPath } from '../setup/has-redis.ts'
import { startBackend } from './backend.ts'
import { add, ask, valueOf } from './calls.ts'
import { holdCommits } from './held-commits.ts'

const FULL = process.env.TEST_FULL === '1'
const MARKS = 'tautline:cache:marks:counter:c'

/** Waits for the end of the marks; in the short run they are made to end now. */
async function expireMarks(redis: TestRedis): Promise<void> {
  if (!FULL) await redis.tell(`DEL ${MARKS} tautline:cache:marks:counters`)
  await until('the marks to expire', async () => (await redis.tell(`EXISTS ${MARKS}`)) === ':0')
}

test.skipIf(redisPath === undefined)(
  'a process that dies between its COMMIT and the end of its marks leaves nothing stale',
  async () => {
    await using redis = await startTestRedis()
    await using backend = await startBackend(redis.url)
    const [mortal, other] = backend.urls
    expect(await add(mortal, 'c')).toBe(1)
    for (const url of backend.urls) expect(await valueOf(url, 'c')).toBe(1)
    expect((await ask(other, 'counter.get', { input: { id: 'c' } })).cache).toBe('hit')

    await using commits = await holdCommits(backend.databaseUrl)
    const dying = add(mortal, 'c').catch(() => 'no answer')
    await until('COMMIT to be sent', async () => (await commits.held()) === 1)
    await backend.kill()
    expect(await dying).toBe('no answer')
    expect(await redis.tell(`EXISTS ${MARKS}`)).toBe(':1')
    expect(await valueOf(other, 'c')).toBe(1) // it is not committed yet, and nobody keeps it

    await commits.release()
    await until('Postgres to commit', async () => (await commits.committed('c')) === 2)
    expect(await valueOf(other, 'c')).toBe(2)
    await backend.restart()
    for (const url of backend.urls) expect(await valueOf(url, 'c')).toBe(2)

    await expireMarks(redis)
    for (const url of backend.urls) {
      expect(await valueOf(url, 'c')).toBe(2)
      expect((await ask(url, 'counter.get', { input: { id: 'c' } })).cache).toBe('hit')
    }
    expect(await add(other, 'c')).toBe(3)
    for (const url of backend.urls) expect(await valueOf(url, 'c')).toBe(3)
  },
)

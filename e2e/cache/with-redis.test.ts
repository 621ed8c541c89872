import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { startTestRedis, type TestRedis } from '@tautline/kit/testing'

import { openSession } from '../faults/server-process.ts'
import { redisPath } from '../setup/has-redis.ts'
import { startBackend, type Backend } from './backend.ts'
import { ask } from './calls.ts'
import { readAndWrite, report } from './checker.ts'

const FULL = process.env.TEST_FULL === '1'

/** For a hundred thousand calls on a small machine, in milliseconds. */
const LONG_MS = 900_000

describe.skipIf(redisPath === undefined)('two processes with Redis', () => {
  let redis: TestRedis
  let backend: Backend
  beforeAll(async () => {
    redis = await startTestRedis()
    backend = await startBackend(redis.url)
  })
  afterAll(async () => {
    await backend[Symbol.asyncDispose]()
    await redis[Symbol.asyncDispose]()
  })

  /** How often the query has run for a key, as the database has counted. */
  async function runsOf(key: string): Promise<number> {
    await using session = await openSession(backend.databaseUrl)
    const { rows } = await session.client.query('select 1 from fill_run where key = $1', [key])
    return rows.length
  }

  const askTogether = (key: string, count: number) =>
    Promise.all(
      Array.from({ length: count }, (_, index) =>
        ask(backend.urls[index % 2 ? 1 : 0], 'counter.unlucky', { input: { key } }),
      ),
    )

  test('run a query twice for a thousand reads, when the first run fails', async () => {
    // Code that runs for the first time can hold a process for longer than Redis may take.
    for (const key of ['warm', 'warmer']) await askTogether(key, 200)
    const answers = await askTogether('a thousand', 1_000)
    expect(await runsOf('a thousand')).toBe(2)
    const told = Object.groupBy(answers, ({ data, reason }) => reason ?? JSON.stringify(data))
    const counts = Object.entries(told).map(([what, all]) => [what, all?.length])
    expect(Object.fromEntries(counts)).toEqual({ UNLUCKY: 1, '{"run":2}': 999 })
  })

  test(
    'never read what was true before a change that was acknowledged',
    { timeout: LONG_MS },
    async () => {
      const calls = FULL ? 100_000 : 3_000
      const reads = ['counter.get', 'counter.get', 'counter.all']
      const verdict = await readAndWrite({ urls: backend.urls, reads, calls })
      report('with Redis', verdict)
      expect(verdict.stale).toBe(0)
      expect(verdict.hits).toBeGreaterThan(verdict.reads / 10)
    },
  )

  test('never give what is kept for one caller to another', async () => {
    const users = Array.from({ length: 20 }, (_, index) => `user ${index}`)
    const askAll = () =>
      Promise.all(
        users.flatMap((user) => backend.urls.map((url) => ask(url, 'counter.mark', { user }))),
      )
    const own = users.flatMap((user) => backend.urls.map(() => ({ mark: `mark of ${user}` })))
    const [first, second] = [await askAll(), await askAll()]
    for (const answers of [first, second]) expect(answers.map(({ data }) => data)).toEqual(own)
    expect(new Set(second.map(({ cache }) => cache))).toEqual(new Set(['hit']))
    const nobody = await ask(backend.urls[0], 'counter.mark')
    expect(nobody.reason).toBe('UNAUTHENTICATED')
  })
})

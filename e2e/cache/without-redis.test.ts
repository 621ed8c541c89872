import { expect, test } from 'vitest'

import { startBackend } from './backend.ts'
import { readAndWrite, report } from './checker.ts'

const FULL = process.env.TEST_FULL === '1'

test('two processes without Redis read what was true before for as long as NOTIFY takes', async () => {
  await using backend = await startBackend()
  const { urls } = backend
  const told = await readAndWrite({
    urls,
    reads: ['counter.get', 'counter.all'],
    calls: FULL ? 20_000 : 2_000,
  })
  report('without Redis', told)
  expect(told.hits).toBeGreaterThan(told.reads / 10)
  expect(told.longestMs).toBeLessThan(FULL ? 3_000 : Infinity)
})

test('two processes that know no changes read what was true before for as long as they keep it', async () => {
  await using backend = await startBackend()
  const reads = ['counter.getForTime']
  const verdict = await readAndWrite({ urls: backend.urls, reads, calls: 1_500 })
  report('by time alone', verdict)
  expect(verdict.stale).toBeGreaterThan(0)
  expect(verdict.longestMs).toBeGreaterThan(100)
})

import { afterEach, beforeEach, expect, test, vi } from 'vitest'

import { clientOver, type Fate } from './fake-server.fixture.ts'
import { safe } from './safe.ts'
import type { Call } from './types.ts'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

/** Why a call failed, or `done`, and how long it took, in milliseconds. */
async function watched(call: Call<unknown, { readonly reason: string }>) {
  const startedAt = performance.now()
  const result = safe(call).then(([, error]) => ({
    end: error?.reason ?? 'done',
    tookMs: performance.now() - startedAt,
  }))
  await vi.runAllTimersAsync()
  return result
}

const LATER: Fate = { reason: 'RATE_LIMITED', retryAfterMs: 2_500 }

test('a call that is not answered ends with its time', async () => {
  const { notes } = clientOver(['silent', 'silent', 'silent'], { timeoutMs: 2_000 })
  expect(await watched(notes.read.query())).toEqual({ end: 'TIMED_OUT', tookMs: 2_000 })
  const hasty = notes.read.query(undefined, { timeoutMs: 300 })
  expect(await watched(hasty)).toEqual({ end: 'TIMED_OUT', tookMs: 300 })
  const sent = notes.write.mutate(undefined, { timeoutMs: 300 })
  expect(await watched(sent)).toEqual({ end: 'OUTCOME_UNKNOWN', tookMs: 300 })
})

test('a mutation whose time is up before it was sent has not happened', async () => {
  const { notes, requests } = clientOver([], {
    timeoutMs: 300,
    auth: () => new Promise((resolve) => setTimeout(resolve, 5_000, 'late')),
  })
  expect(await watched(notes.write.mutate())).toEqual({ end: 'TIMED_OUT', tookMs: 300 })
  expect(requests).toEqual([])
})

test('each attempt tells the server how much time is left', async () => {
  const { notes, requests } = clientOver([LATER])
  expect((await watched(notes.read.query())).end).toBe('done')
  const [first, second] = requests.map(({ deadlineMs }) => deadlineMs)
  expect(first).toBeGreaterThan(29_900)
  expect(first).toBeLessThanOrEqual(30_000)
  expect(second).toBeLessThanOrEqual((first ?? 0) - 2_500)
  expect(second).toBeGreaterThan(26_000)
})

test('a batch has the time of its longest call, and each call its own', async () => {
  const { notes, requests } = clientOver(['silent'])
  const times = [1_000, 5_000, 3_000]
  const calls = times.map((timeoutMs) => watched(notes.read.query(undefined, { timeoutMs })))
  expect(await Promise.all(calls)).toMatchObject(
    times.map((tookMs) => ({ end: 'TIMED_OUT', tookMs })),
  )
  expect(requests).toHaveLength(1)
  expect(requests[0]?.deadlineMs).toBeGreaterThan(4_900)
})

test('a wait that would outlast the call is not begun', async () => {
  const { notes, requests } = clientOver([LATER], { timeoutMs: 2_000 })
  const { end, tookMs } = await watched(notes.read.query())
  expect(end).toBe('RATE_LIMITED')
  expect(tookMs).toBeLessThan(100)
  expect(requests).toHaveLength(1)
})

test('an abort ends a wait at once, and nothing is sent after it', async () => {
  const { notes, requests } = clientOver([LATER])
  const controller = new AbortController()
  const call = safe(notes.read.query(undefined, { signal: controller.signal }))
  await vi.advanceTimersByTimeAsync(1_000)
  const abortedAt = performance.now()
  controller.abort(new Error('The page is gone.'))
  expect((await call)[1]).toMatchObject({
    reason: 'ABORTED',
    cause: { message: 'The page is gone.' },
  })
  expect(performance.now()).toBe(abortedAt)
  expect(vi.getTimerCount()).toBe(0)
  await vi.runAllTimersAsync()
  expect(requests).toHaveLength(1)
})

test('a call that has ended leaves no timer behind', async () => {
  const { notes } = clientOver([])
  const call = notes.read.query()
  await vi.advanceTimersByTimeAsync(10)
  await call
  expect(vi.getTimerCount()).toBe(0)
})

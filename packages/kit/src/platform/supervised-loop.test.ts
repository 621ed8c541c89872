import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { Writable } from 'node:stream'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

import { sleep } from '@tautline/shared'

import { currentCall } from './call-scope.ts'
import { createLogger } from './logger.ts'
import { createMetrics } from './metrics.ts'
import { startLoop, type LoopOptions } from './supervised-loop.ts'

/** A loop every few milliseconds, its metrics and its log. */
function loopOf(options: Pick<LoopOptions, 'run'> & Partial<LoopOptions>) {
  const lines: string[] = []
  const output = new Writable({
    write(line: Buffer, _encoding, done) {
      lines.push(line.toString())
      done()
    },
  })
  const metrics = createMetrics()
  const log = createLogger('info', output)
  const loop = startLoop({ name: 'tidy_up', everyMs: 5, log, metrics, ...options })
  const failures = () => metrics.snapshot().counters['loop_failures_total{loop="tidy_up"}'] ?? 0
  const lastRun = () => metrics.snapshot().gauges.loop_tidy_up_last_run_seconds
  return { loop, lines, failures, lastRun, [Symbol.asyncDispose]: () => loop.stop() }
}

const aborted = (signal: AbortSignal) => once(signal, 'abort')

test('a loop runs at once and again, and never twice at the same time', async () => {
  let [turns, running, most] = [0, 0, 0]
  await using it = loopOf({
    everyMs: 1,
    async run() {
      most = Math.max(most, ++running)
      await sleep(5) // longer than the interval
      running--
      turns++
    },
  })
  await expect.poll(() => turns).toBeGreaterThan(3)
  expect(most).toBe(1)
  await it.loop.stop()
})

test('a loop waits its interval between two turns', async () => {
  let turns = 0
  await using it = loopOf({ everyMs: 3_600_000, run: async () => void turns++ })
  await expect.poll(() => turns).toBe(1)
  await sleep(50) // in which a loop that does not wait turns thousands of times
  expect(turns).toBe(1)
  await it.loop.stop()
})

test('a loop survives turns that fail: it logs and counts them and goes on', async () => {
  let turns = 0
  await using it = loopOf({
    run() {
      if (++turns <= 4) throw new Error(`turn ${turns} went wrong`)
      return Promise.resolve()
    },
  })
  await expect.poll(() => turns, { timeout: 10_000 }).toBeGreaterThan(5)
  expect(it.failures()).toBe(4)
  const failed = it.lines.filter((line) => line.includes('a turn of a loop failed'))
  expect(failed).toHaveLength(4)
  expect(failed[0]).toMatch(/turn 1 went wrong.*"loop":"tidy_up"/)
})

test('a loop whose turns all fail tries less and less often', async () => {
  await using it = loopOf({ everyMs: 1, run: () => Promise.reject(new Error('never')) })
  await sleep(400) // in which a loop that knows no backoff fails hundreds of times
  await it.loop.stop()
  expect(it.failures()).toBeGreaterThan(0)
  expect(it.failures()).toBeLessThan(30)
})

test('a turn that takes too long is told to end, and the next one comes', async () => {
  const reasons: unknown[] = []
  await using _ = loopOf({
    timeoutMs: 20,
    backoffCapMs: 1,
    async run(signal) {
      await aborted(signal)
      reasons.push(signal.reason)
      signal.throwIfAborted()
    },
  })
  await expect.poll(() => reasons.length, { timeout: 5_000 }).toBeGreaterThan(5)
  expect(reasons[0]).toMatchObject({ name: 'TimeoutError' })
})

test('a gauge tells when the last good turn ended', async () => {
  let [now, fails] = [new Date(0), true]
  await using it = loopOf({
    clock: { now: () => now },
    run: async () => {
      if (fails) throw new Error('not yet')
    },
  })
  await expect.poll(it.failures).toBeGreaterThan(0)
  now = new Date('2026-11-22T12:00:00Z')
  expect(it.lastRun()).toBe(0)
  fails = false
  await expect.poll(it.lastRun, { timeout: 10_000 }).toBe(now.getTime() / 1_000)
  await it.loop.stop()
  expect(it.lastRun()).toBeUndefined()
})

test('a stop aborts the running turn and waits for its end', async () => {
  let state = 'not begun'
  await using it = loopOf({
    async run(signal) {
      state = 'running'
      await aborted(signal)
      await sleep(20)
      state = 'ended'
    },
  })
  await expect.poll(() => state).toBe('running')
  await it.loop.stop()
  expect(state).toBe('ended')
  expect(it.failures()).toBe(0)
})

test('a stop waits less than a second for a turn that ignores it, and says so', async () => {
  let begun = false
  await using it = loopOf({
    run() {
      begun = true
      return new Promise(() => {})
    },
  })
  await expect.poll(() => begun).toBe(true)
  const startedAt = performance.now()
  await it.loop.stop()
  const tookMs = performance.now() - startedAt
  expect(tookMs).toBeGreaterThan(500)
  expect(tookMs).toBeLessThan(process.env.TEST_FULL === '1' ? 1_000 : 10_000)
  expect(it.lines.join()).toContain('a loop ignored its stop')
})

test('a stop ends a pause at once', async () => {
  let turns = 0
  await using it = loopOf({ everyMs: 3_600_000, run: async () => void turns++ })
  await expect.poll(() => turns).toBe(1)
  await it.loop.stop()
  expect(it.lines.join()).not.toContain('ignored')
})

test('a turn is a call of its own, so that its queries follow its signal', async () => {
  const seen: unknown[] = []
  await using it = loopOf({
    everyMs: 3_600_000,
    run: async (signal) => void seen.push(signal === currentCall()?.signal),
  })
  await expect.poll(() => seen).toEqual([true])
  await it.loop.stop()
})

test('only a leader takes turns, and one that loses the lead ends its turn', async () => {
  let lead: AbortController | undefined
  const turns: string[] = []
  await using it = loopOf({
    leadership: { lead: async () => lead?.signal },
    async run(signal) {
      turns.push('begun')
      await aborted(signal)
      turns.push('ended')
    },
  })
  await sleep(50) // in which it would have begun many times
  expect([turns, it.lastRun()]).toEqual([[], 0])
  lead = new AbortController()
  await expect.poll(() => turns).toEqual(['begun'])
  const lost = lead
  lead = undefined
  lost.abort()
  await expect.poll(() => turns).toEqual(['begun', 'ended'])
})

test('a loop keeps no process alive', async () => {
  const program = `
    import { createLogger } from './logger.ts'
    import { createMetrics } from './metrics.ts'
    import { startLoop } from './supervised-loop.ts'
    const [log, metrics] = [createLogger('silent'), createMetrics()]
    const run = async () => console.log('turned')
    startLoop({ name: 'tidy_up', everyMs: 3_600_000, run, log, metrics })`
  const flags = ['--conditions=@tautline/source', '--input-type=module']
  const { stdout } = await promisify(execFile)(process.execPath, [...flags, '-e', program], {
    cwd: import.meta.dirname,
    timeout: 20_000, // ends it with an error
  })
  expect(stdout).toBe('turned\n')
})

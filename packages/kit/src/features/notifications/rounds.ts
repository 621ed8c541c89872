import { backoffMs, sleep } from '@tautline/shared'

import { orAborted } from '../../platform/abort.ts'
import { withDeadline } from '../../platform/call-scope.ts'
import type { Logger } from '../../platform/logger.ts'
import type { Metrics } from '../../platform/metrics.ts'
import { startLoop } from '../../platform/supervised-loop.ts'
import { createWaker } from '../../platform/waker.ts'

/** What one round looks at. */
const AT_ONCE = 100

/** From the beginning of one round to that of the next, in milliseconds: what rings until then waits. */
const GATHER_MS = 20

/** Longest round, in milliseconds. */
const TIMEOUT_MS = 5_000

/** Before the next round after one that failed. */
const BACKOFF = { baseMs: 200, capMs: 2_000 }

export interface RoundsOptions<Item> {
  readonly log: Logger
  readonly metrics: Metrics
  /** Looks at what has rung. What it fails with is logged, and the same is looked at again. */
  readonly look: (items: readonly Item[]) => Promise<void>
}

/** Looks at whatever rings, together at what rings together. */
export interface Rounds<Item> {
  /** Has it looked at; again, where that has begun. */
  readonly ring: (item: Item) => void
  /** Leaves it out, unless that has begun. */
  forget(item: Item): void
  stop(): void
}

export function startRounds<Item>({ log, metrics, look }: RoundsOptions<Item>): Rounds<Item> {
  const rung = new Set<Item>()
  const { wake, wait } = createWaker()
  let failures = 0
  let lookedAt = -Infinity

  function ring(item: Item): void {
    rung.add(item)
    wake()
  }

  async function turn(signal: AbortSignal): Promise<void> {
    await orAborted(wait(), signal)
    await sleep(Math.max(0, lookedAt + GATHER_MS - performance.now()), { signal })
    lookedAt = performance.now()
    const batch = [...rung].slice(0, AT_ONCE)
    for (const item of batch) rung.delete(item)
    if (rung.size > 0) wake()
    if (batch.length === 0) return
    try {
      const looked = withDeadline('notifications.follow', TIMEOUT_MS, () => look(batch))
      await orAborted(looked, signal)
      metrics.count('notification_rounds_total')
      failures = 0
    } catch (error) {
      if (signal.aborted) return
      for (const item of batch) ring(item)
      log.warn({ err: error }, 'nobody could look for new notifications')
      await sleep(backoffMs(failures++, BACKOFF), { signal })
    }
  }

  const loop = startLoop({ name: 'notification_rounds', everyMs: 0, log, metrics, run: turn })
  return {
    ring,
    forget: (item) => void rung.delete(item),
    stop: () => void loop.stop(),
  }
}

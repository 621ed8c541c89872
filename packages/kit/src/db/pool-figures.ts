import type { Pool } from 'pg'

import type { Metrics } from '../platform/metrics.ts'

/** A wait for a connection, also one in vain. */
interface PoolWait {
  readonly waitedMs: number
  /** Whether none could be had within the pool's acquire timeout. */
  readonly timedOut: boolean
}

export type OnWait = (wait: PoolWait) => void

/**
 * Makes the pool visible, from now on: to be called before its first connection. What is returned
 * counts the waits for one. A connection in use is lent to somebody; where calls have all ended and
 * some are still in use, somebody has not given them back.
 */
export function observePool(pool: Pool, metrics: Metrics): OnWait {
  let inUse = 0
  pool.on('acquire', () => inUse++)
  pool.on('release', (discarded) => {
    inUse--
    if (discarded) metrics.count('db_pool_connections_discarded_total')
  })
  pool.on('connect', () => metrics.count('db_pool_connections_opened_total'))
  pool.on('remove', () => metrics.count('db_pool_connections_closed_total'))
  metrics.gauge('db_pool_size', () => pool.options.max)
  metrics.gauge('db_pool_connections', () => pool.totalCount)
  metrics.gauge('db_pool_in_use', () => inUse)
  metrics.gauge('db_pool_idle', () => pool.idleCount)
  metrics.gauge('db_pool_waiting', () => pool.waitingCount)
  return ({ waitedMs, timedOut }) => {
    metrics.observe('db_pool_acquire_seconds', waitedMs / 1000)
    if (timedOut) metrics.count('db_pool_acquire_timeouts_total')
  }
}

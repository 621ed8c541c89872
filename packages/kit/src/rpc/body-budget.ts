import { commonErrors, Failure } from '@tautline/shared'

import type { Metrics } from '../platform/metrics.ts'
import { networkOf } from '../policies/rate-limit/network.ts'

/** Bytes of all bodies that are being read in this process. */
export const MAX_BYTES_IN_READING = 64_000_000

/** What one client may take of that, as a share; never less than one body of the largest kind. */
const CLIENT_SHARE = 0.25

/** Bounds of the wait that a refused caller is asked for, in milliseconds. */
const RETRY_AFTER_MS = { min: 1_000, max: 5_000 }

export interface BodyBudgetOptions {
  readonly maxBytes: number
  /** The largest body that any procedure takes, in bytes. */
  readonly largestBytes: number
  readonly metrics: Metrics
}

/** One body that is being read. To be disposed of when that has ended, however it did. */
export interface BodyIntake extends Disposable {
  /** Counts bytes that have come. Throws `OVERLOADED` when there is no room for them. */
  take(bytes: number): void
}

/** Bounds what bodies hold that have not come to their end: nobody was let in for them yet. */
export interface BodyBudget {
  /** Begins to read a body that comes from an IP address. */
  open(address: string): BodyIntake
}

/** The gauge `rpc_body_bytes` tells how much is held. */
export function createBodyBudget({
  maxBytes,
  largestBytes,
  metrics,
}: BodyBudgetOptions): BodyBudget {
  const clientBytes = Math.max(maxBytes * CLIENT_SHARE, largestBytes)
  const held = new Map<string, number>()
  let total = 0
  metrics.gauge('rpc_body_bytes', () => total)

  function change(client: string, by: number): void {
    const bytes = (held.get(client) ?? 0) + by
    total += by
    if (bytes > 0) held.set(client, bytes)
    else held.delete(client)
  }

  return {
    open(address) {
      const client = networkOf(address)
      let own = 0
      return {
        take(bytes) {
          const ofClient = (held.get(client) ?? 0) + bytes
          if (total + bytes > maxBytes || ofClient > clientBytes) throw overloaded()
          own += bytes
          change(client, bytes)
        },
        [Symbol.dispose]() {
          change(client, -own)
          own = 0
        },
      }
    },
  }
}

function overloaded(): Failure {
  const { min, max } = RETRY_AFTER_MS
  return new Failure(commonErrors.OVERLOADED, { retryAfterMs: min + Math.random() * (max - min) })
}

import { systemClock } from '../platform/clock.ts'
import type { Logger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { createSecrets } from '../platform/secrets.ts'
import { createOutgoing } from '../policies/outgoing/outgoing.ts'
import type { AttemptResources } from './attempt-context.ts'

/** What a handler may use, in tests that have no settings and keep no files. */
export function openTaskResources(log: Logger) {
  const metrics = createMetrics()
  const outgoing = createOutgoing({ log, metrics, clock: systemClock })
  const nowhere = () => Promise.reject(new Error('These tests keep no files.'))
  const resources: AttemptResources = {
    log,
    metrics,
    clock: systemClock,
    secrets: createSecrets('a secret that is only good for tests', undefined),
    settings: () => {
      throw new Error('These tests have no settings.')
    },
    outgoing,
    cache: { invalidate: async () => {}, around: (transact, run) => transact(run) },
    files: {
      create: nowhere,
      stage: nowhere,
      keep: nowhere,
      discard: nowhere,
      find: nowhere,
      open: nowhere,
      remove: nowhere,
      sweep: nowhere,
    },
  }
  return { resources, metrics, [Symbol.asyncDispose]: () => outgoing.close() }
}

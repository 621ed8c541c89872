import type { AppDefinition, FeatureLoop } from './app-definition.ts'
import { createLeaderLock } from './db/leader-lock.ts'
import type { DatabaseConfig } from './db/pool.ts'
import { startLoop, type Loop } from './platform/supervised-loop.ts'
import { idempotencyCleanup } from './policies/idempotency/cleanup.ts'
import type { Resources } from './resources.ts'

/** The loops of all features. */
export interface Loops {
  /** Starts them; does nothing when they were stopped before. */
  start(): void
  readonly stop: () => Promise<void>
}

/** Opens nothing before the start. */
export function createLoops(
  { features }: AppDefinition,
  resources: Resources,
  config: DatabaseConfig,
): Loops {
  const { log, metrics, clock } = resources
  const leadership = createLeaderLock(config, log)
  const running: Loop[] = []
  let stopped = false
  return {
    start() {
      if (stopped) return
      for (const [name, loop] of loopsOf(features)) {
        running.push(
          startLoop({
            name,
            everyMs: loop.everyMs,
            run: (signal) => loop.run(resources, signal),
            leadership: loop.runsIn === 'one process' ? leadership : undefined,
            log,
            metrics,
            clock,
          }),
        )
      }
    },
    async stop() {
      stopped = true
      await Promise.all(running.map((loop) => loop.stop()))
      await leadership.release()
    },
  }
}

/** Those of the policies, and those of the features. */
function loopsOf(features: AppDefinition['features']): (readonly [string, FeatureLoop])[] {
  const own = Object.entries(features).flatMap(([noun, { loops = {} }]) =>
    Object.entries(loops).map(([verb, loop]) => [`${noun}_${verb}`, loop] as const),
  )
  return [['idempotency_cleanup', idempotencyCleanup], ...own]
}

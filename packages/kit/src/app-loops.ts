import type { AppDefinition } from './app-definition.ts'
import { createLeaderLock } from './db/leader-lock.ts'
import type { DatabaseConfig } from './db/pool.ts'
import { startLoop, type Loop } from './platform/supervised-loop.ts'
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
      for (const [noun, feature] of Object.entries(features)) {
        for (const [verb, loop] of Object.entries(feature.loops ?? {})) {
          running.push(
            startLoop({
              name: `${noun}_${verb}`,
              everyMs: loop.everyMs,
              run: (signal) => loop.run(resources, signal),
              leadership: loop.runsIn === 'one process' ? leadership : undefined,
              log,
              metrics,
              clock,
            }),
          )
        }
      }
    },
    async stop() {
      stopped = true
      await Promise.all(running.map((loop) => loop.stop()))
      await leadership.release()
    },
  }
}

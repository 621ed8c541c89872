import type { AppDefinition, FeatureLoop } from './app-definition.ts'
import { createLeaderLock } from './db/leader-lock.ts'
import type { DatabaseConfig } from './db/pool.ts'
import { startLoop, type Loop } from './platform/supervised-loop.ts'
import { idempotencyCleanup } from './policies/idempotency/cleanup.ts'
import type { Resources } from './resources.ts'
import type { EngineLoop } from './tasks/engine-loops.ts'

/** The loops of all features. */
export interface Loops {
  /** Starts them; does nothing when they were stopped before. */
  start(): void
  readonly stop: () => Promise<void>
}

export interface LoopsParts {
  readonly definition: AppDefinition
  readonly resources: Resources
  readonly database: DatabaseConfig
  /** Those that tasks rely on, by their names. */
  readonly engineLoops: Readonly<Record<string, EngineLoop>>
}

/** Opens nothing before the start. */
export function createLoops({ definition, resources, database, engineLoops }: LoopsParts): Loops {
  const { log, metrics, clock } = resources
  const leadership = createLeaderLock(database, log)
  const running: Loop[] = []
  let stopped = false
  return {
    start() {
      if (stopped) return
      const all: (readonly [string, FeatureLoop & Partial<EngineLoop>])[] = [
        ...loopsOf(definition.features),
        ...Object.entries(engineLoops),
      ]
      for (const [name, loop] of all) {
        running.push(
          startLoop({
            name,
            everyMs: loop.everyMs,
            timeoutMs: loop.timeoutMs,
            backoffCapMs: loop.backoffCapMs,
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

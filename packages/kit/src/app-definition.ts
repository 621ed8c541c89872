import type { AnyTRPCProcedure, TRPCBuiltRouter } from '@trpc/server'

import type { ErrorShape } from '@tautline/shared'

import { findTaskMistakes } from './app-tasks.ts'
import { findSettingsContradictions, type SettingsSchema } from './config-settings.ts'
import type { Migrations } from './db/migrations.ts'
import { findExportContradictions } from './exports/checks.ts'
import type { Exports } from './exports/definition.ts'
import { findFileContradictions } from './files-http/checks.ts'
import type { FilesDefinition } from './files-http/definition.ts'
import type { Limits } from './policies/rate-limit/limits.ts'
import type { Identity, Resources } from './resources.ts'
import { findContradictions } from './rpc/checks.ts'
import { t } from './rpc/trpc.ts'
import type { Task, TaskKindOf } from './tasks/definition.ts'
import type { OnTasksEnd } from './tasks/ended.ts'
import type { TaskBounds } from './tasks/engine.ts'

/** Procedures by their verb. */
export type Procedures = Readonly<Record<string, AnyTRPCProcedure>>

/** A value that adds to a backend. The noun under which it is added names its procedures. */
export interface Feature<P extends Procedures = Procedures> {
  readonly router: P
  /** What can be read as a file of any length, at `/exports/<name>`: made by `exportRows`. */
  readonly exports?: Exports
  /** That it keeps files, and how: `files()` says so, and nobody else. */
  readonly files?: FilesDefinition
  /** Its background work, made by `task`. The backend then has the feature `tasks()` too. */
  readonly tasks?: readonly Task[]
  /** Bounds of the tasks of all features: `tasks()` has them, and nobody else. */
  readonly taskBounds?: TaskBounds
  /**
   * Told of all ends of tasks, of whichever feature, in the transaction that ends them: what it writes is
   * there exactly when the tasks have ended. Under load it is told of up to 50 at once. It is to be
   * short; what it throws is logged and keeps no task from ending, and it is told again then, of each
   * alone. A task that is tried anew and ends again is told again.
   */
  readonly onTasksEnd?: OnTasksEnd
  /**
   * Settings of its own: environment variables by their names, in UPPER_CASE. They are read and checked
   * with the library's, each may be given as `NAME_FILE`, and handlers have them by
   * `ctx.settings(schema)`. `NODE_ENV` may be among them.
   */
  readonly settings?: SettingsSchema
  /** Migrations of a feature that comes in a package; a backend's own are in its folder. */
  readonly migrations?: Migrations
  /** Values of its in-process parts, read when somebody looks. */
  readonly gauges?: Readonly<Record<string, () => number>>
  /** What it does again and again while the server serves, by verbs in snake_case. */
  readonly loops?: Readonly<Record<string, FeatureLoop>>
}

/** Work that comes round by itself, such as deleting what has expired. */
export interface FeatureLoop {
  /** From the end of a turn to the beginning of the next, in milliseconds. */
  readonly everyMs: number
  /**
   * `every process`, or `one process` of all that share the database. That one may change in the
   * middle of a turn, so a turn must be harmless when it runs twice.
   */
  readonly runsIn: 'every process' | 'one process'
  /** One turn. When it throws, it is logged, counted and tried again with backoff. */
  readonly run: (resources: Resources, signal: AbortSignal) => Promise<void>
}

type Features = Readonly<Record<string, Feature>>

/** The router type that clients import: it names procedures and their types, and no context. */
export type RouterOf<F extends Features> = TRPCBuiltRouter<
  { ctx: object; meta: object; errorShape: ErrorShape; transformer: true },
  { [Noun in keyof F]: F[Noun]['router'] }
>

type TaskIn<F extends Feature> = F extends { readonly tasks: readonly (infer T extends Task)[] }
  ? T
  : never

/**
 * What clients import beside the router type: the tasks by their names, each with its output and its
 * own events.
 */
export type TasksOf<F extends Features> = {
  readonly [T in TaskIn<F[keyof F]> as T['name']]: TaskKindOf<T>
}

export interface AppOptions<F extends Features> {
  readonly name: string
  readonly version: string
  readonly features: F
  /** Limits that procedures name: `policy: { limit: 'reads' }`. */
  readonly limits?: Limits
  /** Tells who calls. */
  readonly identity: Identity
  /** Folder of the backend's own migrations. */
  readonly migrations: URL
  /**
   * Fills a development database; only `tautline dev` runs it, at every start, before it serves at
   * `baseUrl`. Returns lines to show, such as what a newcomer can try.
   */
  readonly seed?: (resources: Resources, baseUrl: string) => Promise<readonly string[]>
}

/** A backend as a value. Nothing is opened by it; `createApp` does that. */
export interface AppDefinition<F extends Features = Features> extends AppOptions<F> {
  readonly router: RouterOf<F>
}

/** Puts a backend together. Throws when its procedures contradict themselves. */
export function defineApp<const F extends Features>(options: AppOptions<F>): AppDefinition<F> {
  const record = Object.fromEntries(
    Object.entries(options.features).map(([noun, feature]) => [noun, { ...feature.router }]),
  )
  const router = t.router(record)
  const limits = options.limits ?? {}
  const contradictions = [
    ...findContradictions(router, limits),
    ...findExportContradictions(Object.values(options.features), limits),
    ...findFileContradictions(Object.values(options.features), limits),
    ...findTaskMistakes(options.features),
    ...findSettingsContradictions(options),
  ]
  if (contradictions.length > 0) {
    const lines = contradictions.map((line) => `  - ${line}`).join('\n')
    throw new Error(`The procedures of ${options.name} contradict themselves:\n${lines}`)
  }
  // The record was built from exactly these features.
  // oxlint-disable-next-line typescript/consistent-type-assertions -- Object.fromEntries forgets keys
  return { ...options, router: router as unknown as RouterOf<F> }
}

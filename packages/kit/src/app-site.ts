import type { AppDefinition } from './app-definition.ts'
import { filesOf } from './app-files.ts'
import type { Config } from './config.ts'
import type { Lanes } from './db/migrations.ts'
import { pathOf, type Exports } from './exports/definition.ts'
import { createExportHandlers } from './exports/handler.ts'
import { createFileHandler } from './files-http/handler.ts'
import { createReadyz, livez } from './http/health.ts'
import type { Route } from './http/server.ts'
import { createSite } from './http/site.ts'
import { createWelcome } from './http/welcome.ts'
import type { Redis } from './platform/redis/redis.ts'
import type { Identity, Resources } from './resources.ts'
import { createRpcHandler } from './rpc/http.ts'
import type { Mechanisms } from './rpc/mechanisms.ts'
import { createQueryBudgets } from './rpc/query-budget.ts'

export interface SiteParts {
  readonly definition: AppDefinition
  readonly config: Config
  readonly lanes: Lanes
  readonly resources: Resources
  readonly identity: Identity
  readonly mechanisms: Mechanisms
  readonly redis: Redis | undefined
  readonly draining: () => boolean
}

/** All that a backend answers: its procedures, its exports, its pages. */
export function openSite(parts: SiteParts): Route {
  const { definition, config, lanes, resources, identity, mechanisms, redis, draining } = parts
  const { router, version } = definition
  const { db } = resources
  const { hosts, corsOrigins, corsCredentials } = config.http
  const degraded = () => (redis?.state === 'down' ? ['redis'] : [])
  const exports = exportsOf(definition)
  const files = filesOf(definition.features)
  return createSite({
    pages: { '/': createWelcome(definition) },
    probes: {
      '/livez': livez,
      '/readyz': createReadyz({ db, lanes, draining, version, degraded }),
    },
    rpc: createRpcHandler({
      router,
      resources,
      identity,
      mechanisms,
      exportPaths: new Map(Object.keys(exports).map((name) => [name, pathOf(name)])),
      slowCallMs: config.slowCallMs,
      budgets: createQueryBudgets({ ...resources, fails: config.environment === 'test' }),
    }),
    exports: createExportHandlers(exports, { resources, identity, mechanisms }),
    files: files && createFileHandler(files, { resources, identity, mechanisms }),
    hosts,
    cors: { origins: corsOrigins, credentials: corsCredentials },
  })
}

/** Those of all features; `defineApp` has seen to it that no two have one name. */
function exportsOf({ features }: AppDefinition): Exports {
  const all = Object.values(features).flatMap(({ exports = {} }) => Object.entries(exports))
  return Object.fromEntries(all)
}

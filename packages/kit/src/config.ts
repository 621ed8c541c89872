import { settingsSchemasOf, type SettingsOwner } from './config-settings.ts'
import { readVariables, type Environment } from './config-sources.ts'
import type { Variables } from './config-variables.ts'
import type { DatabaseConfig } from './db/pool.ts'
import type { HttpConfig } from './http/listener.ts'
import type { LogLevel } from './platform/logger.ts'
import type { RedisConfig } from './platform/redis/connection.ts'
import type { EntriesOptions } from './policies/cache/entries.ts'

export { explainConfig } from './config-explained.ts'
export { ConfigError } from './config-sources.ts'
export { describeEnvironment } from './config-variables.ts'

/** Everything that an installation may set. Read once, at the start. */
export interface Config {
  readonly environment: 'development' | 'test' | 'production'
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly logLevel: LogLevel
  readonly http: HttpConfig
  /** A call slower than this is logged with where its time went, in milliseconds. */
  readonly slowCallMs: number
  readonly database: DatabaseConfig
  /** Redis, where there is one. */
  readonly redis: RedisConfig | undefined
  /** Bounds of the cache of this process. */
  readonly cache: EntriesOptions
  /** Names the code that runs; undefined: the app's version does. */
  readonly buildId: string | undefined
  /** How many calls run at the same time in this process, and how many requests may wait. */
  readonly admission: { readonly maxRunning: number; readonly maxQueued: number }
  /**
   * How many processes share the database, for the check against its max_connections, and for the
   * part of the limits that each of them keeps without Redis.
   */
  readonly processes: number
  /** Whether a process that serves runs tasks too. */
  readonly worker: boolean
  readonly files: {
    /** Folder of the files that users send; undefined where there is none by default. */
    readonly folder: string | undefined
  }
  readonly outgoing: {
    /** Places that outgoing calls may reach although they are not public: `host:port`, networks. */
    readonly allow: readonly string[]
  }
  /** What was given for the settings of the backend's features, as text by name. */
  readonly settings: Readonly<Record<string, string>>
  /** The one secret that all keys derive from. */
  readonly secret: string
  /** The secret before it: tokens signed with it are still believed. Cursors are not. */
  readonly previousSecret?: string | undefined
  /** After a stop signal: how long unfinished calls may take, in milliseconds. */
  readonly drainTimeoutMs: number
  /** After a stop signal: how long connections must have been quiet before they are closed. */
  readonly drainQuietMs: number
}

/**
 * Reads the configuration from environment variables, and with `app` the settings of its features
 * too. Throws one `ConfigError` that lists every mistake: values out of range, secrets missing in
 * production, unknown `TAUTLINE_*` names. Values are never repeated in it.
 */
export async function readConfig(
  environment: Environment = process.env,
  app: SettingsOwner = { features: {} },
): Promise<Config> {
  const { variables, settings } = await readVariables(environment, settingsSchemasOf(app))
  return { ...toConfig(variables), settings }
}

function toConfig(env: Variables): Omit<Config, 'settings'> {
  return {
    environment: env.NODE_ENV,
    host: env.HOST,
    port: env.PORT,
    logLevel: env.LOG_LEVEL,
    http: {
      hosts: env.TAUTLINE_HOSTS?.includes('*') ? undefined : env.TAUTLINE_HOSTS,
      corsOrigins: env.TAUTLINE_CORS_ORIGINS ?? [],
      corsCredentials: env.TAUTLINE_CORS_CREDENTIALS,
      hsts: env.TAUTLINE_HSTS,
      trustedProxies: env.TAUTLINE_TRUSTED_PROXIES ?? [],
      headersTimeoutMs: env.TAUTLINE_HEADERS_TIMEOUT_MS,
      requestTimeoutMs: env.TAUTLINE_REQUEST_TIMEOUT_MS,
    },
    slowCallMs: env.TAUTLINE_SLOW_CALL_MS,
    database: {
      url: env.DATABASE_URL,
      directUrl: env.DATABASE_DIRECT_URL,
      poolSize: env.TAUTLINE_POOL_SIZE,
      acquireTimeoutMs: env.TAUTLINE_ACQUIRE_TIMEOUT_MS,
      statementTimeoutMs: env.TAUTLINE_STATEMENT_TIMEOUT_MS,
    },
    redis:
      env.REDIS_URL === undefined
        ? undefined
        : { url: env.REDIS_URL, keyPrefix: env.TAUTLINE_REDIS_PREFIX },
    cache: { maxEntries: env.TAUTLINE_CACHE_ENTRIES, maxBytes: env.TAUTLINE_CACHE_BYTES },
    buildId: env.TAUTLINE_BUILD_ID,
    admission: { maxRunning: env.TAUTLINE_MAX_RUNNING, maxQueued: env.TAUTLINE_MAX_QUEUED },
    processes: env.TAUTLINE_PROCESSES,
    worker: env.TAUTLINE_WORKER === 'on',
    files: { folder: env.TAUTLINE_FILES ?? defaultFilesFolder(env) },
    outgoing: { allow: env.TAUTLINE_OUTGOING_ALLOW ?? [] },
    secret: env.TAUTLINE_SECRET,
    previousSecret: env.TAUTLINE_SECRET_PREVIOUS,
    drainTimeoutMs: env.TAUTLINE_DRAIN_TIMEOUT_MS,
    drainQuietMs: env.TAUTLINE_DRAIN_QUIET_MS,
  }
}

/** Beside what development leaves behind; in production nobody knows which folder stays. */
function defaultFilesFolder({ NODE_ENV }: Variables): string | undefined {
  return NODE_ENV === 'production' ? undefined : '.data/files'
}

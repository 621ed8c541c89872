import { readFile } from 'node:fs/promises'

import { z } from 'zod'

import type { DatabaseConfig } from './db/pool.ts'
import type { LogLevel } from './platform/logger.ts'

/** Everything that an installation may set. Read once, at the start. */
export interface Config {
  readonly environment: 'development' | 'test' | 'production'
  readonly host: string
  /** 0 takes any free port. */
  readonly port: number
  readonly logLevel: LogLevel
  /** A call slower than this is logged with where its time went, in milliseconds. */
  readonly slowCallMs: number
  readonly database: DatabaseConfig
  /** How many processes share the database, for the check against its max_connections. */
  readonly processes: number
  /** The one secret that all keys derive from. */
  readonly secret: string
  /** After a stop signal: how long unfinished calls may take, in milliseconds. */
  readonly drainTimeoutMs: number
  /** After a stop signal: how long connections must have been quiet before they are closed. */
  readonly drainQuietMs: number
}

const milliseconds = z.coerce.number().int().min(0).max(3_600_000)
const postgresUrl = z
  .string()
  .regex(/^postgres(ql)?:\/\//, 'must be a postgres:// connection string')

/** Names, meaning and defaults of the environment variables; `tautline --help` prints them. */
const environmentSchema = z.object({
  NODE_ENV: z.enum(['development', 'test', 'production']).default('development'),
  HOST: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000).describe('port; 0 takes any'),
  DATABASE_URL: postgresUrl.describe('Postgres, or a PgBouncer in transaction mode'),
  DATABASE_DIRECT_URL: postgresUrl
    .optional()
    .describe('Postgres itself, when DATABASE_URL is a pooler'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent']).default('info'),
  TAUTLINE_SECRET: z
    .string()
    .min(32, 'must have at least 32 characters; `openssl rand -base64 32` makes one')
    .describe('signs tokens and cursors'),
  TAUTLINE_POOL_SIZE: z.coerce.number().int().min(1).max(200).default(10),
  TAUTLINE_PROCESSES: z.coerce.number().int().min(1).max(256).default(1),
  TAUTLINE_ACQUIRE_TIMEOUT_MS: milliseconds.default(500),
  TAUTLINE_STATEMENT_TIMEOUT_MS: milliseconds.default(15_000),
  TAUTLINE_SLOW_CALL_MS: milliseconds.default(1_000),
  TAUTLINE_DRAIN_TIMEOUT_MS: milliseconds.default(25_000),
  TAUTLINE_DRAIN_QUIET_MS: milliseconds.default(1_500),
})

/** Variables that may also be given as the path of a file that holds the value (`…_FILE`). */
const FROM_FILE = ['DATABASE_URL', 'DATABASE_DIRECT_URL', 'TAUTLINE_SECRET']

type Environment = Readonly<Record<string, string | undefined>>

/** Every mistake of a configuration, in one message. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'

  constructor(mistakes: readonly string[]) {
    super(`The configuration has mistakes:\n${mistakes.map((line) => `  - ${line}`).join('\n')}`)
  }
}

/**
 * Reads the configuration from environment variables. Throws one `ConfigError` that lists every
 * mistake: values out of range, secrets missing in production, unknown `TAUTLINE_*` names. Values
 * are never repeated in it.
 */
export async function readConfig(environment: Environment = process.env): Promise<Config> {
  const { values, mistakes } = await withFiles(environment)
  mistakes.push(...unknownKeys(environment))
  const parsed = environmentSchema.safeParse({
    ...(environment.NODE_ENV !== 'production' && { TAUTLINE_SECRET: randomSecret() }),
    ...values,
  })
  if (!parsed.success) {
    mistakes.push(
      ...parsed.error.issues.map((issue) => {
        const name = issue.path.join('.')
        return `${name}: ${values[name] === undefined ? 'is required' : issue.message}`
      }),
    )
  }
  if (mistakes.length > 0 || !parsed.data) throw new ConfigError(mistakes)
  return toConfig(parsed.data)
}

function toConfig(env: z.output<typeof environmentSchema>): Config {
  return {
    environment: env.NODE_ENV,
    host: env.HOST,
    port: env.PORT,
    logLevel: env.LOG_LEVEL,
    slowCallMs: env.TAUTLINE_SLOW_CALL_MS,
    database: {
      url: env.DATABASE_URL,
      directUrl: env.DATABASE_DIRECT_URL,
      poolSize: env.TAUTLINE_POOL_SIZE,
      acquireTimeoutMs: env.TAUTLINE_ACQUIRE_TIMEOUT_MS,
      statementTimeoutMs: env.TAUTLINE_STATEMENT_TIMEOUT_MS,
    },
    processes: env.TAUTLINE_PROCESSES,
    secret: env.TAUTLINE_SECRET,
    drainTimeoutMs: env.TAUTLINE_DRAIN_TIMEOUT_MS,
    drainQuietMs: env.TAUTLINE_DRAIN_QUIET_MS,
  }
}

/** Tokens and cursors of a development server without a secret end with its process. */
function randomSecret(): string {
  return crypto.randomUUID() + crypto.randomUUID()
}

async function withFiles(environment: Environment) {
  const values: Record<string, string | undefined> = { ...environment }
  const mistakes: string[] = []
  for (const name of FROM_FILE) {
    const path = environment[`${name}_FILE`]
    if (path === undefined) continue
    if (environment[name] !== undefined) {
      mistakes.push(`${name}: is given twice, by itself and by ${name}_FILE`)
      continue
    }
    try {
      values[name] = (await readFile(path, 'utf8')).trim()
    } catch {
      mistakes.push(`${name}_FILE: this file cannot be read`)
    }
  }
  return { values, mistakes }
}

function unknownKeys(environment: Environment): string[] {
  const known = new Set([
    ...Object.keys(environmentSchema.shape),
    ...FROM_FILE.map((name) => `${name}_FILE`),
  ])
  return Object.keys(environment)
    .filter((name) => name.startsWith('TAUTLINE_') && !known.has(name))
    .map((name) => `${name}: is not a setting of this version`)
}

/** One line for each environment variable. */
export function describeEnvironment(): string[] {
  return Object.entries(environmentSchema.shape).map(([name, schema]) => {
    const fallback = schema.safeParse(undefined)
    const note = [
      schema.description,
      fallback.success && fallback.data !== undefined && `default ${String(fallback.data)}`,
    ]
    return `${name.padEnd(30)} ${note.filter(Boolean).join('; ')}`.trimEnd()
  })
}

import { z } from 'zod'

import {
  isHost,
  isNetwork,
  isOutgoingPlace,
  isOrigin,
  isPostgresUrl,
  isRedisUrl,
  isVaried,
  listOf,
  orAlone,
} from './config-values.ts'

const milliseconds = z.coerce.number().int().min(0).max(3_600_000)
const timeout = milliseconds.min(1) // 0 would switch it off
const flag = z.enum(['true', 'false']).transform((text) => text === 'true')
const postgresUrl = z
  .string()
  .refine(isPostgresUrl, 'must be a connection string such as postgres://user:password@host/name')

/** Names, meaning and defaults of the environment variables; `tautline --help` prints them. */
export const environmentSchema = z.object({
  NODE_ENV: z
    .enum(['development', 'test', 'production'])
    .default('development')
    .describe('development, test, or production, where secret, hosts and folder must be given'),
  HOST: z.string().min(1).default('127.0.0.1').describe('address to listen on'),
  PORT: z.coerce.number().int().min(0).max(65_535).default(3000).describe('port; 0 takes any'),
  DATABASE_URL: postgresUrl.describe('Postgres, or a PgBouncer in transaction mode'),
  DATABASE_DIRECT_URL: postgresUrl
    .optional()
    .describe('Postgres itself, when DATABASE_URL is a pooler'),
  REDIS_URL: z
    .string()
    .refine(isRedisUrl, 'must be a connection string such as rediss://user:password@host:6379/0')
    .optional()
    .describe('Redis; without it each process keeps limits and caches of its own'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'])
    .default('info')
    .describe(
      'the least that is logged: trace, debug, info, warn, error, fatal; silent for nothing',
    ),
  TAUTLINE_SECRET: z
    .string()
    .min(32, 'must have at least 32 characters; `openssl rand -base64 32` makes one')
    .refine(isVaried, 'repeats too few characters; `openssl rand -base64 32` makes one')
    .describe('signs tokens and cursors'),
  TAUTLINE_SECRET_PREVIOUS: z
    .string()
    .min(32, 'must have at least 32 characters')
    .optional()
    .describe('the secret before; for as long as its tokens live'),
  TAUTLINE_HOSTS: listOf(isHost, 'must be host names with commas between, or * for any')
    .refine((hosts) => hosts.length > 0, 'must name a host, or * for any')
    .refine(orAlone, '* must stand alone')
    .optional()
    .describe('host names that are answered, with commas between; * for any'),
  TAUTLINE_CORS_ORIGINS: listOf(isOrigin, 'must be origins as browsers send them, or * for any')
    .refine(orAlone, '* must stand alone')
    .optional()
    .describe('origins whose pages may call: https://app.example.com; * for any'),
  TAUTLINE_CORS_CREDENTIALS: flag.default(false).describe('cookies from those origins'),
  TAUTLINE_HSTS: flag.default(false).describe('tells browsers to come by TLS only, for a year'),
  TAUTLINE_TRUSTED_PROXIES: listOf(isNetwork, 'must be addresses or networks such as 10.0.0.0/8')
    .optional()
    .describe('networks of the proxies in front: 10.0.0.0/8'),
  TAUTLINE_OUTGOING_ALLOW: listOf(isOutgoingPlace, 'must be host:port or networks as 10.2.0.0/16')
    .optional()
    .describe('what outgoing calls may reach besides the internet: host:port, 10.2.0.0/16'),
  TAUTLINE_REDIS_PREFIX: z
    .string()
    .regex(/^[\w:.-]{1,64}$/, 'must be up to 64 letters, digits, _ : . or -')
    .default('tautline:')
    .describe('begins every key in Redis'),
  TAUTLINE_BUILD_ID: z
    .string()
    .min(1)
    .max(100)
    .optional()
    .describe(
      'names the code that runs: what another build has cached is not read; default the app’s version',
    ),
  TAUTLINE_CACHE_ENTRIES: z.coerce
    .number()
    .int()
    .min(0)
    .max(10_000_000)
    .default(10_000)
    .describe('answers that a process keeps in its cache'),
  TAUTLINE_CACHE_BYTES: z.coerce
    .number()
    .int()
    .min(0)
    .default(64_000_000)
    .describe('bytes of them'),
  // More than the pool has connections, because calls do what needs none as well, and because up to
  // twenty wait for a password to be hashed. Where the database is what is short, the wait for the
  // pool brings it down by itself: half of it serves no more calls, and no fewer.
  TAUTLINE_MAX_RUNNING: z.coerce
    .number()
    .int()
    .min(1)
    .max(10_000)
    .default(50)
    .describe('calls that a process runs at the same time'),
  // Twice that: nobody waits for longer than half of the time that they have.
  TAUTLINE_MAX_QUEUED: z.coerce
    .number()
    .int()
    .min(0)
    .max(100_000)
    .default(100)
    .describe('requests that wait for that; one more is refused'),
  TAUTLINE_HEADERS_TIMEOUT_MS: timeout
    .default(10_000)
    .describe('longest for the head of a request, in milliseconds'),
  TAUTLINE_REQUEST_TIMEOUT_MS: timeout
    .default(30_000)
    .describe('longest for its body after that, in milliseconds; a file may take longer'),
  TAUTLINE_POOL_SIZE: z.coerce
    .number()
    .int()
    .min(1)
    .max(200)
    .default(10)
    .describe('connections to Postgres in the pool of a process'),
  TAUTLINE_PROCESSES: z.coerce
    .number()
    .int()
    .min(1)
    .max(256)
    .default(1)
    .describe('servers and workers that share the database'),
  TAUTLINE_ACQUIRE_TIMEOUT_MS: timeout
    .default(500)
    .describe('longest wait for a connection of the pool, in milliseconds'),
  TAUTLINE_STATEMENT_TIMEOUT_MS: timeout
    .default(15_000)
    .describe('longest for a statement, in milliseconds'),
  TAUTLINE_WORKER: z
    .enum(['on', 'off'])
    .default('on')
    .describe('whether start runs tasks too; worker always does'),
  TAUTLINE_FILES: z
    .string()
    .min(1)
    .optional()
    .describe('folder of the files that users send; required in production, else .data/files'),
  TAUTLINE_SLOW_CALL_MS: milliseconds
    .default(1_000)
    .describe('a call that takes longer is logged with where its time went'),
  TAUTLINE_DRAIN_TIMEOUT_MS: milliseconds
    .default(25_000)
    .describe('after a stop signal: how long what runs may take, in milliseconds'),
  TAUTLINE_DRAIN_QUIET_MS: milliseconds
    .default(1_500)
    .describe('after a stop signal: how long nobody must have called before it ends'),
})

/** The variables of an environment as their schema reads them. */
export type Variables = z.output<typeof environmentSchema>

/** Variables that may also be given as the path of a file that holds the value (`…_FILE`). */
export const FROM_FILE = [
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'REDIS_URL',
  'TAUTLINE_SECRET',
  'TAUTLINE_SECRET_PREVIOUS',
]

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

import { readFile } from 'node:fs/promises'
import { isIP } from 'node:net'

import { z } from 'zod'

import type { DatabaseConfig } from './db/pool.ts'
import type { HttpConfig } from './http/listener.ts'
import type { LogLevel } from './platform/logger.ts'

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
  /** How many processes share the database, for the check against its max_connections. */
  readonly processes: number
  /** The one secret that all keys derive from. */
  readonly secret: string
  /** The secret before it: tokens signed with it are still believed. Cursors are not. */
  readonly previousSecret?: string | undefined
  /** After a stop signal: how long unfinished calls may take, in milliseconds. */
  readonly drainTimeoutMs: number
  /** After a stop signal: how long connections must have been quiet before they are closed. */
  readonly drainQuietMs: number
}

const milliseconds = z.coerce.number().int().min(0).max(3_600_000)
const postgresUrl = z
  .string()
  .refine(isPostgresUrl, 'must be a connection string such as postgres://user:password@host/name')

const timeout = milliseconds.min(1) // 0 would switch it off
const flag = z.enum(['true', 'false']).transform((text) => text === 'true')

function isPostgresUrl(text: string): boolean {
  const url = URL.parse(text)
  if (!url || !/^postgres(ql)?:$/.test(url.protocol)) return false
  try {
    decodeURIComponent(url.username + url.password)
    return true
  } catch {
    return false
  }
}

/** No random text of 32 characters has fewer than 8 different ones. */
function isVaried(secret: string): boolean {
  return new Set(secret).size >= 8
}

/** Several values, with commas between. */
function listOf(isValid: (item: string) => boolean, message: string) {
  return z
    .string()
    .transform(splitList)
    .refine((items) => items.every(isValid), message)
}

function splitList(text: string): readonly string[] {
  return text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/** `*` stands for everything, so nothing can stand beside it. */
const orAlone = (items: readonly string[]) => items.length === 1 || !items.includes('*')

function isHost(text: string): boolean {
  return text === '*' || /^(\[[\da-f:.]+\]|[\w.-]+)(:\d{1,5})?$/i.test(text)
}

/** As browsers write it: lower case, no usual port, nothing behind. Apps have schemes of their own. */
function isOrigin(text: string): boolean {
  if (text === '*') return true
  if (!/^[a-z][a-z\d+.-]*:\/\/[^/?#@*\\\s]+$/.test(text)) return false
  return !/^https?:/.test(text) || URL.parse(text)?.origin === text
}

function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  return (
    prefix === undefined ||
    (/^\d{1,3}$/.test(prefix) && Number(prefix) <= (family === 4 ? 32 : 128))
  )
}

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
  TAUTLINE_HEADERS_TIMEOUT_MS: timeout.default(10_000),
  TAUTLINE_REQUEST_TIMEOUT_MS: timeout.default(30_000),
  TAUTLINE_POOL_SIZE: z.coerce.number().int().min(1).max(200).default(10),
  TAUTLINE_PROCESSES: z.coerce.number().int().min(1).max(256).default(1),
  TAUTLINE_ACQUIRE_TIMEOUT_MS: timeout.default(500),
  TAUTLINE_STATEMENT_TIMEOUT_MS: timeout.default(15_000),
  TAUTLINE_SLOW_CALL_MS: milliseconds.default(1_000),
  TAUTLINE_DRAIN_TIMEOUT_MS: milliseconds.default(25_000),
  TAUTLINE_DRAIN_QUIET_MS: milliseconds.default(1_500),
})

/** Variables that may also be given as the path of a file that holds the value (`…_FILE`). */
const FROM_FILE = [
  'DATABASE_URL',
  'DATABASE_DIRECT_URL',
  'TAUTLINE_SECRET',
  'TAUTLINE_SECRET_PREVIOUS',
]

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
  const { values, mistakes } = await withFiles(withoutEmpty(environment))
  mistakes.push(...emptyKeys(environment))
  mistakes.push(...unknownKeys(environment), ...contradictions(values))
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

/** What each value cannot know of the others. */
function contradictions(values: Environment): string[] {
  const mistakes: string[] = []
  if (values.NODE_ENV === 'production' && values.TAUTLINE_HOSTS === undefined) {
    mistakes.push('TAUTLINE_HOSTS: is required in production; * answers to any host')
  }
  const anyOrigin = splitList(values.TAUTLINE_CORS_ORIGINS ?? '').includes('*')
  if (anyOrigin && values.TAUTLINE_CORS_CREDENTIALS === 'true') {
    mistakes.push('TAUTLINE_CORS_CREDENTIALS: cannot be true while every origin may call')
  }
  const { TAUTLINE_HEADERS_TIMEOUT_MS: headers, TAUTLINE_REQUEST_TIMEOUT_MS: request } = values
  if (Number(headers ?? 10_000) > Number(request ?? 30_000)) {
    mistakes.push('TAUTLINE_HEADERS_TIMEOUT_MS: is longer than TAUTLINE_REQUEST_TIMEOUT_MS')
  }
  return mistakes
}

function toConfig(env: z.output<typeof environmentSchema>): Config {
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
    processes: env.TAUTLINE_PROCESSES,
    secret: env.TAUTLINE_SECRET,
    previousSecret: env.TAUTLINE_SECRET_PREVIOUS,
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

/** An empty value is no value: `PORT=` would be port 0. It is told as a mistake. */
function withoutEmpty(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
}

function emptyKeys(environment: Environment): string[] {
  return Object.keys(environmentSchema.shape)
    .filter((name) => environment[name] === '')
    .map((name) => `${name}: is empty; leave it out for its default`)
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

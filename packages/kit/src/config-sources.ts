import { readFile } from 'node:fs/promises'

import { namesOf, parseSettings, type SettingsSchema } from './config-settings.ts'
import { splitList } from './config-values.ts'
import { environmentSchema, FROM_FILE, type Variables } from './config-variables.ts'

export type Environment = Readonly<Record<string, string | undefined>>

/** Every mistake of a configuration, in one message. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'

  constructor(mistakes: readonly string[]) {
    super(`The configuration has mistakes:\n${mistakes.map((line) => `  - ${line}`).join('\n')}`)
  }
}

/** What the variables say, and the file that it came from, for those that came from one. */
export interface ReadVariables {
  readonly variables: Variables
  /** What was given as text, by name; a default was not. */
  readonly given: Environment
  /** Paths by name. */
  readonly files: Environment
  /** What was given for the settings of features, by name. */
  readonly settings: Readonly<Record<string, string>>
}

/**
 * Reads the variables, and those that features name. Throws one `ConfigError` that lists every
 * mistake: values out of range, secrets missing in production, unknown `TAUTLINE_*` names. Values are
 * never repeated in it.
 */
export async function readVariables(
  environment: Environment,
  schemas: readonly SettingsSchema[] = [],
): Promise<ReadVariables> {
  const names = namesOf(schemas)
  const { values, files, mistakes } = await withFiles(withoutEmpty(environment), names)
  mistakes.push(...emptyKeys(environment, names))
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
  const NODE_ENV = environmentSchema.shape.NODE_ENV.catch('development').parse(values.NODE_ENV)
  mistakes.push(...parseSettings(schemas, { ...values, NODE_ENV }).mistakes)
  if (mistakes.length > 0 || !parsed.data) throw new ConfigError(mistakes)
  return { variables: parsed.data, given: values, files, settings: only(values, names) }
}

function only(values: Environment, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    names.flatMap((name) => {
      const value = values[name]
      return value === undefined ? [] : [[name, value]]
    }),
  )
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

/** Tokens and cursors of a development server without a secret end with its process. */
function randomSecret(): string {
  return crypto.randomUUID() + crypto.randomUUID()
}

async function withFiles(environment: Environment, names: readonly string[]) {
  const values: Record<string, string | undefined> = { ...environment }
  const files: Record<string, string> = {}
  const mistakes: string[] = []
  for (const name of [...FROM_FILE, ...names]) {
    const path = environment[`${name}_FILE`]
    if (path === undefined) continue
    if (environment[name] !== undefined) {
      mistakes.push(`${name}: is given twice, by itself and by ${name}_FILE`)
      continue
    }
    try {
      values[name] = (await readFile(path, 'utf8')).trim()
      files[name] = path
    } catch {
      mistakes.push(`${name}_FILE: this file cannot be read`)
    }
  }
  return { values, files, mistakes }
}

/** An empty value is no value: `PORT=` would be port 0. It is told as a mistake. */
function withoutEmpty(environment: Environment): Environment {
  return Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
}

function emptyKeys(environment: Environment, names: readonly string[]): string[] {
  return [...Object.keys(environmentSchema.shape), ...names]
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

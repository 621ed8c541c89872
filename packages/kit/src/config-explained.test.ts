import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { ConfigError, describeEnvironment, explainConfig } from './config.ts'

const ENVIRONMENT = {
  NODE_ENV: 'production',
  PORT: '8080',
  DATABASE_URL: 'postgres://anna:hunter2@db/app?sslpassword=hunter3&sslmode=require',
  TAUTLINE_SECRET: 'a secret with enough characters in it',
  TAUTLINE_HOSTS: 'a.example, b.example',
}

const of = async (environment: Record<string, string>) => {
  const settings = await explainConfig(environment)
  return Object.fromEntries(settings.map(({ name, value, from }) => [name, [value, from]]))
}

test('every setting is told with what is in effect and where it comes from', async () => {
  const settings = await of(ENVIRONMENT)
  expect(Object.keys(settings)).toHaveLength(describeEnvironment().length)
  expect(settings).toMatchObject({
    PORT: ['8080', 'environment'],
    HOST: ['127.0.0.1', 'default'],
    TAUTLINE_HOSTS: ['a.example,b.example', 'environment'],
    TAUTLINE_POOL_SIZE: ['10', 'default'],
    TAUTLINE_TRUSTED_PROXIES: ['-', 'default'],
  })
})

test('no secret is told, nor a password inside a connection string', async () => {
  const DATABASE_DIRECT_URL = 'postgres://db/app?user=anna&password=hunter4'
  const TAUTLINE_SECRET_PREVIOUS = 'an older secret, as long as the new one'
  const REDIS_URL = 'rediss://anna:hunter5@redis:6379/0'
  const settings = await of({
    ...ENVIRONMENT,
    DATABASE_DIRECT_URL,
    REDIS_URL,
    TAUTLINE_SECRET_PREVIOUS,
  })
  expect(settings).toMatchObject({
    DATABASE_URL: ['postgres://anna:***@db/app?sslpassword=***&sslmode=require', 'environment'],
    DATABASE_DIRECT_URL: ['postgres://db/app?user=anna&password=***', 'environment'],
    REDIS_URL: ['rediss://anna:***@redis:6379/0', 'environment'],
    TAUTLINE_SECRET: ['***', 'environment'],
    TAUTLINE_SECRET_PREVIOUS: ['***', 'environment'],
  })
  expect(JSON.stringify(settings)).not.toMatch(/hunter|characters|older/)
})

test('a value from a file is told with the file, and hidden where it is secret', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tautline-config-'))
  const file = join(folder, 'secret')
  await writeFile(file, ENVIRONMENT.TAUTLINE_SECRET)
  const { TAUTLINE_SECRET, ...others } = ENVIRONMENT
  const settings = await of({ ...others, TAUTLINE_SECRET_FILE: file })
  expect(settings.TAUTLINE_SECRET).toEqual(['***', `file ${file}`])
  expect(TAUTLINE_SECRET).not.toBe('***')
  await rm(folder, { recursive: true })
})

test('a configuration with mistakes is not explained, its mistakes are', async () => {
  await expect(explainConfig({ ...ENVIRONMENT, PORT: 'http' })).rejects.toThrow(ConfigError)
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { environmentSchema } from './config-variables.ts'
import { ConfigError, describeEnvironment, readConfig } from './config.ts'

const DATABASE_URL = 'postgres://nobody:hunter2@db/app'
const TAUTLINE_SECRET = 'a secret with enough characters in it'

const PRODUCTION = { NODE_ENV: 'production', DATABASE_URL, TAUTLINE_SECRET }

const mistakesOf = async (environment: Record<string, string>) => {
  const error: unknown = await readConfig(environment).catch((caught: unknown) => caught)
  if (error instanceof ConfigError) return error.message
  throw new Error('The configuration was accepted.')
}

test('every mistake of a configuration is told at once, and no value of it', async () => {
  const message = await mistakesOf({
    NODE_ENV: 'production',
    PORT: '99999',
    DATABASE_URL: 'mysql://root:hunter2@db',
    LOG_LEVEL: 'loud',
    TAUTLINE_POOL_SIEZ: '3',
  })
  for (const name of [
    'PORT',
    'DATABASE_URL',
    'LOG_LEVEL',
    'TAUTLINE_SECRET',
    'TAUTLINE_POOL_SIEZ',
  ]) {
    expect(message).toContain(`- ${name}: `)
  }
  expect(message).not.toContain('hunter2')
})

test('production needs a secret, development makes one up', async () => {
  expect(await mistakesOf({ NODE_ENV: 'production', DATABASE_URL })).toContain(
    'TAUTLINE_SECRET: is required',
  )
  const [one, other] = [await readConfig({ DATABASE_URL }), await readConfig({ DATABASE_URL })]
  expect(one.secret.length).toBeGreaterThan(32)
  expect(one.secret).not.toBe(other.secret)
})

test('a process that serves runs tasks too, unless it is told not to', async () => {
  expect(await readConfig({ DATABASE_URL })).toMatchObject({ worker: true })
  const off = await readConfig({ DATABASE_URL, TAUTLINE_WORKER: 'off' })
  expect(off).toMatchObject({ worker: false })
})

test('a secret may come from a file, but not from both', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tautline-config-'))
  const file = join(folder, 'secret')
  await writeFile(file, `${TAUTLINE_SECRET}\n`)
  const config = await readConfig({ DATABASE_URL, TAUTLINE_SECRET_FILE: file })
  expect(config.secret).toBe(TAUTLINE_SECRET)
  expect(await mistakesOf({ DATABASE_URL, TAUTLINE_SECRET, TAUTLINE_SECRET_FILE: file })).toContain(
    'TAUTLINE_SECRET: is given twice',
  )
  await rm(folder, { recursive: true })
  expect(await mistakesOf({ DATABASE_URL, TAUTLINE_SECRET_FILE: file })).toContain('cannot be read')
})

test('the secret before the current one is optional, as long, and may come from a file too', async () => {
  expect((await readConfig({ DATABASE_URL })).previousSecret).toBeUndefined()
  const TAUTLINE_SECRET_PREVIOUS = 'y'.repeat(32)
  const config = await readConfig({ DATABASE_URL, TAUTLINE_SECRET, TAUTLINE_SECRET_PREVIOUS })
  expect(config.previousSecret).toBe(TAUTLINE_SECRET_PREVIOUS)
  expect(await mistakesOf({ DATABASE_URL, TAUTLINE_SECRET_PREVIOUS: 'short' })).toContain(
    'TAUTLINE_SECRET_PREVIOUS: must have at least 32 characters',
  )
  expect(await mistakesOf({ DATABASE_URL, TAUTLINE_SECRET_PREVIOUS_FILE: '/nowhere' })).toContain(
    'TAUTLINE_SECRET_PREVIOUS_FILE: this file cannot be read',
  )
})

test('the help names every variable, and says what it is', () => {
  const help = describeEnvironment()
  const isTold = ([name, { description }]: [string, { description?: string | undefined }]) =>
    description !== undefined &&
    help.some((line) => line.startsWith(`${name} `) && line.includes(description))
  const variables = Object.entries(environmentSchema.shape)
  expect(variables.filter((variable) => !isTold(variable)).map(([name]) => name)).toEqual([])
})

test('production needs the names that it answers to, or a word that any will do', async () => {
  expect(await mistakesOf(PRODUCTION)).toContain('- TAUTLINE_HOSTS: is required in production')
  const named = await readConfig({ ...PRODUCTION, TAUTLINE_HOSTS: 'a.example, b.example:8443' })
  expect(named.http.hosts).toEqual(['a.example', 'b.example:8443'])
  expect((await readConfig({ ...PRODUCTION, TAUTLINE_HOSTS: '*' })).http.hosts).toBeUndefined()
  expect((await readConfig({ DATABASE_URL })).http.hosts).toBeUndefined()
})

test.each([
  ['TAUTLINE_HOSTS', '', 'https://a.example', 'a.example/b', 'a.example,*', 'a b'],
  [
    'TAUTLINE_CORS_ORIGINS',
    'a.example',
    'https://a.example/',
    'https://A.example',
    'https://a.example:443',
    'https://user@a.example',
    'https://*.a.example',
    'null',
    'https://a.example,*',
  ],
  ['TAUTLINE_CORS_CREDENTIALS', 'yes', '1'],
  ['TAUTLINE_HSTS', 'TRUE'],
  ['TAUTLINE_TRUSTED_PROXIES', 'proxy', '10.0.0.0/33', '10.0.0/8', '::/129', '10.0.0.0/8/8'],
  ['TAUTLINE_OUTGOING_ALLOW', '10.0.0.1', 'name', '10.0.0.0/33', 'https://a.example', '*'],
  ['TAUTLINE_HEADERS_TIMEOUT_MS', '0', '30001'],
  ['TAUTLINE_REQUEST_TIMEOUT_MS', '0'],
])('%s takes only what it can mean', async (name, ...values) => {
  for (const value of values) {
    const message = await mistakesOf({ DATABASE_URL, [name]: value })
    expect([value, message]).toEqual([value, expect.stringContaining(`- ${name}: `)])
  }
})

test('what is well said about HTTP is taken', async () => {
  const { http } = await readConfig({
    DATABASE_URL,
    TAUTLINE_CORS_ORIGINS: 'https://app.example.com, http://localhost:5173,capacitor://localhost',
    TAUTLINE_CORS_CREDENTIALS: 'true',
    TAUTLINE_HSTS: 'true',
    TAUTLINE_TRUSTED_PROXIES: '10.0.0.0/8,fd00::/8,127.0.0.1',
    TAUTLINE_HEADERS_TIMEOUT_MS: '2000',
  })
  expect(http).toEqual({
    hosts: undefined,
    corsOrigins: ['https://app.example.com', 'http://localhost:5173', 'capacitor://localhost'],
    corsCredentials: true,
    hsts: true,
    trustedProxies: ['10.0.0.0/8', 'fd00::/8', '127.0.0.1'],
    headersTimeoutMs: 2_000,
    requestTimeoutMs: 30_000,
  })
})

test('every origin and credentials together are a mistake, told beside all the others', async () => {
  const message = await mistakesOf({
    DATABASE_URL,
    PORT: '99999',
    TAUTLINE_CORS_ORIGINS: '*',
    TAUTLINE_CORS_CREDENTIALS: 'true',
  })
  expect(message).toContain(
    '- TAUTLINE_CORS_CREDENTIALS: cannot be true while every origin may call',
  )
  expect(message).toContain('- PORT: ')
})

test.each([
  ['PORT', ''],
  ['TAUTLINE_ACQUIRE_TIMEOUT_MS', '0'],
  ['TAUTLINE_WORKER', 'true'],
  ['TAUTLINE_STATEMENT_TIMEOUT_MS', '0'],
  ['TAUTLINE_SECRET', ' '.repeat(40)],
  ['DATABASE_URL', 'postgres://u:p%zz@host/name'],
  ['DATABASE_URL', 'postgres://host:99999999/name'],
])('%s refuses "%s", which would mean something else', async (name, value) => {
  expect(await mistakesOf({ DATABASE_URL, [name]: value })).toContain(`- ${name}: `)
})

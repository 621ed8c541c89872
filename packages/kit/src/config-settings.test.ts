import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, test } from 'vitest'
import { z } from 'zod'

import { defineApp } from './app-definition.ts'
import { openSettings } from './app-settings.ts'
import { ConfigError, explainConfig, readConfig } from './config.ts'

const DATABASE_URL = 'postgres://nobody@db/app'

const mail = z.object({
  NODE_ENV: z.string(),
  SMTP_URL: z.url().optional(),
  MAIL_AT_ONCE: z.coerce.number().int().max(10).default(4),
})

const appOf = (settings: z.ZodObject) =>
  defineApp({
    name: 'settled',
    version: '0.0.0',
    features: { plain: { router: {} }, mail: { router: {}, settings } },
    identity: () => null,
    migrations: new URL('./rpc/no-migrations.fixture/', import.meta.url),
  })

const app = appOf(mail)

const read = async (environment: Record<string, string>) =>
  openSettings(app, await readConfig({ DATABASE_URL, ...environment }, app))

test('a feature has its settings by its schema, with their defaults and the kind of environment', async () => {
  const settings = await read({ SMTP_URL: 'smtp://mail.example', UNRELATED: 'no' })
  expect(settings(mail)).toEqual({
    NODE_ENV: 'development',
    SMTP_URL: 'smtp://mail.example',
    MAIL_AT_ONCE: 4,
  })
  expect(() => settings(z.object({ OTHER: z.string() }))).toThrow('in no feature of this backend')
})

test('mistakes in them are told beside those of the library, and no value of them', async () => {
  const environment = { DATABASE_URL, PORT: 'http', SMTP_URL: 'hunter2', MAIL_AT_ONCE: '11' }
  const error: unknown = await readConfig(environment, app).catch((caught: unknown) => caught)
  expect(error).toBeInstanceOf(ConfigError)
  for (const name of ['PORT', 'SMTP_URL', 'MAIL_AT_ONCE']) {
    expect(String(error)).toContain(`- ${name}: `)
  }
  expect(String(error)).not.toContain('NODE_ENV')
  expect(String(error)).not.toContain('hunter2')
  await expect(readConfig({ DATABASE_URL, SMTP_URL: '' }, app)).rejects.toThrow(
    'SMTP_URL: is empty',
  )
})

test('what is required and was never given stops the start, however the configuration was read', async () => {
  const strict = appOf(z.object({ SMTP_URL: z.url() }))
  await expect(readConfig({ DATABASE_URL }, strict)).rejects.toThrow('SMTP_URL: is required')
  const config = await readConfig({ DATABASE_URL })
  expect(() => openSettings(strict, config)).toThrow('SMTP_URL: is required')
})

test('a setting may come from a file, and no password of it is told', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'tautline-settings-'))
  const file = join(folder, 'url')
  await writeFile(file, 'smtp://anna:hunter2@mail.example\n')
  const settings = await read({ SMTP_URL_FILE: file })
  expect(settings(mail).SMTP_URL).toBe('smtp://anna:hunter2@mail.example')
  const told = await explainConfig({ DATABASE_URL, SMTP_URL_FILE: file }, app)
  expect(told.slice(-2)).toEqual([
    { name: 'SMTP_URL', value: 'smtp://anna:***@mail.example', from: `file ${file}` },
    { name: 'MAIL_AT_ONCE', value: '4', from: 'default' },
  ])
  await rm(folder, { recursive: true })
})

test.each([
  ['PORT', 'the setting PORT is the library'],
  ['TAUTLINE_MAIL', 'the setting TAUTLINE_MAIL has a name of the library'],
  ['smtpUrl', 'the setting smtpUrl is to be in UPPER_CASE'],
])('a setting named %s stops the start', (name, message) => {
  expect(() => appOf(z.object({ [name]: z.string() }))).toThrow(message)
})

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

import { expect, test } from 'vitest'

import { ConfigError, describeEnvironment, readConfig } from './config.ts'

const DATABASE_URL = 'postgres://nobody:hunter2@db/app'
const TAUTLINE_SECRET = 'x'.repeat(32)

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

test('the help names every variable', () => {
  const help = describeEnvironment().join('\n')
  for (const name of ['DATABASE_URL', 'PORT', 'TAUTLINE_POOL_SIZE']) expect(help).toContain(name)
})

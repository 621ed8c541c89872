import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { Client } from 'pg'
import { expect, test } from 'vitest'

import { startTestServer } from '@tautline/kit/testing'
import { app } from '@tautline/server/app'

const run = promisify(execFile)

/** What `pnpm demo` runs. Rejects when it ends with another code than 0. */
async function runDemo(environment: Record<string, string>): Promise<string> {
  const { stdout } = await run(
    process.execPath,
    ['--conditions=@tautline/source', join(import.meta.dirname, '../examples/demo.ts')],
    { env: { ...process.env, ...environment } },
  )
  return stdout
}

function expectTheWholeStory(output: string) {
  expect(output).toMatch(/Anna signed up as \S+@example.com/)
  expect(output).toContain('Anna uploaded 200 items: 200 created, 0 skipped')
  expect(output).toContain('Anna read 4 pages')
  expect(output).toMatch(/Anna restocked ".+" from \d+ to \d+, now version 2/)
  expect(output).toContain('An update from version 1 was refused: the item is at version 2')
  expect(output).toContain('Ben was refused the same item: ITEM_NOT_FOUND')
}

test('the demo uses a server that runs', async () => {
  await using server = await startTestServer(app)
  const output = await runDemo({ DEMO_URL: server.url })
  expect(output).toContain(`Using the server that runs at ${server.url}.`)
  expectTheWholeStory(output)
})

test('the demo starts a server where none runs, and stops it', async () => {
  await using database = await createDatabase()
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const output = await runDemo({ DEMO_URL: url, PORT: String(port), DATABASE_URL: database.url })
  expect(output).toContain(`No server runs at ${url}, starting one`)
  expectTheWholeStory(output)
  expect(output).toContain('The server has stopped.')
  await expect(fetch(url)).rejects.toThrow('fetch failed')
})

/** An empty database in the Postgres of the test run. */
async function createDatabase() {
  const url = new URL(process.env.TEST_DATABASE_URL ?? '')
  const admin = new Client({ connectionString: url.href })
  await admin.connect()
  const name = `demo_${crypto.randomUUID().replaceAll('-', '')}`
  await admin.query(`create database ${name}`)
  url.pathname = name
  return {
    url: url.href,
    async [Symbol.asyncDispose]() {
      await admin.query(`drop database ${name} with (force)`)
      await admin.end()
    },
  }
}

async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1')
  await once(probe, 'listening')
  const address = probe.address()
  probe.close()
  await once(probe, 'close')
  if (typeof address !== 'object' || !address) throw new Error('No free port was found.')
  return address.port
}

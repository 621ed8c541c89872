import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

import { Client } from 'pg'
import { expect, test } from 'vitest'

import { startTestServer } from '@tautline/kit/testing'
import { app } from '@tautline/server/app'

const run = promisify(execFile)

/** What `pnpm demo` runs. Rejects when it ends with another code than 0. */
async function runDemo(environment: Record<string, string>, ...flags: string[]): Promise<string> {
  const demo = join(import.meta.dirname, '../examples/demo.ts')
  const { stdout } = await run(
    process.execPath,
    ['--conditions=@tautline/source', demo, ...flags],
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
  expect(output).toContain('] 100 %  29,988 rows, and 12 bad ones')
  expect(output).toMatch(
    /Anna imported 29988 items in \d attempt\(s\); 12 rows of the file are none/,
  )
  expect(output).toContain('2500,"priceMinor: is no whole number"')
}

test('the demo uses a server that runs', async () => {
  await using server = await startTestServer(app)
  const output = await runDemo({ DEMO_URL: server.url })
  expect(output).toContain(`Using the server that runs at ${server.url}.`)
  expectTheWholeStory(output)
})

/** Where nothing runs, with a database and a folder that nobody else uses. */
async function openPlace() {
  await using stack = new AsyncDisposableStack()
  const database = stack.use(await createDatabase())
  const folder = await mkdtemp(join(tmpdir(), 'tautline-demo-'))
  stack.defer(() => rm(folder, { recursive: true, force: true }))
  const port = await freePort()
  const url = `http://127.0.0.1:${port}`
  const running = stack.move()
  return {
    url,
    environment: {
      DEMO_URL: url,
      PORT: String(port),
      DATABASE_URL: database.url,
      TAUTLINE_FILES: folder,
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

test('the demo starts a server where none runs, and stops it', async () => {
  await using place = await openPlace()
  const { url, environment } = place
  const output = await runDemo(environment)
  expect(output).toContain(`No server runs at ${url}, starting one`)
  expectTheWholeStory(output)
  expect(output).toContain('The server has stopped.')
  await expect(fetch(url)).rejects.toThrow('fetch failed')
})

test('the demo kills nothing that it has not started', async () => {
  await using server = await startTestServer(app)
  await expect(runDemo({ DEMO_URL: server.url }, '--kill')).rejects.toThrow(
    `A server runs at ${server.url}. The demo kills only what it has started`,
  )
  expect((await fetch(server.url)).status).toBe(200)
})

// A worker that is gone is noticed after ten seconds.
test.runIf(process.env.TEST_FULL === '1')(
  'the demo kills its worker, and another goes on',
  async () => {
    await using place = await openPlace()
    const output = await runDemo(place.environment, '--kill')
    expect(output).toMatch(/kill -9 \d+: the worker is gone/)
    expect(output).toContain('Another worker has taken over: attempt 2.')
    expectTheWholeStory(output)
    expect(output).toContain('in 2 attempt(s)')
    await expect(fetch(place.url)).rejects.toThrow('fetch failed')
  },
)

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

import { readFile } from 'node:fs/promises'

import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { z } from 'zod'

import { safe } from '@tautline/client'

import { defineApp } from './app-definition.ts'
import { frugalApp, renewing } from './frugal-app.fixture.ts'
import { query } from './rpc/define.ts'
import { raw } from './rpc/raw-call.fixture.ts'
import { startTestServer, type TestServer } from './testing/index.ts'

type Server = TestServer<typeof frugalApp>

/** That of production, as a test moves it. */
let movedMs = 0
const clock = { now: () => new Date(Date.now() + movedMs) }

let server: Server
let production: Server
beforeAll(async () => {
  server = await startTestServer(frugalApp)
  production = await startTestServer(frugalApp, { config: { environment: 'production' }, clock })
  await sql`create table made (n int)`.execute(server.app.resources.db)
})
afterAll(async () => {
  await server[Symbol.asyncDispose]()
  await production[Symbol.asyncDispose]()
})

const FIXTURE = new URL('./frugal-app.fixture.ts', import.meta.url)

/** Where the fixture has this mark, as a line of the log names it. */
async function marked(mark: string): Promise<string> {
  const lines = (await readFile(FIXTURE, 'utf8')).split('\n')
  const index = lines.findIndex((line) => line.endsWith(`// line: ${mark}`))
  expect(lines[index]).toContain(mark)
  return `packages/kit/src/frugal-app.fixture.ts:${index + 1}:`
}

/** What the log says of the failure with this request id. */
function failureOf(error: { requestId?: string | undefined } | undefined): string {
  const line = server.logs.find(
    ({ requestId, msg }) => requestId === error?.requestId && msg === 'call failed',
  )
  return JSON.stringify(line?.err)
}

const INTERNAL = { reason: 'INTERNAL' }

describe('in a test, a call that goes over its query budget', () => {
  test.each([
    ['inTurn', ['one', 'in turn']],
    ['atOnce', ['one', 'at once']],
    ['loadedInTurn', ['loaded in turn']],
  ] as const)('fails, and its log names the line of code: %s', async (verb, marks) => {
    const { many } = server.client()
    expect(await many[verb].query({ times: 20 })).toBe('done')
    const [, error] = await safe(many[verb].query({ times: 21 }))
    expect(error).toMatchObject(INTERNAL)
    const told = failureOf(error)
    expect(told).toContain(`many.${verb} went over its query budget: statement 21 of at most 20`)
    const places = await Promise.all(marks.map(marked))
    const where = places.map((place) => told.indexOf(place))
    expect(Math.min(...where)).toBeGreaterThan(0)
    expect(where).toEqual(where.toSorted((a, b) => a - b))
  })

  test('fails in a transaction too, and is rolled back', async () => {
    const { many } = server.client()
    const made = sql<{ n: number }>`select n from made order by n`
    expect(await many.inTransaction.mutate({ times: 20 })).toBe('done')
    const { rows } = await made.execute(server.app.resources.db)
    expect(rows).toHaveLength(20)
    const [, error] = await safe(many.inTransaction.mutate({ times: 21 }))
    expect(error).toMatchObject(INTERNAL)
    expect((await made.execute(server.app.resources.db)).rows).toEqual(rows)
    expect(failureOf(error)).toContain(await marked('in transaction'))
  })

  test('fails in the end, when its handler swallows the failure', async () => {
    const [, error] = await safe(server.client().many.swallowing.query({ times: 21 }))
    expect(error).toMatchObject(INTERNAL)
    expect(failureOf(error)).toContain('many.swallowing went over its query budget')
  })

  test('fails for its time, although it has succeeded', async () => {
    const [, error] = await safe(server.client().many.slow.query())
    expect(error).toMatchObject(INTERNAL)
    const told = failureOf(error)
    expect(told).toMatch(/many\.slow went over its query budget: \d+ ms of at most 50 ms/)
    expect(told).toContain(await marked('slow'))
  })
})

describe('a query budget', () => {
  test('is what the procedure declares', async () => {
    const { many } = server.client()
    expect(await many.declared.query({ times: 30 })).toBe('done')
    await expect(many.declared.query({ times: 31 })).rejects.toMatchObject(INTERNAL)
  })

  test('counts the statement of a loader once, however many rows a call asks it for', async () => {
    expect(await server.client().many.loaded.query({ times: 50 })).toBe('done')
  })

  test.each([true, false])('counts a cursor once, however many rows it has: %s', async (within) => {
    expect(await server.client().many.streamed.query({ rows: 400, within })).toBe(400)
  })

  test('is for what the handler asks: its key, its announcement and its caller’s session are not on it', async () => {
    const isCurrent = async () => {
      await sql`select`.execute(server.app.resources.db)
      return true
    }
    await using other = await startTestServer(frugalApp, {
      identity: () => ({ userId: 'anna', roles: [], scopes: [], isCurrent }),
    })
    const { many } = other.client()
    expect(await many.keyed.mutate({ times: 1 }, { idempotencyKey: 'a-key-of-anna' })).toBe('done')
    expect(await many.fresh.query()).toBe('done')
    const tooMany = many.keyed.mutate({ times: 2 }, { idempotencyKey: 'another-of-anna' })
    await expect(tooMany).rejects.toMatchObject(INTERNAL)
  })

  test('is whole again when a transaction is tried again', async () => {
    expect(await server.client().many.retried.mutate()).toBe('done')
  })

  test('does not end a subscription', async () => {
    const input = encodeURIComponent('{"json":{"times":40}}')
    const { text } = await raw(`${server.url}/rpc/many.stream?input=${input}`, {
      headers: { accept: 'text/event-stream' },
    })
    expect(text).toContain('39')
  })

  test.each([0, -1, 1.5, NaN])('of %d is refused', (bad) => {
    const greedy = query({
      summary: 'Asks for what makes no sense.',
      output: z.literal('done'),
      policy: { allow: 'public', queries: { max: bad, timeMs: bad } },
      run: async () => 'done' as const,
    })
    expect(() => defineApp({ ...frugalApp, features: { many: { router: { greedy } } } })).toThrow(
      /queries\.max must be a positive whole number\n.*queries\.timeMs must be a positive/,
    )
  })
})

describe('in production, a call that goes over its query budget', () => {
  const linesOf = (procedure: string) =>
    production.logs.filter(
      (line) => line.procedure === procedure && line.msg === 'query budget exceeded',
    )
  const countOf = (procedure: string) =>
    production.app.metrics.snapshot().counters[
      `query_budget_exceeded_total{procedure="${procedure}"}`
    ]

  test('succeeds; one line of the log names it, what it asked and the line of code', async () => {
    const { many } = production.client()
    expect(await many.inTurn.query({ times: 20 })).toBe('done')
    expect([linesOf('many.inTurn'), countOf('many.inTurn')]).toEqual([[], undefined])
    expect(await many.inTurn.query({ times: 40 })).toBe('done')
    expect(linesOf('many.inTurn')).toMatchObject([{ level: 'warn', queries: 40 }])
    const [line] = linesOf('many.inTurn')
    const places = await Promise.all(['one', 'in turn'].map(marked))
    expect(line?.at).toEqual(places.map((place) => expect.stringContaining(place)))
    expect(line?.queryMs).toBeTypeOf('number')
    expect(countOf('many.inTurn')).toBe(1)
  })

  test('for its time says so as well', async () => {
    expect(await production.client().many.slow.query()).toBe('done')
    expect(linesOf('many.slow')).toMatchObject([{ level: 'warn', queries: 1 }])
    expect(countOf('many.slow')).toBe(1)
  })

  test('is counted each time, and told once a minute', async () => {
    const { many } = production.client()
    const again = async (times: number) => {
      for (let n = 0; n < times; n++) await many.atOnce.query({ times: 21 })
      return [countOf('many.atOnce'), linesOf('many.atOnce').length]
    }
    expect(await again(3)).toEqual([3, 1])
    movedMs += 59_000
    expect(await again(1)).toEqual([4, 1])
    movedMs += 2_000
    expect(await again(2)).toEqual([6, 2])
  })

  test('while it fills a cache is counted once, also when nobody waits for the fill', async () => {
    const { many } = production.client()
    expect(await many.kept.query({ times: 30 })).toBe('done')
    expect([countOf('many.kept'), linesOf('many.kept').length]).toEqual([1, 1])
    movedMs += 61_000
    expect(await many.kept.query({ times: 1 })).toBe('done')
    renewing.add(1)
    movedMs += 1_000
    expect(await many.kept.query({ times: 1 })).toBe('done')
    await expect.poll(() => countOf('many.kept')).toBe(2)
    expect(linesOf('many.kept')).toMatchObject([{ queries: 30 }, { queries: 21 }])
  })
})

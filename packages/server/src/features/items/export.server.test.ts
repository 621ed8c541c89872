import { sql } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { z } from 'zod'

import { startTestServer, type TestCaller, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'
import { selectItemsAfter } from './queries.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

const rope = { sku: 'rope', name: 'Rope', quantity: 2, priceMinor: 1_990n }

let users = 0
/** Somebody with items that are all equally old, because one statement has made them. */
async function ownerOfMany(count: number) {
  const caller = { userId: `user-${++users}`, scopes: ['items:import'] }
  const items = Array.from({ length: count }, (_, n) => ({
    ...rope,
    sku: `"${n}"`,
    name: `Rope,\r\n"No. ${n}", länger`,
  }))
  const { results } = await server.clientAs(caller).items.bulkCreate.mutate({ items })
  const ids = results.map((result) => (result.status === 'created' ? result.id : ''))
  return { caller, ids: ids.toSorted() }
}

interface Wish {
  readonly format: 'csv' | 'ndjson'
  readonly after?: string
}

/** What comes of a download that breaks after so many bytes. */
async function download(caller: TestCaller, wish: Wish, bytes = Infinity): Promise<string> {
  const url = `${server.url}/exports/items?${new URLSearchParams({ ...wish })}`
  // For a moment the server takes a broken download for an open one, and a caller may have two.
  await expect.poll(() => server.app.metrics.snapshot().gauges.exports_open).toBe(0)
  const response = await fetch(url, { headers: server.headersAs(caller) })
  expect(response.status).toBe(200)
  let got = Buffer.alloc(0)
  for await (const chunk of response.body ?? []) {
    got = Buffer.concat([got, chunk])
    if (got.length >= bytes) break // which closes the connection
  }
  return got.subarray(0, bytes).toString()
}

/** Records of a CSV (RFC 4180) that may break off anywhere: those that are complete. */
function recordsIn(csv: string): string[][] {
  const records: string[][] = []
  let record: string[] = []
  for (const [, quoted, plain = '', end] of csv.matchAll(
    /(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/gy,
  )) {
    record.push(quoted?.replaceAll('""', '"') ?? plain)
    if (end === ',') continue
    records.push(record)
    record = []
  }
  return records
}

const Row = z.strictObject({
  id: z.uuid(),
  sku: z.string(),
  name: z.string(),
  quantity: z.int(),
  priceMinor: z.string(),
  version: z.int(),
  createdAt: z.string().regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/),
  updatedAt: z.string(),
})

const linesIn = (ndjson: string) =>
  ndjson
    .split('\n')
    .slice(0, -1)
    .map((line) => Row.parse(JSON.parse(line)))

/** What a client knows of each complete row, in either format. */
const placesIn = {
  csv: (text: string) =>
    recordsIn(text)
      .filter(([id]) => id !== 'id')
      .map(([id = '', , , , , , createdAt = '']) => ({ id, createdAt })),
  ndjson: linesIn,
}

test('an item is told in full, in both formats', async () => {
  const caller = { userId: `user-${++users}` }
  const name = 'Rope, "the long one"\nof two lines'
  const item = await server
    .clientAs(caller)
    .items.create.mutate({ ...rope, name, priceMinor: 2n ** 63n - 1n })
  const [row] = linesIn(await download(caller, { format: 'ndjson' }))
  expect(row).toMatchObject({
    id: item.id,
    sku: 'rope',
    name,
    quantity: 2,
    priceMinor: '9223372036854775807',
    version: 1,
  })
  expect(row?.createdAt.slice(0, 23)).toBe(item.createdAt.toISOString().slice(0, 23))
  const csv = await download(caller, { format: 'csv' })
  expect(recordsIn(csv)).toEqual([
    ['id', 'sku', 'name', 'quantity', 'priceMinor', 'version', 'createdAt', 'updatedAt'],
    Object.values(row ?? {}).map(String),
  ])
  expect(csv).toContain('"Rope, ""the long one""\nof two lines"')
})

test.each(['csv', 'ndjson'] as const)(
  'a download in %s that breaks at any byte goes on, and has each item once in the end',
  async (format) => {
    const { caller, ids } = await ownerOfMany(3_000)
    const got: { id: string; createdAt: string }[] = []
    for (let breaks = 0; breaks <= 10; breaks++) {
      const last = got.at(-1)
      const after = last && { after: `${last.createdAt},${last.id}` }
      // At the tenth it is let through to its end.
      const bytes = breaks < 10 ? 1 + Math.floor(Math.random() * 60_000) : Infinity
      got.push(...placesIn[format](await download(caller, { format, ...after }, bytes)))
    }
    expect(got.map(({ id }) => id)).toEqual(ids)
  },
)

test('what was made since the last row is what comes after it', async () => {
  const { caller } = await ownerOfMany(3)
  const last = linesIn(await download(caller, { format: 'ndjson' })).at(-1)
  const { id } = await server.clientAs(caller).items.create.mutate(rope)
  const after = `${last?.createdAt},${last?.id}`
  expect(linesIn(await download(caller, { format: 'ndjson', after }))).toMatchObject([{ id }])
})

test('nobody reads what is another’s, also from a place among their items', async () => {
  const [anna, berta] = [await ownerOfMany(3), await ownerOfMany(2)]
  const [first] = linesIn(await download(anna.caller, { format: 'ndjson' }))
  const after = `${first?.createdAt},${first?.id}`
  const elsewhere = { ...anna.caller, tenantId: 'elsewhere' }
  const seen = async (caller: TestCaller) =>
    linesIn(await download(caller, { format: 'ndjson', after })).map(({ id }) => id)
  expect(await seen(berta.caller)).toEqual(berta.ids)
  expect(await seen(anna.caller)).toEqual(anna.ids.slice(1))
  expect(await seen(elsewhere)).toEqual([])
})

test.each([
  ['a time without its microseconds', '2026-11-22T10:00:00Z,00000000-0000-4000-8000-000000000000'],
  ['no time at all', 'infinity,00000000-0000-4000-8000-000000000000'],
  ['the year 0', '0000-01-01T00:00:00.000000Z,00000000-0000-4000-8000-000000000000'],
  ['a time alone', '2026-11-22T10:00:00.000000Z'],
  ['an id that is none', '2026-11-22T10:00:00.000000Z,1'],
])('%s is no place to go on from', async (_, after) => {
  const response = await fetch(`${server.url}/exports/items?after=${encodeURIComponent(after)}`, {
    headers: server.headersAs({ userId: 'anna' }),
  })
  expect(response.status).toBe(400)
  expect(await response.text()).toContain('"reason":"BAD_INPUT"')
})

test('no row is sorted before the first one can be sent, also when the statistics know no owner', async () => {
  const { caller } = await ownerOfMany(3)
  const { db } = server.app.resources
  // A table that has become large a moment ago, of which nothing else is known.
  await sql`update pg_class set reltuples = 1e6, relpages = 1 where relname = 'item'`.execute(db)
  const owner = { ownerId: caller.userId, tenantId: '' }
  const query = selectItemsAfter(db, owner, undefined)
  const plan = JSON.stringify(await sql`explain declare c cursor for ${query}`.execute(db))
  expect(plan).toContain('item_owner_created')
  expect(plan).not.toContain('Sort')
})

import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

import type { Db } from '@tautline/kit'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from './app.ts'
import { listItems } from './features/items/queries.ts'
import { searchItems } from './features/items/search.ts'
import { listUsers } from './features/users/queries.ts'
import { searchUsers } from './features/users/search.ts'
import { expectSameCost, planOf } from './plan-of.fixture.ts'
import { FIRST_RANK, type Rank } from './search.ts'

/** A list of 5,000 pages and one more. Its rows have numbers, from 1 on, the newest first. */
function listOf(rows: number) {
  const limit = rows / 5_000
  const beforePage5000 = rows - limit
  const onPage5000 = Array.from({ length: limit }, (_, n) => beforePage5000 + 1 + n)
  return { limit, beforePage5000, onPage5000, last: rows + limit }
}

const itemList = listOf(200_000)
const userList = listOf(200_000)

/** Who has all of these rows, and another one who has no word in common with them. */
const big = { ownerId: 'big', tenantId: '' }
const other = { ownerId: 'other', tenantId: '' }
const small = { ownerId: 'small-7', tenantId: '' }
/** Whose items all have the words of one text, and none of them side by side. */
const shirts = { ownerId: 'shirts', tenantId: '' }
const SHIRTS = process.env.TEST_FULL === '1' ? 200_000 : 20_000

/** Rows that a search compares with its text at most, and the trigrams of the text itself. */
const MOST_IN_VAIN = 9_000 + 100

let server: TestServer<typeof app>
let client: Client
/** Of the lists, as the server gave them, after the row before page 5,000. */
let cursors: { items: string | null; users: string | null }

const items = () => server.clientAs({ userId: big.ownerId }).items
const users = () => server.clientAs({ userId: 'chief', roles: ['admin'] }).users

beforeAll(async () => {
  server = await startTestServer(app)
  client = await connect()
  await using second = await connect()
  // While page 5,000 is all there is, the first page ends with a cursor to it. The rest is newer.
  await insertItems(client, itemList.beforePage5000, itemList.last)
  await insertUsers(client, userList.beforePage5000, userList.last)
  cursors = {
    items: (await items().list.query({ limit: 1 })).nextCursor,
    users: (await users().list.query({ limit: 1 })).nextCursor,
  }
  await Promise.all([
    beforeIndexes(client, 'item', async () => {
      await insertItems(client, 1, itemList.beforePage5000 - 1)
      await insertItemsOfOthers(client)
    }),
    beforeIndexes(second, 'tautline.user', () =>
      insertUsers(second, 1, userList.beforePage5000 - 1),
    ),
  ])
})
afterAll(async () => {
  await client.end()
  await server[Symbol.asyncDispose]()
})

async function connect() {
  const connected = new Client({ connectionString: server.databaseUrl })
  await connected.connect()
  return Object.assign(connected, { [Symbol.asyncDispose]: () => connected.end() })
}

/** One word of a thousand, one that all have, and a number. */
const NAME = `substr(md5((n % 997)::text), 1, 6) || ' item ' || n`

/** The items with these numbers, the first one the newest. */
async function insertItems(on: Client, from: number, to: number): Promise<void> {
  await on.query(
    `insert into item (owner_id, sku, name, quantity, price_minor, created_at)
     select $3, 'S-' || n, ${NAME}, 1, 1, now() - n * interval '1 minute'
     from generate_series($2::int, $1::int, -1) n`,
    [from, to, big.ownerId],
  )
}

/** Of 100 owners 100 items each with the same words, of one 40,000 without them, and the shirts. */
async function insertItemsOfOthers(on: Client): Promise<void> {
  await on.query(
    `insert into item (owner_id, sku, name, quantity, price_minor)
     select 'small-' || n % 100, 'S-' || n, ${NAME}, 1, 1 from generate_series(1, 10000) n
     union all
     select $1, 'X-' || n, 'Plain ' || n, 1, 1 from generate_series(1, 40000) n
     union all
     select $2, 'S-' || n, 'Shirt ' || n || ', size M, colour blue, of organic cotton', 1, 1
     from generate_series(1, $3::int) n`,
    [other.ownerId, shirts.ownerId, SHIRTS],
  )
}

async function insertUsers(on: Client, from: number, to: number): Promise<void> {
  await on.query(
    `insert into tautline.user (email, name, password_hash, created_at)
     select 'user' || n || '@example.com', ${NAME}, 'none', now() - n * interval '1 minute'
     from generate_series($2::int, $1::int, -1) n`,
    [from, to],
  )
}

/** Fills a table before its indexes are written, which is faster than the other way round. */
async function beforeIndexes(on: Client, table: string, fill: () => Promise<void>): Promise<void> {
  const indexes = await on.query<{ name: string; definition: string }>(
    `select indexrelid::regclass::text as name, pg_get_indexdef(indexrelid) as definition
     from pg_index where indrelid = $1::regclass and not indisunique`,
    [table],
  )
  for (const { name } of indexes.rows) await on.query(`drop index ${name}`)
  await fill()
  for (const { definition } of indexes.rows) await on.query(definition)
  await on.query(`vacuum analyze ${table}`)
}

const plan = (ask: (db: Db) => Promise<unknown>) => planOf(client, ask)

/** Sort keys of one row, as text. */
async function positionOf(table: 'item' | 'tautline.user', condition: string) {
  const { rows } = await client.query<{ createdAt: string; id: string }>(
    `select created_at::text as "createdAt", id from ${table} where ${condition}`,
  )
  return rows[0]
}

type Position = Awaited<ReturnType<typeof positionOf>>

test('page 5,000 of items.list has the plan of page 1, and the same buffers', async () => {
  const { limit, beforePage5000, onPage5000 } = itemList
  const page = await items().list.query({ limit, cursor: cursors.items })
  expect(page.items.map(({ sku }) => sku)).toEqual(onPage5000.map((n) => `S-${n}`))

  const planAfter = (after: Position) => plan((db) => listItems(db, { ...big, after, limit }))
  const first = await planAfter(undefined)
  expect(first.steps).toEqual(['Limit', 'Index Scan item_owner_created'])
  const last = await positionOf('item', `owner_id = 'big' and sku = 'S-${beforePage5000}'`)
  expectSameCost(await planAfter(last), first)
})

test('page 5,000 of users.list has the plan of page 1, and the same buffers', async () => {
  const { limit, beforePage5000, onPage5000 } = userList
  const page = await users().list.query({ limit, cursor: cursors.users })
  expect(page.items.map(({ email }) => email)).toEqual(
    onPage5000.map((n) => `user${n}@example.com`),
  )

  const planAfter = (after: Position) => plan((db) => listUsers(db, { after, limit }))
  const first = await planAfter(undefined)
  expect(first.steps).toEqual(['Limit', 'Index Scan user_created'])
  const last = await positionOf('tautline.user', `email = 'user${beforePage5000}@example.com'`)
  expectSameCost(await planAfter(last), first)
})

const SCANS = expect.arrayContaining([expect.stringContaining('Seq Scan')])

/** Texts, and how many pages Postgres may read to find them among 200,000 items, or among the users. */
const SEARCHES = [
  ['a letter that thousands begin with', 'c', 1_700],
  ['two letters', 'c4', 5_000],
  ['a word that some have', 'c4ca42', 3_500],
  ['two words, one with a letter missing', 'c4ca42 tem', 1_000],
  ['a number, among thousands that are like it', 'item 123456', 2_200],
  ['what nobody has', 'zzzqqq', 150],
  ['what has no letter', '%_%', 20],
] as const

const asked = (q: string) => ({ q, after: FIRST_RANK, limit: 20 })

test.each(SEARCHES)('a search for %s is answered by the indexes', async (_, q, most) => {
  const ofItems = await plan((db) => searchItems(db, big, asked(q)))
  const ofUsers = await plan((db) => searchUsers(db, asked(q)))
  expect(ofItems.indexes).toEqual(
    new Set(['item_owner_name', 'item_owner_sku', 'item_owner_words', 'item_pkey']),
  )
  expect(ofUsers.indexes).toEqual(new Set(['user_email', 'user_name', 'user_pkey', 'user_words']))
  for (const { steps, buffers, inVain } of [ofItems, ofUsers]) {
    expect(steps).not.toEqual(SCANS)
    expect(buffers).toBeLessThan(most)
    expect(inVain).toBeLessThanOrEqual(MOST_IN_VAIN)
  }
})

test('a search for what all have ends with the thousandth that was found', async () => {
  const ofItems = await plan((db) => searchItems(db, big, asked('item')))
  const ofUsers = await plan((db) => searchUsers(db, asked('item')))
  for (const { buffers } of [ofItems, ofUsers]) expect(buffers).toBeLessThan(1_000)
})

test.each(['cotton shirt blue', 'coton shirt bleu', 'shirtcotton'])(
  'a search compares some rows and no more, where all have the words of %s apart',
  async (q) => {
    const { steps, buffers, inVain } = await plan((db) => searchItems(db, shirts, asked(q)))
    expect(steps).not.toEqual(SCANS)
    expect(buffers).toBeLessThan(5_000)
    expect(inVain).toBeLessThanOrEqual(MOST_IN_VAIN)
  },
)

test('a search costs an owner nothing that others have', async () => {
  const texts = [...SEARCHES.map(([, q]) => q), 'item']
  for (const owner of [small, other]) {
    for (const q of texts) {
      const { steps, buffers, inVain } = await plan((db) => searchItems(db, owner, asked(q)))
      expect(steps).not.toEqual(SCANS)
      expect(buffers).toBeLessThan(1_000)
      expect(inVain).toBeLessThanOrEqual(600) // all items of the small one, 5 times, and trigrams
    }
  }
})

test('a late page of a search has the plan of page 1, and the same buffers', async () => {
  const { db } = server.app.resources
  const found = await searchItems(db, big, { q: 'c', after: FIRST_RANK, limit: 900 })
  expect(found).toHaveLength(901)
  const { distance = 0, id = '' } = found[899] ?? {}
  const planAfter = (after: Rank) =>
    plan((on) => searchItems(on, big, { q: 'c', after, limit: 40 }))
  expectSameCost(await planAfter({ distance: String(distance), id }), await planAfter(FIRST_RANK))
})

import { afterAll, beforeAll, expect, test } from 'vitest'

import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

let users = 0
const someone = () => server.clientAs({ userId: `user-${++users}`, scopes: ['items:import'] }).items
type Items = ReturnType<typeof someone>

/** Gives somebody items of these names, by sku where that matters. */
async function add(items: Items, names: readonly string[], skuOf = (n: number) => `sku-${n}`) {
  const rows = names.map((name, n) => ({ sku: skuOf(n), name, priceMinor: 1n }))
  await items.bulkCreate.mutate({ items: rows })
}

async function named(...names: string[]) {
  const items = someone()
  await add(items, names)
  return items
}

const namesOf = (page: { items: { name: string }[] }) => page.items.map(({ name }) => name)

/** All that a text finds, page by page. */
async function walk(items: Items, q: string, limit: number) {
  const found: { id: string; name: string }[] = []
  let cursor: string | null = null
  do {
    const page: Awaited<ReturnType<Items['search']['query']>> = await items.search.query({
      q,
      limit,
      cursor,
    })
    found.push(...page.items)
    cursor = page.nextCursor
  } while (cursor !== null)
  return found
}

test('what equals the text comes first, then what begins with it, then what is like it', async () => {
  const items = await named('Steel rope', 'Roper', 'Rope, 10 m', 'Anchor', 'Rope')
  expect(namesOf(await items.search.query({ q: 'rope' }))).toEqual([
    'Rope',
    'Rope, 10 m',
    'Roper', // has one trigram of the text less
    'Steel rope',
  ])
})

test('an item is found by the beginning of its sku, whatever its name', async () => {
  const items = someone()
  await add(items, ['Winch', 'Winch', 'Winch'], (n) => ['AB-10', 'AB-1', 'B-1'][n] ?? '')
  const skus = async (q: string) => (await items.search.query({ q })).items.map((item) => item.sku)
  expect(await skus('ab-1')).toEqual(['AB-1', 'AB-10'])
})

test('an item is found by any part of its sku, and by words of its name and its sku together', async () => {
  const items = someone()
  await add(items, ['Winch', 'Cleat'], (n) => ['AB-10-left', 'AB-20-right'][n] ?? '')
  for (const q of ['10', 'left', '10-left', 'winch AB']) {
    expect([q, namesOf(await items.search.query({ q }))]).toEqual([q, ['Winch']])
  }
})

test('case does not matter, nor does space around the text, nor a letter that is missing', async () => {
  const items = await named('Folding Anchor', 'Cleat')
  for (const q of ['ANCHOR', '  folding a ', 'anchr', 'foldin anchor']) {
    expect([q, namesOf(await items.search.query({ q }))]).toEqual([q, ['Folding Anchor']])
  }
})

test('a wrong letter hides nothing, wherever it is', async () => {
  const items = await named('Folding anchor')
  for (const at of 'folding anchor'.split('').keys()) {
    const q = `${'folding anchor'.slice(0, at)}x${'folding anchor'.slice(at + 1)}`
    expect([q, namesOf(await items.search.query({ q }))]).toEqual([q, ['Folding anchor']])
  }
})

test('one letter and two letters find what begins with them', async () => {
  const items = await named('Rope', 'Rudder', 'Cleat')
  expect(namesOf(await items.search.query({ q: 'r' })).toSorted()).toEqual(['Rope', 'Rudder'])
  expect(namesOf(await items.search.query({ q: 'ru' }))).toEqual(['Rudder'])
})

test('letters of any script are found, in any case, composed or not', async () => {
  const items = await named('Größe 3', 'Якорь складной', '日本語の本', '🪢 Knot')
  for (const [q, name] of [
    ['GRO\u0308', 'Größe 3'],
    ['складной ЯКОРЬ', 'Якорь складной'],
    ['日', '日本語の本'],
    ['🪢', '🪢 Knot'],
  ] as const) {
    expect(namesOf(await items.search.query({ q }))).toEqual([name])
  }
})

test('what is stored decomposed is found, by the same text and by the composed one', async () => {
  const items = someone()
  await add(items, ['Gro\u0308ße'], () => 'U\u0308-1')
  const { id, version } = await items.create.mutate({ sku: 'x', name: 'New', priceMinor: 1n })
  await items.update.mutate({ id, version, changes: { name: 'A\u030Ange' } })
  for (const [q, sku] of [
    ['gro\u0308ße', 'Ü-1'],
    ['größe', 'Ü-1'],
    ['u\u0308-1', 'Ü-1'],
    ['ånge', 'x'],
  ]) {
    const { items: found } = await items.search.query({ q: q ?? '' })
    expect([q, found.map((item) => item.sku)]).toEqual([q, [sku]])
  }
})

test('no character of the text is special', async () => {
  const items = await named('%', '_', '\\', "'", '<->', 'Rope')
  for (const q of ['%', '_', '\\', "'", '<->']) {
    expect(namesOf(await items.search.query({ q }))).toEqual([q])
  }
  for (const q of ['%%', '.*', '\\%', '{"a":1}']) {
    expect(namesOf(await items.search.query({ q }))).toEqual([])
  }
})

test('pages neither repeat nor skip an item, also when all are equally near', async () => {
  const items = await named(...Array<string>(25).fill('Rope'), ...Array<string>(25).fill('A rope'))
  const found = await walk(items, 'rope', 7)
  expect(new Set(found.map(({ id }) => id)).size).toBe(50)
  expect(found.map(({ name }) => name)).toEqual([
    ...Array<string>(25).fill('Rope'),
    ...Array<string>(25).fill('A rope'),
  ])
})

test('of what begins with a text the first 1,000 are ranked, and the walk ends there', async () => {
  const names = Array.from({ length: 1_100 }, (_, n) => `Bolt ${String(n).padStart(4, '0')}`)
  const items = await named(...names.toReversed())
  const found = await walk(items, 'b', 100)
  expect(found.map(({ name }) => name).toSorted()).toEqual(names.slice(0, 1_000))
})

test('what contains the text is ranked, however much is only like it', async () => {
  const items = someone()
  const alike = Array.from({ length: 1_100 }, (_, n) => `Old rope 5 or 0, number ${n}`)
  // In whatever order the others are read, one of these comes after them.
  await add(items, ['A rope 5%0'], () => 'a')
  await add(items, alike)
  await add(items, ['Old rope 5%0'], () => 'z')
  const { items: found } = await items.search.query({ q: 'rope 5%0', limit: 2 })
  expect(found.map(({ sku }) => sku).toSorted()).toEqual(['a', 'z'])
})

test('nobody finds the items of others, or their own of another tenant', async () => {
  const userId = `user-${++users}`
  const own = server.clientAs({ userId, tenantId: 'acme', scopes: ['items:import'] }).items
  await add(own, ['Rope', 'A rope'])
  const others = [
    someone(),
    server.clientAs({ userId }).items,
    server.clientAs({ userId, tenantId: 'other' }).items,
  ]
  for (const other of others) {
    for (const q of ['rope', 'r', 'sku-1']) {
      expect(await other.search.query({ q })).toEqual({ items: [], nextCursor: null })
    }
  }
  expect(namesOf(await own.search.query({ q: 'rope' }))).toEqual(['Rope', 'A rope'])
})

test('a cursor is good for its owner, its text and this list, as it was given', async () => {
  const userId = `user-${++users}`
  const as = (more: object) => server.clientAs({ userId, scopes: ['items:import'], ...more }).items
  const [anna, berta] = [as({}), someone()]
  for (const items of [anna, berta]) await add(items, ['Rope', 'A rope', 'Ropes'])
  const cursorOf = async (items: Items, q: string) =>
    (await items.search.query({ q, limit: 1 })).nextCursor ?? ''
  const cursor = await cursorOf(anna, 'rope')
  const [payload, signature] = cursor.split('.')
  const farther = Buffer.from(JSON.stringify(['9', crypto.randomUUID()])).toString('base64url')
  for (const call of [
    () => anna.search.query({ q: 'rope', cursor: `x${cursor}` }),
    () => anna.search.query({ q: 'rope', cursor: `${farther}.${signature}` }),
    () => anna.search.query({ q: 'rope', cursor: payload }),
    () => anna.search.query({ q: 'ropes', cursor }),
    () => berta.search.query({ q: 'rope', cursor }),
    () => as({ tenantId: 'acme' }).search.query({ q: 'rope', cursor }),
    () => anna.list.query({ cursor }),
    async () =>
      anna.search.query({ q: 'rope', cursor: (await anna.list.query({ limit: 1 })).nextCursor }),
  ]) {
    await expect(call()).rejects.toMatchObject({ reason: 'BAD_INPUT' })
  }
  const rest = await anna.search.query({ q: ' rope', cursor })
  expect(namesOf(rest)).toEqual(['Ropes', 'A rope'])
})

test.each([
  ['nothing', ''],
  ['only space', ' \u00a0\t'],
  ['more than 100 characters', 'x'.repeat(101)],
])('a search for %s is refused', async (_, q) => {
  await expect(someone().search.query({ q })).rejects.toMatchObject({ reason: 'BAD_INPUT' })
})

import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { safe } from '@tautline/client'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'
import { newImporter } from './import.fixture.ts'
import { items } from './items.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

const titles = 'sku,name,priceMinor\n'

/** Rows of that many items. */
const rows = (count: number, name = 'Rope') =>
  Array.from({ length: count }, (_, n) => `s${n},${name},1\n`).join('')

describe('what is imported', () => {
  test('is what the titles of a CSV file name, in their order', async () => {
    const anna = newImporter(server)
    const output = await anna.import(
      '\uFEFFname,priceMinor,sku,quantity\r\n"Rope, 10 m",1990,rope,12\r\n' +
        '"Two\r\nlines ""quoted""",9223372036854775807,cleat,\r\n\r\nÖse,0,eye,1',
    )
    expect(output).toEqual({ created: 3, updated: 0, skipped: 0, bad: 0, reportId: null })
    expect(await anna.items()).toEqual([
      'cleat|Two\r\nlines "quoted"|0|9223372036854775807',
      'eye|Öse|1|0',
      'rope|Rope, 10 m|12|1990',
    ])
  })

  test.each([
    ['by its name', { name: 'items.jsonl' }, ' '],
    ['by how it begins', { name: 'items' }, '\n'],
    ['as the caller says', { name: 'items.csv', format: 'ndjson' }, '\n'],
  ] as const)('may be lines of JSON: told %s', async (_, options, start) => {
    const anna = newImporter(server)
    const text = `${start}{"sku":"a","name":"A","priceMinor":"7"}\n\n{"sku":"b","name":"B","priceMinor":8,"quantity":2}`
    expect(await anna.import(text, options)).toMatchObject({ created: 2, bad: 0 })
    expect(await anna.items()).toEqual(['a|A|0|7', 'b|B|2|8'])
  })

  test('may be what was exported', async () => {
    const anna = newImporter(server)
    await anna.import(titles + rows(3))
    const headers = server.headersAs({ userId: anna.userId })
    for (const format of ['csv', 'ndjson'] as const) {
      const exported = await fetch(`${server.url}/exports/items?format=${format}`, { headers })
      const output = await newImporter(server).import(await exported.text(), { format })
      expect(output).toMatchObject({ created: 3, bad: 0 })
    }
  })

  test('is the callers’ alone, in their tenant', async () => {
    const anna = newImporter(server, 'acme')
    await anna.import(titles + rows(1))
    expect((await anna.client.items.list.query()).items).toHaveLength(1)
    const elsewhere = server.clientAs({ userId: anna.userId })
    expect((await elsewhere.items.list.query()).items).toEqual([])
  })
})

describe('a sku that is there already, or twice in the file', () => {
  const text = `${titles}old,New,2\nnew,First,3\n${rows(1_500)}new,Second,4\nnew,Third,5\n`

  test.each([
    ['skip', { created: 1_501, updated: 0, skipped: 3 }, ['new|First|0|3', 'old|Old|0|1']],
    ['update', { created: 1_501, updated: 3, skipped: 0 }, ['new|Third|0|5', 'old|New|0|2']],
  ] as const)('with %s', async (onConflict, counts, kept) => {
    const anna = newImporter(server)
    await anna.client.items.create.mutate({ sku: 'old', name: 'Old', priceMinor: 1n })
    expect(await anna.import(text, { onConflict })).toEqual({ ...counts, bad: 0, reportId: null })
    expect((await anna.items()).filter((row) => !row.startsWith('s'))).toEqual(kept)
  })
})

describe('rows that are no items', () => {
  test('stop nothing, and are told of in a file', async () => {
    const anna = newImporter(server)
    const output = await anna.import(
      Buffer.concat([
        Buffer.from(`${titles}a,A,1\n,"B",x\nc,"C\nd,D\n\ne,E,2\n`),
        Buffer.from('f,\xff,3\n', 'latin1'),
        Buffer.from('g,G,4,5\nh,"H" h,6\ni,I,7'),
      ]),
    )
    expect(output).toMatchObject({ created: 3, updated: 0, skipped: 0, bad: 6 })
    expect(await anna.items()).toEqual(['a|A|0|1', 'e|E|0|2', 'i|I|0|7'])
    const { reportId } = output
    const report = await fetch(`${server.url}/files/${reportId}`, {
      headers: server.headersAs({ userId: anna.userId }),
    })
    expect((await report.text()).split('\r\n')).toEqual([
      'row,problem',
      '2,"sku: Too small: expected string to have >=1 characters; priceMinor: is no whole number"',
      '3,"Text stands beside a field in quotes, or its quote is not closed."',
      '4,"The row has 2 fields, and the file 3 columns."',
      '6,"The row is not text in UTF-8."',
      '7,"The row has 4 fields, and the file 3 columns."',
      '8,"Text stands beside a field in quotes, or its quote is not closed."',
      '',
    ])
    expect(report.headers.get('content-disposition')).toContain('import-problems.csv')
  })

  test.each([
    ['\n', 'The line of titles names no column sku'],
    ['sku,name\n', 'The line of titles names no column priceMinor'],
    ['sku;name;priceMinor\n', 'The line of titles names no column sku'],
    ['sku,name,priceMinor,qty\n', 'The line of titles has a title that no item has, in column 4'],
    ['sku,name,priceMinor,sku\n', 'The line of titles names a column twice'],
    ['sku,"name\n', 'The line of titles has a broken quote'],
  ])('are all of a file that begins with %j: the task fails at once', async (text, problem) => {
    const anna = newImporter(server)
    const { state, error, attempt } = await anna.ended(await anna.begin(text + rows(1)))
    const how = '; it has sku, name, priceMinor and maybe quantity.'
    expect({ state, error, attempt }).toEqual({ state: 'failed', error: problem + how, attempt: 1 })
  })
})

describe('a file', () => {
  test('without a byte has no titles, and as JSON no rows', async () => {
    const anna = newImporter(server)
    const { state, error } = await anna.ended(await anna.begin(''))
    expect(state).toBe('failed')
    expect(error).toContain('The line of titles is not there')
    expect(await anna.import('', { format: 'ndjson' })).toMatchObject({ created: 0, bad: 0 })
  })

  test('of somebody else is none, and nothing is begun', async () => {
    const [anna, berta] = [newImporter(server), newImporter(server)]
    const task = await anna.see(await anna.begin(titles))
    expect(task).toMatchObject({ name: 'items.import' })
    const [file] = (await anna.client.files.list.query()).items
    for (const fileId of [file?.id ?? '', crypto.randomUUID()]) {
      const [, error] = await safe(berta.client.items.import.mutate({ fileId, onConflict: 'skip' }))
      expect(error).toMatchObject({ reason: 'FILE_NOT_FOUND' })
    }
    expect((await berta.client.tasks.list.query()).items).toEqual([])
  })

  test('that is gone when an import is to go on fails it', async () => {
    const anna = newImporter(server)
    await using held = await anna.holdImports()
    const id = await anna.begin(titles + rows(2))
    await held.isWaitedFor()
    await anna.client.tasks.cancel.mutate({ id })
    await anna.ended(id)
    const [file] = (await anna.client.files.list.query()).items
    await anna.client.files.delete.mutate({ id: file?.id ?? '' })
    await anna.client.tasks.retry.mutate({ id })
    expect(await anna.ended(id)).toMatchObject({ state: 'failed', error: 'You have no such file.' })
  })
})

describe('an import that is not done', () => {
  // Two chunks and a half, with bad rows in each; the second one meets an item that somebody holds.
  const text = `${titles}bad\n${rows(1_500)}held,Held,1\n${rows(400, 'Again')}bad,x\n${rows(600)}bad`
  const whole = { created: 1_500, updated: 1_001, skipped: 0, bad: 3 }

  async function stopped() {
    const anna = newImporter(server)
    await anna.client.items.create.mutate({ sku: 'held', name: 'Old', priceMinor: 2n })
    const held = await anna.holdItem('held')
    const id = await anna.begin(text, { onConflict: 'update' })
    await held.isWaitedFor()
    expect(await anna.items()).toHaveLength(1_000) // 999 of the first chunk, and the one that is held
    return { anna, held, id }
  }

  test('ends between two chunks when it is cancelled, and goes on there when it is retried', async () => {
    const { anna, held, id } = await stopped()
    await anna.client.tasks.cancel.mutate({ id })
    expect(await anna.ended(id)).toMatchObject({ state: 'cancelled' })
    await held.release()
    expect(await anna.items()).toHaveLength(1_000)
    await anna.client.tasks.retry.mutate({ id })
    const { state, output } = await anna.ended(id)
    expect({ state, output }).toMatchObject({ state: 'succeeded', output: whole })
    expect(await anna.items()).toHaveLength(1_501)
  })

  test('goes on with another attempt when its own is lost: no row is lost or counted twice', async () => {
    const { anna, held, id } = await stopped()
    await using place = await anna.holdImports()
    await held.release()
    await place.isWaitedFor()
    expect(await anna.items()).toHaveLength(1_000) // a chunk is there with the place behind it
    await anna.lose(id)
    await place.release()
    const { state, attempt, output } = await anna.ended(id)
    expect({ state, attempt, output }).toMatchObject({
      state: 'succeeded',
      attempt: 2,
      output: whole,
    })
    expect(await anna.items()).toHaveLength(1_501)
    const told = (row: number, fields: number) =>
      `${row},"The row has ${fields} fields, and the file 3 columns."`
    const report = ['row,problem', told(1, 1), told(1_903, 2), told(2_504, 1), '']
    expect(await anna.report(output)).toEqual(report)
  })

  test('fails when there is no room for its report, and has only that left to do when it is retried', async () => {
    const anna = newImporter(server)
    await using held = await anna.holdImports()
    const id = await anna.begin(`${titles}bad\n${rows(3)}`)
    await held.isWaitedFor()
    const use = (files: number) =>
      sql`update tautline.file_usage set files = ${files}`.execute(server.app.resources.db)
    await use(10_000)
    await held.release()
    const error = 'There is no room for this file beside those that you have.'
    expect(await anna.ended(id)).toMatchObject({ state: 'failed', error })
    await use(1)
    await anna.client.tasks.retry.mutate({ id })
    const { output } = await anna.ended(id)
    expect(output).toMatchObject({ created: 3, updated: 0, skipped: 0, bad: 1 })
    expect(await anna.report(output)).toHaveLength(3)
  })

  test('makes one report, however often its end is tried', async () => {
    const anna = newImporter(server)
    await using _ = await anna.refuseToSettle()
    const id = await anna.begin(`${titles}bad\n${rows(1)}`)
    expect(await anna.ended(id)).toMatchObject({ state: 'failed', attempt: 1 })
    expect(await anna.reports()).toBe(1)
    await anna.client.tasks.retry.mutate({ id })
    expect(await anna.ended(id)).toMatchObject({ attempt: 2, output: { created: 1, bad: 1 } })
    expect(await anna.reports()).toBe(1)
  })
})

test('what an import needs to go on is kept until it has succeeded, or its task is gone', async () => {
  const anna = newImporter(server)
  const { db } = server.app.resources
  const kept = async () => (await db.selectFrom('item_import').select('task_id').execute()).length
  const turn = () =>
    items.loops.forget_imports.run(server.app.resources, new AbortController().signal)
  await turn()
  const before = await kept()
  await anna.import(`${titles}bad\n`)
  await anna.client.items.create.mutate({ sku: 's0', name: 'Old', priceMinor: 1n })
  await using held = await anna.holdItem('s0')
  const id = await anna.begin(titles + rows(1), { onConflict: 'update' })
  await held.isWaitedFor()
  await anna.client.tasks.cancel.mutate({ id })
  await anna.ended(id)
  expect(await kept()).toBe(before + 2)
  await turn()
  expect(await kept()).toBe(before + 1)
  await sql`delete from tautline.task where id = ${id}`.execute(db)
  await turn()
  expect(await kept()).toBe(before)
})

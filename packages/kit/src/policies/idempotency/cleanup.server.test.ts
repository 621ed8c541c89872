import { afterAll, beforeAll, expect, test } from 'vitest'

import { idempotencyCleanup, KEPT_MS } from './cleanup.ts'
import { openTwoShops } from './shop.fixture.ts'

let shops: Awaited<ReturnType<typeof openTwoShops>>
beforeAll(async () => {
  shops = await openTwoShops()
})
afterAll(() => shops[Symbol.asyncDispose]())

const NOW = new Date('2026-03-01T12:00:00Z')
const clock = { now: () => NOW }

/** Outcomes from before the time that they are kept, and later ones. */
async function fill(expired: number, kept: number) {
  await shops.ask(`truncate tautline.idempotency`)
  const limit = new Date(NOW.getTime() - KEPT_MS).toISOString()
  await shops.ask(`
    insert into tautline.idempotency
    select 'anna', 'sales.make', n::text, '', 'answer:1',
      '${limit}'::timestamptz + case when n <= ${expired} then -n else n - ${expired + 1} end * interval '1 ms'
    from generate_series(1, ${expired + kept}) as n`)
}

const turn = (signal = new AbortController().signal) =>
  idempotencyCleanup.run({ db: shops.first.db, clock }, signal)

test('outcomes older than a day are deleted, however many, and no others', async () => {
  await fill(1_200, 30)
  await turn()
  expect(await shops.keys()).toBe(30)
  await turn()
  expect(await shops.keys()).toBe(30)
})

test('an outcome that somebody holds keeps nobody waiting, and is deleted another time', async () => {
  await fill(10, 0)
  await shops.ask('begin')
  await shops.ask(`select from tautline.idempotency where key = '3' for update`)
  await turn()
  expect(await shops.keys()).toBe(1)
  await shops.ask('commit')
  await turn()
  expect(await shops.keys()).toBe(0)
})

test('a turn that is stopped deletes no further batch', async () => {
  await fill(10, 0)
  await turn(AbortSignal.abort())
  expect(await shops.keys()).toBe(10)
})

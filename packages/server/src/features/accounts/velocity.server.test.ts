import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { safe } from '@tautline/client'

import { balanceOf, newKey, pay, refusalOf, startBank, type Bank } from './bank.fixture.ts'

const HOUR_MS = 3_600_000
const MINUTE_MS = 60_000

let bank: Bank
beforeAll(async () => {
  bank = await startBank({
    velocity: { windowMs: HOUR_MS, maxTransfers: 3, maxAmountMinor: 1_000n },
  })
})
afterAll(() => bank[Symbol.asyncDispose]())

/** Anna, who can pay Berta. */
async function newPair() {
  const [anna, berta] = [bank.someone(), bank.someone()]
  const [fromId, toId] = [await bank.account(anna, 9_000n), await bank.account(berta)]
  const send = (amountMinor: bigint) => refusalOf(anna, { fromId, toId, amountMinor })
  return { anna, berta, fromId, toId, send }
}

/** Makes the oldest transfers of an account older than they are. */
const age = (fromId: string, minutes: readonly number[]) =>
  bank.pastTriggers((db) =>
    sql`
      update transfer set at = at - minutes * interval '1 minute'
      from unnest(${minutes}::int[]) with ordinality as aged (minutes, place)
      where from_id = ${fromId} and nth = place`.execute(db),
  )

/** A wait of so many minutes, less what the test has taken. */
const about = (minutes: number) =>
  expect.toSatisfy((ms: number) => {
    const missingMs = minutes * MINUTE_MS - ms
    return missingMs >= 0 && missingMs < MINUTE_MS
  })

describe('an account sends no more within an hour that slides than', () => {
  test('so many transfers, and is told when the next will do', async () => {
    const { fromId, send } = await newPair()
    for (let n = 0; n < 3; n++) expect(await send(1n)).toBeUndefined()
    const refusal = (minutes: number) => ({
      reason: 'TRANSFER_LIMIT_REACHED',
      data: { limit: 'transfers', retryAfterMs: about(minutes) },
    })
    expect(await send(1n)).toEqual(refusal(60))
    await age(fromId, [30, 20, 10])
    expect(await send(1n)).toEqual(refusal(30))
    await age(fromId, [30])
    expect(await send(1n)).toBeUndefined()
    expect(await send(1n)).toEqual(refusal(40))
  })

  test('so much in all, and is told when the amount will do', async () => {
    const { fromId, send } = await newPair()
    expect(await send(600n)).toBeUndefined()
    expect(await send(300n)).toBeUndefined()
    const refusal = (minutes: number) => ({
      reason: 'TRANSFER_LIMIT_REACHED',
      data: { limit: 'amount', retryAfterMs: about(minutes) },
    })
    await age(fromId, [50, 20])
    expect(await send(101n)).toEqual(refusal(10)) // once the first has gone
    expect(await send(700n)).toEqual(refusal(10))
    expect(await send(701n)).toEqual(refusal(40)) // once both have
    expect(await send(1_000n)).toEqual(refusal(40))
    await age(fromId, [10])
    expect(await send(701n)).toEqual(refusal(40))
    expect(await send(700n)).toBeUndefined()
    expect(await send(1n)).toEqual(refusal(40))
  })

  test('the limit itself in one transfer, for which there is no right time', async () => {
    const { send } = await newPair()
    expect(await send(1_001n)).toEqual({
      reason: 'TRANSFER_LIMIT_REACHED',
      data: { limit: 'amount', retryAfterMs: null },
    })
    expect(await send(1_000n)).toBeUndefined()
  })
})

test('the answer says the wait in its header and its body as well', async () => {
  const { anna, fromId, toId, send } = await newPair()
  await send(1_000n)
  const [, error] = await safe(pay(anna, { fromId, toId, amountMinor: 1n }))
  expect(error?.retryAfterMs).toEqual(about(60))
  expect(error?.retryable).toBe(false)
})

test('what an account receives, and what others send, does not count', async () => {
  const { berta, fromId, toId, send } = await newPair()
  for (let n = 0; n < 3; n++) expect(await send(300n)).toBeUndefined()
  const back = { fromId: toId, toId: fromId, amountMinor: 300n }
  for (let n = 0; n < 3; n++) expect(await refusalOf(berta, back)).toBeUndefined()
})

test('of ten who send at the same time as many succeed as the limit allows', async () => {
  const { anna, berta, fromId, toId } = await newPair()
  const attempts = await Promise.all(
    Array.from({ length: 10 }, () => safe(pay(anna, { fromId, toId, amountMinor: 2n }))),
  )
  const reasons = attempts.flatMap(([, error]) => (error ? [error.reason] : []))
  expect(reasons).toEqual(Array(7).fill('TRANSFER_LIMIT_REACHED'))
  expect(await balanceOf(berta, toId)).toBe(6n)
})

test('a transfer that was refused for a while may be sent again with its key', async () => {
  const { anna, fromId, toId, send } = await newPair()
  await send(1_000n)
  const [payment, key] = [{ fromId, toId, amountMinor: 1n }, newKey()]
  await expect(pay(anna, payment, key)).rejects.toMatchObject({ reason: 'TRANSFER_LIMIT_REACHED' })
  await age(fromId, [61])
  expect(await pay(anna, payment, key)).toMatchObject({ fromBalanceMinor: 7_999n })
})

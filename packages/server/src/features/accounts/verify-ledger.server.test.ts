import { randomUUID } from 'node:crypto'

import { sql, type RawBuilder } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { pay, startBank, type Bank } from './bank.fixture.ts'

let bank: Bank
beforeAll(async () => {
  bank = await startBank()
})
afterAll(() => bank[Symbol.asyncDispose]())

/** Two accounts that have moved money, in a currency that is theirs alone. */
async function newPair(currency: string) {
  const anna = bank.someone()
  const fromId = await bank.account(anna, 100n, currency)
  const toId = await bank.account(anna, 0n, currency)
  const { transferId } = await pay(anna, { fromId, toId, amountMinor: 30n })
  const last = await pay(anna, { fromId, toId, amountMinor: 20n })
  return { currency, fromId, toId, transferId, lastId: last.transferId }
}

type Pair = Awaited<ReturnType<typeof newPair>>

const run = (statement: RawBuilder<unknown>) => bank.pastTriggers((db) => statement.execute(db))

/** What is wrong with a pair, by its kind. */
async function problemsOf({ currency, ...ids }: Pair) {
  const { ok, problems } = await bank.admin.verifyLedger.query()
  expect(ok).toBe(false)
  const names: unknown[] = [currency, ...Object.values(ids)]
  const isOfPair = (problem: object) => Object.values(problem).some((one) => names.includes(one))
  return problems.filter(isOfPair).toSorted((a, b) => a.kind.localeCompare(b.kind))
}

test('a ledger that adds up has no problems, and each currency sums to zero', async () => {
  const before = await bank.admin.verifyLedger.query()
  await newPair('OKA')
  await newPair('OKB')
  expect(await bank.admin.verifyLedger.query()).toEqual({
    ok: true,
    accounts: before.accounts + 6, // two of the system
    entries: before.entries + 12,
    totalsByCurrency: ['OKA', 'OKB'].map((currency) => ({ currency, totalMinor: 0n })),
    problems: [],
  })
})

describe('verifyLedger finds', () => {
  test('a balance that is not the sum of its entries, and money out of nothing', async () => {
    const pair = await newPair('BAL')
    await run(sql`update account set balance_minor = 57 where id = ${pair.toId}`)
    expect(await problemsOf(pair)).toEqual([
      { kind: 'balanceDiffers', accountId: pair.toId, balanceMinor: 57n, entriesMinor: 50n },
      { kind: 'currencyUnbalanced', currency: 'BAL', totalMinor: 7n },
    ])
  })

  test('a balance that was set back to before a transfer', async () => {
    const pair = await newPair('BAK')
    await run(sql`update account set balance_minor = case id when ${pair.toId} then 30 else 70 end
      where id in (${pair.fromId}, ${pair.toId})`)
    const found = await problemsOf(pair)
    expect(found).toHaveLength(2)
    expect(found).toContainEqual({
      kind: 'balanceDiffers',
      accountId: pair.fromId,
      balanceMinor: 70n,
      entriesMinor: 50n,
    })
  })

  test('an amount that was changed', async () => {
    const pair = await newPair('AMT')
    const { transferId, toId: accountId } = pair
    await run(sql`update ledger_entry set amount_minor = 31
      where transfer_id = ${transferId} and account_id = ${accountId}`)
    expect(await problemsOf(pair)).toEqual([
      { kind: 'balanceDiffers', accountId, balanceMinor: 50n, entriesMinor: 51n },
      { kind: 'chainBroken', accountId, transferId, balanceAfterMinor: 30n, expectedMinor: 31n },
      { kind: 'transferDiffers', transferId },
      { kind: 'transferUnbalanced', transferId, currency: 'AMT', sumMinor: 1n },
    ])
  })

  test('a balance after an entry that was changed', async () => {
    const pair = await newPair('AFT')
    const { lastId: transferId, fromId: accountId } = pair
    await run(sql`update ledger_entry set balance_after_minor = 49
      where transfer_id = ${transferId} and account_id = ${accountId}`)
    expect(await problemsOf(pair)).toEqual([
      { kind: 'chainBroken', accountId, transferId, balanceAfterMinor: 49n, expectedMinor: 50n },
    ])
  })

  test('a transfer whose entries were deleted', async () => {
    const pair = await newPair('DEL')
    await run(sql`delete from ledger_entry where transfer_id = ${pair.lastId}`)
    const found = await problemsOf(pair)
    expect(found).toContainEqual({ kind: 'transferDiffers', transferId: pair.lastId })
    expect(found.map(({ kind }) => kind)).toEqual([
      'balanceDiffers',
      'balanceDiffers',
      'transferDiffers',
    ])
  })

  test('entries whose transfer was deleted', async () => {
    const pair = await newPair('ORP')
    await run(sql`delete from transfer where id = ${pair.lastId}`)
    expect(await problemsOf(pair)).toEqual([{ kind: 'transferDiffers', transferId: pair.lastId }])
  })

  test('entries that sum to zero, and are of another account than their transfer says', async () => {
    const pair = await newPair('OTH')
    const other = await newPair('OTH')
    await run(sql`update transfer set to_id = ${other.toId} where id = ${pair.lastId}`)
    expect(await problemsOf(pair)).toEqual([{ kind: 'transferDiffers', transferId: pair.lastId }])
  })

  test('a transfer with another number, or sum, than goes on from the one before it', async () => {
    const pair = await newPair('NTH')
    const { fromId: accountId, lastId: transferId } = pair
    const found = { kind: 'countBroken', accountId, transferId, expectedNth: 2n }
    await run(sql`update transfer set nth = 3 where id = ${transferId}`)
    const sums = { sentMinor: 50n, expectedSentMinor: 50n }
    expect(await problemsOf(pair)).toEqual([{ ...found, nth: 3n, ...sums }])
    await run(sql`update transfer set nth = 2, sent_minor = 20 where id = ${transferId}`)
    expect(await problemsOf(pair)).toEqual([{ ...found, nth: 2n, ...sums, sentMinor: 20n }])
  })

  test('an account of a user below zero', async () => {
    const pair = await newPair('NEG')
    await sql`alter table account drop constraint account_balance_covered`.execute(bank.db)
    await run(sql`update account set balance_minor = -1 where id = ${pair.toId}`)
    expect(await problemsOf(pair)).toContainEqual({
      kind: 'balanceNegative',
      accountId: pair.toId,
      balanceMinor: -1n,
    })
  })

  test('a sum that no bigint of Postgres holds', async () => {
    const pair = await newPair('SUM')
    const most = 2n ** 63n - 1n
    await run(sql`update account set balance_minor = ${most} where currency = 'SUM'`)
    expect(await problemsOf(pair)).toContainEqual({
      kind: 'currencyUnbalanced',
      currency: 'SUM',
      totalMinor: 3n * most,
    })
  })

  test('a hundred problems, and tells no more', async () => {
    await sql`insert into account (owner_id, tenant_id, currency, name, balance_minor)
      select ${randomUUID()}, '', 'MNY', 'Many', 1 from generate_series(1, 120)`.execute(bank.db)
    const { ok, problems } = await bank.admin.verifyLedger.query()
    expect(ok).toBe(false)
    expect(problems).toHaveLength(100)
  })
})

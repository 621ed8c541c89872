import { sql } from 'kysely'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { databaseErrorCode, violatedConstraint } from '@tautline/kit'

import { balanceOf, pay, startBank, type Bank } from './bank.fixture.ts'

let bank: Bank
beforeAll(async () => {
  bank = await startBank()
})
afterAll(() => bank[Symbol.asyncDispose]())

async function newPair(currency = 'EUR') {
  const anna = bank.someone()
  const fromId = await bank.account(anna, 100n)
  const toId = await bank.account(anna, 0n, currency)
  return { anna, fromId, toId }
}

interface Side {
  readonly accountId: string
  readonly amountMinor: bigint
}

/** Writes a transfer as `book` does, but with these entries. */
function write({ fromId, toId }: { fromId: string; toId: string }, sides: readonly Side[]) {
  return bank.db.transaction().execute(async (tx) => {
    const numbers = { amount_minor: 5n, nth: 1n, sent_minor: '5' }
    const { id } = await tx
      .insertInto('transfer')
      .values({ from_id: fromId, to_id: toId, memo: null, ...numbers })
      .returning('id')
      .executeTakeFirstOrThrow()
    for (const side of sides) await writeEntry(tx, id, side)
  })
}

const writeEntry = (db: Bank['db'], transferId: string, { accountId, amountMinor }: Side) =>
  db
    .insertInto('ledger_entry')
    .values({
      transfer_id: transferId,
      account_id: accountId,
      amount_minor: amountMinor,
      balance_after_minor: 0n,
    })
    .execute()

/** What Postgres refuses something for: the constraint, or the code of the error. */
async function refusal(work: Promise<unknown>): Promise<string | undefined> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  return violatedConstraint(error) ?? databaseErrorCode(error)
}

describe('Postgres itself refuses', () => {
  test('a transfer whose entries do not sum to zero', async () => {
    const { fromId, toId } = await newPair()
    const minus = { accountId: fromId, amountMinor: -5n }
    const pair = { fromId, toId }
    const uneven = [minus, { accountId: toId, amountMinor: 4n }]
    expect(await refusal(write(pair, uneven))).toBe('transfer_balanced')
    expect(await refusal(write(pair, [minus]))).toBe('transfer_balanced')
    expect(await refusal(write(pair, []))).toBe('transfer_balanced')
    const even = [minus, { accountId: toId, amountMinor: 5n }]
    expect(await refusal(write(pair, even))).toBeUndefined()
  })

  test('a transfer that sums to zero over two currencies', async () => {
    const { fromId, toId } = await newPair('USD')
    const sides = [
      { accountId: fromId, amountMinor: -5n },
      { accountId: toId, amountMinor: 5n },
    ]
    expect(await refusal(write({ fromId, toId }, sides))).toBe('transfer_balanced')
  })

  test('another entry for a transfer that was balanced', async () => {
    const { anna, fromId, toId } = await newPair()
    const { transferId } = await pay(anna, { fromId, toId, amountMinor: 5n })
    const late = (accountId: string) =>
      refusal(writeEntry(bank.db, transferId, { accountId, amountMinor: 1n }))
    expect(await late(toId)).toBe('ledger_entry_of_transfer')
    expect(await late(await bank.account(anna))).toBe('transfer_balanced')
  })

  test('a transfer whose entries sum to zero, and are not those that it says', async () => {
    const { anna, fromId, toId } = await newPair()
    const otherId = await bank.account(anna)
    const wrong: Side[][] = [
      [
        { accountId: fromId, amountMinor: -4n },
        { accountId: toId, amountMinor: 4n },
      ],
      [
        { accountId: fromId, amountMinor: 5n },
        { accountId: toId, amountMinor: -5n },
      ],
      [
        { accountId: fromId, amountMinor: -5n },
        { accountId: otherId, amountMinor: 5n },
      ],
      [
        { accountId: otherId, amountMinor: -5n },
        { accountId: toId, amountMinor: 5n },
      ],
    ]
    for (const sides of wrong) {
      expect(await refusal(write({ fromId, toId }, sides))).toBe('transfer_balanced')
    }
  })

  test('a pair of entries that sums to zero, for a transfer that has its two', async () => {
    const { anna, fromId, toId } = await newPair()
    const { transferId } = await pay(anna, { fromId, toId, amountMinor: 5n })
    const [thirdId, fourthId] = [await bank.account(anna), await bank.account(anna)]
    const writePair = (minusId: string, plusId: string) =>
      bank.db.transaction().execute(async (tx) => {
        await writeEntry(tx, transferId, { accountId: minusId, amountMinor: -5n })
        await writeEntry(tx, transferId, { accountId: plusId, amountMinor: 5n })
      })
    expect(await refusal(writePair(fromId, toId))).toBe('ledger_entry_of_transfer')
    expect(await refusal(writePair(thirdId, fourthId))).toBe('transfer_balanced')
  })

  test.each(['transfer', 'ledger_entry'])(
    'to change, delete or empty what is in %s',
    async (name) => {
      const { anna, fromId, toId } = await newPair()
      await pay(anna, { fromId, toId, amountMinor: 5n })
      const table = sql.table(name)
      for (const statement of [
        sql`update ${table} set amount_minor = amount_minor`,
        sql`delete from ${table}`,
        sql`truncate ${table} cascade`,
      ]) {
        expect(await refusal(statement.execute(bank.db))).toBe('42501')
      }
    },
  )

  test('a balance below zero, of anybody but the system', async () => {
    const { anna, fromId } = await newPair()
    const spend = sql`update account set balance_minor = balance_minor - 101 where id = ${fromId}`
    expect(await refusal(spend.execute(bank.db))).toBe('account_balance_covered')
    expect(await balanceOf(anna, fromId)).toBe(100n)
    const { rows } = await sql`
      select from account where kind = 'system' and balance_minor < 0`.execute(bank.db)
    expect(rows.length).toBeGreaterThan(0)
  })

  test('none of them because of where a session looks for tables', async () => {
    const { fromId, toId } = await newPair()
    const booked = bank.db.transaction().execute(async (tx) => {
      await sql`set local search_path = ''`.execute(tx)
      await sql`
        with booked as (
          insert into public.transfer (from_id, to_id, amount_minor, nth, sent_minor)
          values (${fromId}, ${toId}, 5, 1, 5) returning id
        )
        insert into public.ledger_entry (transfer_id, account_id, amount_minor, balance_after_minor)
        select id, ${fromId}::uuid, -5, 95 from booked
        union all select id, ${toId}::uuid, 5, 5 from booked`.execute(tx)
      await sql`set constraints all immediate`.execute(tx)
    })
    expect(await refusal(booked)).toBeUndefined()
  })

  test('two transfers of one account with the same number', async () => {
    const { anna, fromId, toId } = await newPair()
    await pay(anna, { fromId, toId, amountMinor: 5n })
    const sides = [
      { accountId: fromId, amountMinor: -5n },
      { accountId: toId, amountMinor: 5n },
    ]
    expect(await refusal(write({ fromId, toId }, sides))).toBe('transfer_from_nth')
  })

  test('to delete an account that has moved money, and to let a closed one go', async () => {
    const { fromId } = await newPair()
    const deletion = bank.db.deleteFrom('account').where('id', '=', fromId).execute()
    expect(await refusal(deletion)).toMatch(/_account_id_fkey|_to_id_fkey/)
    const close = sql`update account set closed_at = now() where id = ${fromId}`
    expect(await refusal(close.execute(bank.db))).toBe('account_closed_is_frozen')
  })
})

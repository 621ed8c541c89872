import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { balanceOf, give, newKey, pay, refusalOf, startBank, type Bank } from './bank.fixture.ts'

let bank: Bank
beforeAll(async () => {
  bank = await startBank()
})
afterAll(() => bank[Symbol.asyncDispose]())

/** Anna with 100 on her account, and Berta with nothing on hers. */
async function newPair() {
  const [anna, berta] = [bank.someone(), bank.someone()]
  const [fromId, toId] = [await bank.account(anna, 100n), await bank.account(berta)]
  return { anna, berta, fromId, toId }
}

describe('a transfer', () => {
  test('moves money from one to the other, and tells the sender what is left', async () => {
    const { anna, berta, fromId, toId } = await newPair()
    const told = await pay(anna, { fromId, toId, amountMinor: 40n })
    expect(told).toEqual({
      transferId: expect.any(String),
      fromBalanceMinor: 60n,
      at: expect.any(Date),
    })
    expect(await balanceOf(anna, fromId)).toBe(60n)
    expect(await balanceOf(berta, toId)).toBe(40n)
  })

  test('takes an id in any case', async () => {
    const { anna, fromId, toId } = await newPair()
    const told = await pay(anna, { fromId: fromId.toUpperCase(), toId, amountMinor: 100n })
    expect(told.fromBalanceMinor).toBe(0n)
  })

  test('is made once for its key, and told again as it was', async () => {
    const { anna, berta, fromId, toId } = await newPair()
    const [payment, key] = [{ fromId, toId, amountMinor: 40n }, newKey()]
    const first = await pay(anna, payment, key)
    await pay(anna, payment)
    expect(await pay(anna, payment, key)).toEqual(first)
    expect(await balanceOf(berta, toId)).toBe(80n)
    await expect(anna.transfer.mutate(payment)).rejects.toMatchObject({ reason: 'KEY_REQUIRED' })
  })

  test('that was refused for its key is refused again, whatever there is by then', async () => {
    const { anna, fromId, toId } = await newPair()
    const [payment, key] = [{ fromId, toId, amountMinor: 101n }, newKey()]
    const refusal = { reason: 'INSUFFICIENT_FUNDS', data: { missingMinor: 1n } }
    await expect(pay(anna, payment, key)).rejects.toMatchObject(refusal)
    await give(bank.admin, fromId, 1n)
    await expect(pay(anna, payment, key)).rejects.toMatchObject(refusal)
    expect(await pay(anna, payment)).toMatchObject({ fromBalanceMinor: 0n })
  })

  test('is three statements, whatever its key costs', async () => {
    const { anna, fromId, toId } = await newPair()
    const idle = { id: toId, frozen: false }
    await bank.admin.setFrozen.mutate(idle)
    await bank.admin.setFrozen.mutate(idle, newKey())
    await pay(anna, { fromId, toId, amountMinor: 1n })
    const [without = 0, withKey = 0] = bank.queriesOf('accounts.setFrozen').slice(-2)
    const ofTransfer = bank.queriesOf('accounts.transfer').at(-1) ?? 0
    expect(ofTransfer - (withKey - without)).toBe(3)
  })
})

describe('a transfer is refused', () => {
  test('with what is missing, when there is less than the amount', async () => {
    const { anna, fromId, toId } = await newPair()
    expect(await refusalOf(anna, { fromId, toId, amountMinor: 101n })).toEqual({
      reason: 'INSUFFICIENT_FUNDS',
      data: { missingMinor: 1n },
    })
    const amountMinor = 2n ** 63n - 1n
    expect(await refusalOf(anna, { fromId, toId, amountMinor })).toEqual({
      reason: 'INSUFFICIENT_FUNDS',
      data: { missingMinor: amountMinor - 100n },
    })
    expect(await balanceOf(anna, fromId)).toBe(100n)
  })

  test('to the account that it comes from', async () => {
    const { anna, fromId } = await newPair()
    const toId = fromId.toUpperCase()
    expect(await refusalOf(anna, { fromId, toId, amountMinor: 1n })).toMatchObject({
      reason: 'SAME_ACCOUNT',
    })
  })

  test('when one of the accounts is not there, or is of the system', async () => {
    const { anna, fromId, toId } = await newPair()
    const { items } = await anna.history.query({ accountId: fromId })
    for (const missing of [randomUUID(), items[0]?.counterpartyId ?? '']) {
      expect(await refusalOf(anna, { fromId: missing, toId, amountMinor: 1n })).toEqual({
        reason: 'ACCOUNT_NOT_FOUND',
        data: { which: 'from' },
      })
      expect(await refusalOf(anna, { fromId, toId: missing, amountMinor: 1n })).toEqual({
        reason: 'ACCOUNT_NOT_FOUND',
        data: { which: 'to' },
      })
    }
  })

  test('from an account of the receiver, which tells no more than one that is not there', async () => {
    const { anna, fromId, toId } = await newPair()
    const stolen = { fromId: toId, toId: fromId, amountMinor: 1_000n }
    expect(await refusalOf(anna, stolen)).toEqual({
      reason: 'ACCOUNT_NOT_FOUND',
      data: { which: 'from' },
    })
  })

  test('by a key of which nobody has said that it may', async () => {
    const userId = 'owner-of-keys'
    const [owner, key] = [
      bank.someone({ userId }),
      bank.someone({ userId, scopes: ['items:import'], apiKeyId: 'imports' }),
    ]
    const [fromId, toId] = [await bank.account(owner, 1n), await bank.account(owner)]
    const payment = { fromId, toId, amountMinor: 1n }
    expect(await refusalOf(key, payment)).toMatchObject({ reason: 'FORBIDDEN' })
    expect(await refusalOf(owner, payment)).toBeUndefined()
  })

  test('to another tenant, which tells nothing of what is there', async () => {
    const { anna, fromId } = await newPair()
    const [acme, other] = [bank.someone({ tenantId: 'acme' }), bank.someone({ tenantId: 'other' })]
    const acmesId = await bank.account(acme, 9n)
    const frozenId = await bank.account(acme)
    await bank.admin.setFrozen.mutate({ id: frozenId, frozen: true })
    const refusal = { reason: 'ACCOUNT_NOT_FOUND', data: { which: 'to' } }
    for (const toId of [acmesId, frozenId, await bank.account(acme, 0n, 'USD')]) {
      expect(await refusalOf(anna, { fromId, toId, amountMinor: 1n })).toEqual(refusal)
    }
    for (const toId of [fromId, await bank.account(other)]) {
      expect(await refusalOf(acme, { fromId: acmesId, toId, amountMinor: 1n })).toEqual(refusal)
    }
    const toId = await bank.account(bank.someone({ tenantId: 'acme' }))
    expect(await refusalOf(acme, { fromId: acmesId, toId, amountMinor: 1n })).toBeUndefined()
  })

  test('between two currencies', async () => {
    const { anna, berta, fromId } = await newPair()
    const toId = await bank.account(berta, 0n, 'USD')
    expect(await refusalOf(anna, { fromId, toId, amountMinor: 1n })).toEqual({
      reason: 'CURRENCY_MISMATCH',
      data: { from: 'EUR', to: 'USD' },
    })
  })

  test.each(['from', 'to'] as const)(
    'when the account that it goes %s is frozen',
    async (which) => {
      const { anna, fromId, toId } = await newPair()
      const id = which === 'from' ? fromId : toId
      await bank.admin.setFrozen.mutate({ id, frozen: true })
      expect(await refusalOf(anna, { fromId, toId, amountMinor: 1n })).toEqual({
        reason: 'ACCOUNT_FROZEN',
        data: { which },
      })
      await bank.admin.setFrozen.mutate({ id, frozen: false })
      expect(await refusalOf(anna, { fromId, toId, amountMinor: 1n })).toBeUndefined()
    },
  )

  test('when the receiver would have more than a bigint holds, and so is a deposit', async () => {
    const [anna, berta] = [bank.someone(), bank.someone()]
    const most = 2n ** 63n - 1n
    const toId = await bank.account(berta, most, 'BIG')
    const refusal = { reason: 'BALANCE_LIMIT_REACHED' }
    await expect(give(bank.admin, toId, 1n)).rejects.toMatchObject(refusal)
    const fromId = await bank.account(anna, 1n, 'BIG')
    await expect(give(bank.admin, fromId, 1n)).rejects.toMatchObject(refusal) // the system's own
    expect(await refusalOf(anna, { fromId, toId, amountMinor: 1n })).toMatchObject(refusal)
    expect(await pay(berta, { fromId: toId, toId: fromId, amountMinor: 1n })).toMatchObject({
      fromBalanceMinor: most - 1n,
    })
  })

  test.each([
    ['nothing', 0n],
    ['less than nothing', -5n],
    ['more than a bigint', 2n ** 63n],
    ['what is no bigint', 5],
  ])('for %s', async (_, amount) => {
    const { anna, berta, fromId, toId } = await newPair()
    // oxlint-disable-next-line typescript/consistent-type-assertions -- as who has no types might
    const amountMinor = amount as bigint
    expect(await refusalOf(anna, { fromId, toId, amountMinor })).toMatchObject({
      reason: 'BAD_INPUT',
    })
    expect(await balanceOf(berta, toId)).toBe(0n)
  })
})

import { randomUUID } from 'node:crypto'

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { safe } from '@tautline/client'

import { balanceOf, give, pay, startBank, take, type Accounts, type Bank } from './bank.fixture.ts'

let bank: Bank
beforeAll(async () => {
  bank = await startBank()
})
afterAll(() => bank[Symbol.asyncDispose]())

/** Everything of a list, a page at a time. */
async function walk<Item>(
  page: (cursor: string | null) => Promise<{ items: Item[]; nextCursor: string | null }>,
) {
  const pages: Item[][] = []
  let cursor: string | null = null
  do {
    const { items, nextCursor } = await page(cursor)
    pages.push(items)
    cursor = nextCursor
  } while (cursor !== null)
  return pages
}

describe('an account', () => {
  test('begins with nothing, and can be read back as it was opened', async () => {
    const anna = bank.someone()
    const opened = await anna.open.mutate({ currency: 'EUR', name: ' Savings ' })
    expect(opened).toMatchObject({ currency: 'EUR', name: 'Savings', balanceMinor: 0n })
    expect(opened).toMatchObject({ frozen: false, createdAt: expect.any(Date) })
    expect(await anna.get.query({ id: opened.id })).toEqual(opened)
  })

  test('is given money by admins alone, and not without a key', async () => {
    const anna = bank.someone()
    const id = await bank.account(anna)
    await expect(give(anna, id, 1n)).rejects.toMatchObject({ reason: 'FORBIDDEN' })
    await give(bank.admin, id, 5n)
    expect(await balanceOf(anna, id)).toBe(5n)
    const twice = bank.admin.deposit.mutate({ accountId: id, amountMinor: 5n })
    await expect(twice).rejects.toMatchObject({ reason: 'KEY_REQUIRED' })
  })

  test('gets its first money once from each of two who make the currency at the same time', async () => {
    const anna = bank.someone()
    const open = () => bank.account(anna, 0n, 'NEW')
    const ids = [await open(), await open(), await open(), await open()]
    await Promise.all(ids.map((id) => give(bank.admin, id, 3n)))
    expect(await Promise.all(ids.map((id) => balanceOf(anna, id)))).toEqual([3n, 3n, 3n, 3n])
    const { totalsByCurrency } = await bank.admin.verifyLedger.query()
    expect(totalsByCurrency).toContainEqual({ currency: 'NEW', totalMinor: 0n })
  })

  test('is invisible and of no use to everybody else, admins and other tenants included', async () => {
    const userId = randomUUID()
    const anna = bank.someone({ userId, tenantId: 'acme' })
    const accountId = await bank.account(anna, 9n)
    const own = { limit: 1, accountId }
    await bank.account(anna)
    await give(bank.admin, accountId, 1n)
    const { nextCursor: listCursor } = await anna.list.query({ limit: 1 })
    const { nextCursor: historyCursor } = await anna.history.query(own)
    for (const other of [
      bank.someone(),
      bank.someone({ userId }),
      bank.someone({ userId, tenantId: 'other' }),
      bank.someone({ userId, tenantId: 'acme', issuer: 'https://idp.example.com' }),
      bank.admin,
    ]) {
      const toId = await bank.account(other)
      for (const call of [
        () => other.get.query({ id: accountId }),
        () => other.history.query(own),
        () => other.history.query({ ...own, cursor: historyCursor }),
        () => pay(other, { fromId: accountId, toId, amountMinor: 1n }),
      ]) {
        await expect(call()).rejects.toMatchObject({ reason: 'ACCOUNT_NOT_FOUND' })
      }
      const { items } = await other.list.query({ limit: 100 })
      expect(items.map(({ id }) => id)).not.toContain(accountId)
      await expect(other.list.query({ cursor: listCursor })).rejects.toMatchObject({
        reason: 'BAD_INPUT',
      })
    }
    expect(await balanceOf(anna, accountId)).toBe(10n)
  })

  test.each([
    ['a currency in lower case', { currency: 'eur', name: 'A' }],
    ['a currency of two letters', { currency: 'EU', name: 'A' }],
    ['a currency and a new line', { currency: 'EUR\n', name: 'A' }],
    ['no name', { currency: 'EUR', name: '' }],
    ['a name of spaces', { currency: 'EUR', name: '  ' }],
    [
      'money, which a second try would make again',
      { currency: 'EUR', name: 'A', openingMinor: 1n },
    ],
    ['an unknown field', { currency: 'EUR', name: 'A', kind: 'system' }],
  ])('is not opened with %s', async (_, input) => {
    await expect(bank.admin.open.mutate(input)).rejects.toMatchObject({ reason: 'BAD_INPUT' })
  })
})

describe('accounts.withdraw', () => {
  test('takes back what was given by mistake, and both stay in the ledger', async () => {
    const anna = bank.someone()
    const id = await bank.account(anna, 70n, 'WDR')
    const { transferId, at } = await take(bank.admin, id, 60n)
    const { items } = await anna.history.query({ accountId: id })
    expect(items.map(({ amountMinor }) => amountMinor)).toEqual([-60n, 70n])
    expect(items[0]).toMatchObject({ transferId, at, balanceAfterMinor: 10n, memo: null })
    expect(items[0]?.counterpartyId).toBe(items[1]?.counterpartyId)
    const { ok, totalsByCurrency } = await bank.admin.verifyLedger.query()
    expect(ok).toBe(true)
    expect(totalsByCurrency).toContainEqual({ currency: 'WDR', totalMinor: 0n })
  })

  test('takes no more than there is, and says what is missing', async () => {
    const anna = bank.someone()
    const id = await bank.account(anna, 70n)
    await expect(take(bank.admin, id, 71n)).rejects.toMatchObject({
      reason: 'INSUFFICIENT_FUNDS',
      data: { missingMinor: 1n },
    })
    await take(bank.admin, id, 70n)
    expect(await balanceOf(anna, id)).toBe(0n)
  })

  test('is for admins alone, with a key, and also of a frozen account', async () => {
    const anna = bank.someone()
    const id = await bank.account(anna, 70n)
    await bank.admin.setFrozen.mutate({ id, frozen: true })
    await expect(take(anna, id, 1n)).rejects.toMatchObject({ reason: 'FORBIDDEN' })
    const keyless = bank.admin.withdraw.mutate({ accountId: id, amountMinor: 1n })
    await expect(keyless).rejects.toMatchObject({ reason: 'KEY_REQUIRED' })
    await take(bank.admin, id, 1n)
    expect(await balanceOf(anna, id)).toBe(69n)
  })
})

test('an admin whose session has ended moves and freezes nothing, with a token that is still good', async () => {
  const { server, db } = bank
  const [email, password] = ['chief@example.com', 'correct horse battery']
  await server.client().auth.register.mutate({ email, password, name: 'Chief' })
  const chief = db.updateTable('tautline.user').where('email', '=', email)
  await chief.set({ roles: ['admin'] }).execute()
  const session = await server.client().auth.login.mutate({ email, password })
  const { accounts, auth } = server.client({ auth: () => session.accessToken })
  const anna = bank.someone()
  const id = await bank.account(anna)
  await give(accounts, id, 5n)
  await auth.logout.mutate({ refreshToken: session.refreshToken })
  expect((await accounts.list.query()).items).toEqual([])
  for (const call of [
    () => give(accounts, id, 1n),
    () => take(accounts, id, 1n),
    () => accounts.setFrozen.mutate({ id, frozen: true }),
  ]) {
    await expect(call()).rejects.toMatchObject({ reason: 'UNAUTHENTICATED' })
  }
  expect(await anna.get.query({ id })).toMatchObject({ balanceMinor: 5n, frozen: false })
})

describe('accounts.list', () => {
  test('walks through all accounts of the caller, newest first, none twice', async () => {
    const anna = bank.someone()
    const ids: string[] = []
    for (let n = 0; n < 5; n++) ids.push(await bank.account(anna))
    const pages = await walk((cursor) => anna.list.query({ limit: 2, cursor }))
    expect(pages.map((page) => page.length)).toEqual([2, 2, 1])
    expect(pages.flat().map(({ id }) => id)).toEqual(ids.toReversed())
  })
})

describe('accounts.history', () => {
  test('walks through what moved, newest first, with both signs and the balance after each', async () => {
    const [anna, berta] = [bank.someone(), bank.someone()]
    const [fromId, toId] = [await bank.account(anna, 100n), await bank.account(berta, 50n)]
    const sent = await pay(anna, { fromId, toId, amountMinor: 30n, memo: 'Rent' })
    const returned = await pay(berta, { fromId: toId, toId: fromId, amountMinor: 10n })
    const pages = await walk((cursor) =>
      anna.history.query({ accountId: fromId, limit: 2, cursor }),
    )
    expect(pages.map((page) => page.length)).toEqual([2, 1])
    const [second, first, opening] = pages.flat()
    expect(first).toEqual({
      transferId: sent.transferId,
      amountMinor: -30n,
      balanceAfterMinor: 70n,
      counterpartyId: toId,
      memo: 'Rent',
      at: sent.at,
    })
    expect(second).toMatchObject({
      transferId: returned.transferId,
      amountMinor: 10n,
      balanceAfterMinor: 80n,
      counterpartyId: toId,
      memo: null,
    })
    expect(opening).toMatchObject({ amountMinor: 100n, balanceAfterMinor: 100n })
    const { items } = await berta.history.query({ accountId: toId, limit: 2 })
    expect(items.map(({ amountMinor }) => amountMinor)).toEqual([-10n, 30n])
  })

  test('refuses the cursor of another account of the same owner', async () => {
    const anna = bank.someone()
    const [one, other] = [await bank.account(anna, 1n), await bank.account(anna, 1n)]
    await give(bank.admin, one, 1n)
    const { nextCursor } = await anna.history.query({ accountId: one, limit: 1 })
    expect(nextCursor).toEqual(expect.any(String))
    await expect(
      anna.history.query({ accountId: other, cursor: nextCursor }),
    ).rejects.toMatchObject({ reason: 'BAD_INPUT' })
  })
})

describe('a frozen account', () => {
  test('is frozen and let go by admins alone', async () => {
    const anna = bank.someone()
    const id = await bank.account(anna)
    await expect(anna.setFrozen.mutate({ id, frozen: true })).rejects.toMatchObject({
      reason: 'FORBIDDEN',
    })
    expect(await bank.admin.setFrozen.mutate({ id, frozen: true })).toEqual({ id, frozen: true })
    expect(await anna.get.query({ id })).toMatchObject({ frozen: true })
    expect(await bank.admin.setFrozen.mutate({ id, frozen: false })).toEqual({ id, frozen: false })
    expect(await anna.get.query({ id })).toMatchObject({ frozen: false })
  })

  test('is given nothing', async () => {
    const id = await bank.account(bank.someone())
    await bank.admin.setFrozen.mutate({ id, frozen: true })
    await expect(give(bank.admin, id, 1n)).rejects.toMatchObject({
      reason: 'ACCOUNT_FROZEN',
      data: { which: 'to' },
    })
  })

  test('must be there, and is never one of the system', async () => {
    const anna = bank.someone()
    const accountId = await bank.account(anna, 1n)
    const { items } = await anna.history.query({ accountId })
    for (const id of [randomUUID(), items[0]?.counterpartyId ?? '']) {
      const asAdmin: ((admin: Accounts) => Promise<unknown>)[] = [
        (admin) => admin.setFrozen.mutate({ id, frozen: true }),
        (admin) => give(admin, id, 1n),
        (admin) => take(admin, id, 1n),
      ]
      for (const call of asAdmin) {
        expect((await safe(call(bank.admin)))[1]).toMatchObject({ reason: 'ACCOUNT_NOT_FOUND' })
      }
    }
  })
})

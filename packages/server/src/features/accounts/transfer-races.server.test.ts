import { afterAll, beforeAll, expect, test } from 'vitest'

import { safe } from '@tautline/client'
import { fanOut } from '@tautline/kit'

import { balanceOf, newKey, pay, startBank, type Bank } from './bank.fixture.ts'

const full = process.env.TEST_FULL === '1'

/** More than the server has connections. */
const AT_ONCE = 8

let bank: Bank
beforeAll(async () => {
  bank = await startBank()
})
afterAll(() => bank[Symbol.asyncDispose]())

test('transfers in all directions at the same time wait for each other, and none runs twice', async () => {
  const anna = bank.someone()
  const ids = await Promise.all([1, 2, 3].map(() => bank.account(anna, 1_000n)))
  const [a = '', b = '', c = ''] = ids
  const directions = [
    [a, b],
    [b, a],
    [b, c],
    [c, b],
    [c, a],
    [a, c],
  ] as const
  const rounds = Array.from({ length: full ? 50 : 15 }, () => directions).flat()
  const jobs = rounds.map(
    ([fromId, toId]) =>
      () =>
        pay(anna, { fromId, toId, amountMinor: 1n }),
  )
  await fanOut(jobs, { mode: 'failFast', limit: AT_ONCE })
  // A deadlock is solved by running its victim again, which takes more statements.
  const queries = bank.queriesOf('accounts.transfer')
  expect(queries).toEqual(rounds.map(() => queries[0]))
  for (const id of ids) expect(await balanceOf(anna, id)).toBe(1_000n)
})

test('of twenty who spend the same money at the same time one succeeds', async () => {
  const [anna, berta] = [bank.someone(), bank.someone()]
  const [fromId, toId] = [await bank.account(anna, 70n), await bank.account(berta)]
  const attempts = await Promise.all(
    Array.from({ length: 20 }, () => safe(pay(anna, { fromId, toId, amountMinor: 70n }))),
  )
  const refusals = attempts.flatMap(([, error]) => (error ? [error] : []))
  expect(refusals.map(({ reason }) => reason)).toEqual(Array(19).fill('INSUFFICIENT_FUNDS'))
  expect(refusals.map(({ data }) => data)).toEqual(Array(19).fill({ missingMinor: 70n }))
  expect(await balanceOf(anna, fromId)).toBe(0n)
  expect(await balanceOf(berta, toId)).toBe(70n)
})

test('of twenty calls with one key all are told of one transfer', async () => {
  const [anna, berta] = [bank.someone(), bank.someone()]
  const [fromId, toId] = [await bank.account(anna, 70n), await bank.account(berta)]
  const key = newKey()
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => pay(anna, { fromId, toId, amountMinor: 10n }, key)),
  )
  expect(answers).toEqual(Array(20).fill(answers[0]))
  expect(await balanceOf(berta, toId)).toBe(10n)
})

test('the ledger adds up at every moment while money moves', async () => {
  const anna = bank.someone()
  const ids = await Promise.all([1, 2, 3, 4].map(() => bank.account(anna, 100n)))
  const jobs = Array.from({ length: full ? 200 : 60 }, (_, n) => async () => {
    const [fromId = '', toId = ''] = [ids[n % 4], ids[(n + 1 + (n % 3)) % 4]]
    await safe(pay(anna, { fromId, toId, amountMinor: BigInt((n % 50) + 1) }))
  })
  const moving = fanOut(jobs, { mode: 'failFast', limit: AT_ONCE })
  const reports = []
  for (let n = 0; n < (full ? 40 : 8); n++) reports.push(await bank.admin.verifyLedger.query())
  await moving
  expect(reports.flatMap(({ problems }) => problems)).toEqual([])
  expect(new Set(reports.map(({ entries }) => entries)).size).toBeGreaterThan(2)
})

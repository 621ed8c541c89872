import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { startAccounts, type Accounts } from './accounts.fixture.ts'
import { accountSubject, MAX_FAILURES } from './lockout-subject.ts'
import { createLockout, FIRST_BLOCK_MS, FORGET_AFTER_MS, MAX_BLOCK_MS } from './lockout.ts'

let accounts: Accounts
let email: string
beforeAll(async () => {
  accounts = await startAccounts()
})
beforeEach(async () => {
  email = (await accounts.register()).user.email
})
afterAll(() => accounts[Symbol.asyncDispose]())

/** One after the other, with a password that is wrong. */
async function fail(address: string, times: number) {
  const reasons: (string | undefined)[] = []
  for (let n = 0; n < times; n++) {
    const [, error] = await accounts.login(address, 'wrong password')
    reasons.push(error?.reason)
  }
  return reasons
}

const WRONG = Array.from({ length: MAX_FAILURES }, () => 'WRONG_CREDENTIALS')

const failuresOf = (address: string) =>
  accounts.db
    .selectFrom('tautline.login_attempt')
    .select('failures')
    .where('subject', '=', accountSubject('sign-in', address).key)
    .executeTakeFirst()

describe('after five failures an address', () => {
  test('has to wait, also with the right password, and is free again after that', async () => {
    expect(await fail(email, MAX_FAILURES)).toEqual(WRONG)
    const [, blocked] = await accounts.login(email)
    expect(blocked).toMatchObject({
      reason: 'TOO_MANY_ATTEMPTS',
      retryable: false,
      retryAfterMs: FIRST_BLOCK_MS,
    })
    accounts.pass(FIRST_BLOCK_MS - 1)
    expect((await accounts.login(email))[1]).toMatchObject({ retryAfterMs: 1 })
    accounts.pass(1)
    expect((await accounts.login(email))[0]?.user.email).toBe(email)
    expect(await failuresOf(email)).toBeUndefined()
  })

  test('waits twice as long after each failure more, to a quarter of an hour', async () => {
    await fail(email, MAX_FAILURES)
    const waits: (number | undefined)[] = []
    for (let n = 0; n < 7; n++) {
      const [, blocked] = await accounts.login(email)
      waits.push(blocked?.retryAfterMs)
      accounts.pass(blocked?.retryAfterMs ?? 0)
      expect(await fail(email, 1)).toEqual(['WRONG_CREDENTIALS'])
    }
    const doubled = [1, 2, 4, 8, 16].map((times) => times * FIRST_BLOCK_MS)
    expect(waits).toEqual([...doubled, MAX_BLOCK_MS, MAX_BLOCK_MS])
  })

  test('that nobody has is treated the same', async () => {
    const nobody = `nobody-${email}`
    expect(await fail(nobody, MAX_FAILURES)).toEqual(WRONG)
    const [, blocked] = await accounts.login(nobody)
    expect(blocked).toMatchObject({ reason: 'TOO_MANY_ATTEMPTS', retryAfterMs: FIRST_BLOCK_MS })
  })

  test('keeps no other address, and no session, from anything', async () => {
    const other = await accounts.register()
    await fail(other.user.email, MAX_FAILURES)
    expect((await accounts.login(email))[1]).toBeUndefined()
    expect((await accounts.refresh(other.refreshToken))[1]).toBeUndefined()
  })
})

test('of many wrong passwords at once exactly five are told that they were wrong', async () => {
  const reasons = await Promise.all(Array.from({ length: 15 }, () => fail(email, 1)))
  const told = reasons.flat().filter((reason) => reason === 'WRONG_CREDENTIALS')
  const refused = reasons.flat().filter((reason) => reason === 'TOO_MANY_ATTEMPTS')
  expect([told.length, refused.length]).toEqual([MAX_FAILURES, 10])
  expect(await failuresOf(email)).toEqual({ failures: MAX_FAILURES })
  expect((await accounts.login(email))[1]?.retryAfterMs).toBe(FIRST_BLOCK_MS)
})

test('a right password that comes to its end after the fifth failure is not told either', async () => {
  await fail(email, MAX_FAILURES)
  const success = accounts.db.transaction().execute((db) =>
    // What `login` asks in the transaction of its success, when its check began before the wait.
    createLockout().forgetFailures(db, accountSubject('sign-in', email), accounts.now()),
  )
  await expect(success).rejects.toMatchObject({ reason: 'TOO_MANY_ATTEMPTS' })
})

test('many right passwords at once all sign in', async () => {
  const sessions = await Promise.all(Array.from({ length: 12 }, () => accounts.login(email)))
  expect(sessions.filter(([, error]) => error !== undefined)).toEqual([])
})

test('a success forgets the failures before it', async () => {
  await fail(email, MAX_FAILURES - 1)
  await accounts.login(email)
  expect(await fail(email, MAX_FAILURES)).toEqual(WRONG)
})

test('failures a quarter of an hour apart do not add up', async () => {
  await fail(email, MAX_FAILURES - 1)
  accounts.pass(FORGET_AFTER_MS)
  expect(await fail(email, MAX_FAILURES)).toEqual(WRONG)
  expect(await failuresOf(email)).toEqual({ failures: MAX_FAILURES })
})

test('failures that no longer count are removed, a few with each new one', async () => {
  await Promise.all(Array.from({ length: 12 }, (_, n) => fail(`gone${n}@example.com`, 1)))
  accounts.pass(FORGET_AFTER_MS + MAX_BLOCK_MS)
  for (let n = 0; n < 6; n++) await accounts.login(email, 'wrong password', '10.9.9.9')
  const left = await accounts.db.selectFrom('tautline.login_attempt').select('failures').execute()
  // One row for the account, one for the client's address.
  expect(left).toEqual([{ failures: MAX_FAILURES }, { failures: MAX_FAILURES }])
})

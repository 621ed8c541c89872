import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from 'vitest'

import { safe } from '@tautline/client'

import { password, startAccounts, type Accounts } from './accounts.fixture.ts'
import { BELIEVED_MS } from './lockout-memory.ts'
import {
  accountSubject,
  addressSubject,
  MAX_ADDRESS_FAILURES,
  MAX_REGISTRATIONS,
  type Subject,
} from './lockout-subject.ts'
import { createLockout, FIRST_BLOCK_MS } from './lockout.ts'

let accounts: Accounts
let address: string
let attackers = 0
beforeAll(async () => {
  accounts = await startAccounts()
})
beforeEach(() => {
  address = `192.0.2.${++attackers}`
})
afterAll(() => accounts[Symbol.asyncDispose]())

/** Wrong passwords, each for an email address of its own. */
async function guess(from: (n: number) => string, times: number) {
  const reasons: (string | undefined)[] = []
  for (let n = 0; n < times; n++) {
    const email = `nobody-${crypto.randomUUID()}@example.com`
    const [, error] = await accounts.login(email, 'wrong password', from(n))
    reasons.push(error?.reason)
  }
  return reasons
}

/** As if so many attempts had been counted before. */
async function counted(subject: Subject, failures: number, blockedForMs = 0) {
  const now = accounts.now().getTime()
  await accounts.db
    .insertInto('tautline.login_attempt')
    .values({
      subject: subject.key,
      failures,
      blocked_until: new Date(blockedForMs > 0 ? now + blockedForMs : 0),
      forget_at: new Date(now + 60_000),
    })
    .execute()
}

const failuresOf = ({ key }: Subject) =>
  accounts.db
    .selectFrom('tautline.login_attempt')
    .select('failures')
    .where('subject', '=', key)
    .executeTakeFirst()

const failedFrom = (from: string) =>
  counted(addressSubject('sign-in', from), MAX_ADDRESS_FAILURES - 1)

const WRONG = Array<string>(MAX_ADDRESS_FAILURES).fill('WRONG_CREDENTIALS')
const blocked = { reason: 'TOO_MANY_ATTEMPTS', retryable: false, retryAfterMs: FIRST_BLOCK_MS }

const hashJobs = () => accounts.server.app.metrics.snapshot().gauges.auth_password_jobs_waiting

describe('after twenty failures on accounts of any number a client address', () => {
  test('has to wait, also for what is right, and other addresses do not', async () => {
    const { user } = await accounts.register()
    expect(await guess(() => address, MAX_ADDRESS_FAILURES)).toEqual(WRONG)
    expect((await accounts.login(user.email, password, address))[1]).toMatchObject(blocked)
    expect((await accounts.login(user.email))[0]?.user).toEqual(user)
    accounts.pass(FIRST_BLOCK_MS)
    expect((await accounts.login(user.email, password, address))[0]?.user).toEqual(user)
  })

  test('waits twice as long after the next one, whatever it got right between', async () => {
    const { user } = await accounts.register()
    await failedFrom(address)
    await guess(() => address, 1)
    accounts.pass(FIRST_BLOCK_MS)
    await accounts.login(user.email, password, address)
    expect(await guess(() => address, 1)).toEqual(['WRONG_CREDENTIALS'])
    const [, again] = await accounts.login(user.email, password, address)
    expect(again).toMatchObject({ ...blocked, retryAfterMs: 2 * FIRST_BLOCK_MS })
  })

  test('is known by its network of 64 bits, where it is IPv6', async () => {
    const within = (n: number) => `2001:db8:1:${attackers}::${(n + 1).toString(16)}`
    await failedFrom(within(0))
    expect(await guess(within, 1)).toEqual(['WRONG_CREDENTIALS'])
    expect(await guess(() => within(0xfffe), 1)).toEqual(['TOO_MANY_ATTEMPTS'])
    expect(await guess(() => `2001:db8:2:${attackers}::1`, 1)).toEqual(['WRONG_CREDENTIALS'])
  })

  test('may not guess the password of who is signed in there', async () => {
    const session = await accounts.register()
    await failedFrom('127.0.0.1')
    await guess(() => '127.0.0.1', 1)
    const [, error] = await safe(
      accounts.as(session.accessToken).auth.changePassword.mutate({
        currentPassword: password,
        newPassword: password,
      }),
    )
    expect(error).toMatchObject(blocked)
    accounts.pass(FIRST_BLOCK_MS)
  })
})

test('a client address that waits costs no query and no hash, and is asked about once a second', async () => {
  await failedFrom(address)
  await guess(() => address, 1)
  const { key } = addressSubject('sign-in', address)
  await accounts.db.deleteFrom('tautline.login_attempt').where('subject', '=', key).execute()
  // Only the memory of this process still knows.
  expect(await guess(() => address, 3)).toEqual(Array(3).fill('TOO_MANY_ATTEMPTS'))
  accounts.pass(BELIEVED_MS)
  expect(await guess(() => address, 1)).toEqual(['WRONG_CREDENTIALS'])
})

test('another process that has counted is believed', async () => {
  await counted(addressSubject('sign-in', address), MAX_ADDRESS_FAILURES, 5_000)
  const { user } = await accounts.register()
  const [, error] = await accounts.login(user.email, password, address)
  expect(error).toMatchObject({ ...blocked, retryAfterMs: 5_000 })
})

test('registrations from one address come to a wait too, of which signing in knows nothing', async () => {
  const { user } = await accounts.register()
  await counted(addressSubject('register', address), MAX_REGISTRATIONS - 1)
  const register = (email: string) =>
    safe(accounts.at(address).auth.register.mutate({ email, name: 'User', password }))
  expect((await register(`one-${address}@example.com`))[1]).toBeUndefined()
  expect((await register(`two-${address}@example.com`))[1]).toMatchObject(blocked)
  expect((await accounts.login(user.email, password, address))[1]).toBeUndefined()
})

test('many registrations at once are done, or refused without a change', async () => {
  const logged = accounts.server.logs.length
  const register = (n: number) =>
    accounts
      .at(address)
      .auth.register.mutate({ email: `many${n}@example.com`, name: 'U', password })
  const calls = Array.from({ length: 60 }, async (_, n) => safe(register(n)))
  const reasons = (await Promise.all(calls)).map(([, error]) => error?.reason)
  expect(new Set(reasons)).toEqual(new Set([undefined, 'OVERLOADED']))
  const done = reasons.filter((reason) => reason === undefined).length
  const counted = await failuresOf(addressSubject('register', address))
  expect(counted?.failures).toBeGreaterThan(done) // the refused ones have been counted as well
  const errors = accounts.server.logs.slice(logged).filter(({ level }) => level === 'error')
  expect(errors).toEqual([])
})

/** Signs in behind others, and leaves as soon as the line of those who wait has changed. */
async function leaveWhileWaiting(email: string): Promise<void> {
  const controller = new AbortController()
  const front = Array.from({ length: 6 }, (_, n) => guess(() => `198.51.100.${n}`, 1))
  await expect.poll(hashJobs, { interval: 1 }).toBeGreaterThan(2)
  const login = accounts.at(address).auth.login
  const leaving = login.mutate({ email, password }, { signal: controller.signal })
  const waiting = hashJobs() ?? 0
  await expect.poll(hashJobs, { interval: 1 }).not.toBe(waiting)
  controller.abort()
  await expect(leaving).rejects.toMatchObject({ reason: 'ABORTED' })
  await Promise.all(front)
}

test('a caller who leaves while the password is checked has failed', async () => {
  const email = 'left@example.com'
  const failures = () => failuresOf(addressSubject('sign-in', address))
  // The line may have changed for one of the others, before the caller had come to it.
  for (let tries = 1; tries <= 5 && !(await failures()); tries++) {
    await leaveWhileWaiting(email)
    await vi.waitUntil(failures).catch(() => {})
  }
  expect(await failures()).toEqual({ failures: 1 })
  // Nobody locks an account that they learn nothing about.
  expect(await failuresOf(accountSubject('sign-in', email))).toBeUndefined()
})

test('a failure that read its clock first and comes second is counted, and nobody waits', async () => {
  const subject = addressSubject('sign-in', address)
  const earlier = new Date(accounts.now().getTime() - 50)
  const lockout = createLockout()
  await lockout.countFailure(accounts.db, [subject], accounts.now())
  await lockout.countFailure(accounts.db, [subject], earlier)
  expect(await failuresOf(subject)).toEqual({ failures: 2 })
  expect(await lockout.refuseBlocked(accounts.db, [subject], earlier)).toBeUndefined()
})

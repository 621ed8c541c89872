import { setTimeout as sleep } from 'node:timers/promises'

import { expect, test } from 'vitest'

import { createClient } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

import { until } from '../dev/wait.ts'
import { sendLogin } from './login.ts'
import { startFlood, startObservedServer } from './processes.ts'
import { countOutcomes, p99Of, startSteadyCalls } from './steady-calls.ts'

const full = process.env.TEST_FULL === '1'

const REST_MS = full ? 10_000 : 1_500

/** At least; it goes on until all that comes from it is refused without a check. */
const FLOOD_MS = full ? 20_000 : 1_000

const FLOOD_PER_SECOND = 200
const CANARY_PER_SECOND = 50

/** Users who sign in all the time, each from an address of their own, twice a second. */
const USERS = 4
const LOGINS_PER_SECOND = 2 * USERS

/** The queue of hashes has so many places. */
const QUEUE = 20

/**
 * Guesses that four addresses have checked: twenty each before the first wait, and those that were
 * under way by then.
 */
const MOST_CHECKED = 4 * (20 + QUEUE / 2)

/** A busy millisecond or two at rest would make twice that a matter of luck. */
const LEAST_P99_BOUND_MS = 10

const password = 'correct horse battery'

test('a flood of logins from a few addresses neither fills the queue of hashes nor keeps others out', async () => {
  await using server = await startObservedServer()
  const readItem = await signUpCanary(server.url)
  await signUpUsers(server.url)
  const logIn = (n: number) => sendLogin(server.url, { ...user(n % USERS), password })

  const resting = startTraffic(readItem, logIn)
  await sleep(REST_MS)
  const atRest = await resting.stop()

  await using flood = startFlood(server.url, FLOOD_PER_SECOND)
  const traffic = startTraffic(readItem, logIn)
  await sleep(FLOOD_MS)
  await until('the flood to be locked out', () => isLockedOut(flood))
  const flooded = await traffic.stop()
  const answers = await flood.stop()
  const mostWaiting = await server.mostWaiting()

  const p99Ms = { atRest: p99Of(atRest.canary), flooded: p99Of(flooded.canary) }
  const logins = countOutcomes(flooded.logins)
  console.info({ answers, logins, canary: countOutcomes(flooded.canary), p99Ms, mostWaiting })

  const sent = Object.values(answers).reduce((sum, count) => sum + count, 0)
  expect(sent).toBeGreaterThan(full ? (0.9 * FLOOD_PER_SECOND * FLOOD_MS) / 1_000 : 0)
  expect(Object.keys(answers).toSorted()).toEqual(
    ['OVERLOADED', 'TOO_MANY_ATTEMPTS', 'WRONG_CREDENTIALS'].filter((reason) => answers[reason]),
  )
  expect(answers.WRONG_CREDENTIALS).toBeLessThanOrEqual(MOST_CHECKED)
  expect(mostWaiting).toBeLessThanOrEqual(QUEUE)
  expect(flooded.canary.every(({ outcome }) => outcome === 'OK')).toBe(true)
  expect(Object.keys(logins).filter((outcome) => !/^(OK|OVERLOADED)$/.test(outcome))).toEqual([])
  expect(logins.OK ?? 0).toBeGreaterThanOrEqual(flooded.logins.length * (full ? 0.95 : 0.8))
  // Times are measured on a machine that does nothing else.
  const p99BoundMs = full ? Math.max(2 * p99Ms.atRest, LEAST_P99_BOUND_MS) : Infinity
  expect(p99Ms.flooded).toBeLessThanOrEqual(p99BoundMs)
})

/** Whether of so many attempts none was checked any more. */
async function isLockedOut(flood: ReturnType<typeof startFlood>): Promise<boolean> {
  const before = await flood.answers()
  await until('more attempts', async () => refusals(await flood.answers()) > refusals(before) + 40)
  const after = await flood.answers()
  return after.WRONG_CREDENTIALS === before.WRONG_CREDENTIALS
}

const refusals = (answers: Readonly<Record<string, number>>) => answers.TOO_MANY_ATTEMPTS ?? 0

/** What goes on at rest and under the flood alike. */
function startTraffic(readItem: () => Promise<string>, logIn: (n: number) => Promise<string>) {
  const canary = startSteadyCalls({ perSecond: CANARY_PER_SECOND, mostAtOnce: 20 }, readItem)
  const logins = startSteadyCalls({ perSecond: LOGINS_PER_SECOND, mostAtOnce: USERS }, logIn)
  return { stop: async () => ({ canary: await canary.stop(), logins: await logins.stop() }) }
}

const user = (n: number) => ({ email: `user${n}@example.com`, address: `198.51.100.${n}` })

async function signUpUsers(url: string): Promise<void> {
  const nobody = createClient<AppRouter>({ url: `${url}/rpc`, retry: false })
  for (let n = 0; n < USERS; n++) {
    await nobody.auth.register.mutate({ email: user(n).email, name: 'User', password })
  }
}

/** Something that a signed-in client does all day: it reads one item. */
async function signUpCanary(url: string): Promise<() => Promise<string>> {
  let token: string | null = null
  const client = createClient<AppRouter>({ url: `${url}/rpc`, retry: false, auth: () => token })
  const account = { email: 'canary@example.com', name: 'Canary', password }
  token = (await client.auth.register.mutate(account)).accessToken
  const { id } = await client.items.create.mutate({ sku: 'c', name: 'Canary', priceMinor: 1n })
  return async () => {
    await client.items.get.query({ id })
    return 'OK'
  }
}

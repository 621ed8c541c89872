import { once } from 'node:events'

import { afterAll, beforeAll, expect, test } from 'vitest'

import { createCheckout, type Checkout } from './checkout.ts'
import { signInAsDemo } from './demo-client.ts'
import { ANY_PORT, launchDev, startDev } from './dev-process.ts'
import { addProbe, callWait } from './probe.ts'
import { findPostmaster, isRunning } from './processes.ts'
import { until } from './wait.ts'

let checkout: Checkout
let dataDir: string
beforeAll(async () => {
  checkout = await createCheckout()
  await addProbe(checkout)
})
afterAll(() => checkout[Symbol.asyncDispose]())

test('Ctrl-C in the middle of a request lets it be answered, then ends the server, then Postgres', async () => {
  const dev = await startDev(checkout)
  dataDir = dev.dataDir
  const { server, postmaster } = await dev.roles()
  const answer = callWait(dev.url, 1_500)
  // A later call has come back, so the slow one has long begun.
  await signInAsDemo(dev.url)

  const ended = dev.pressCtrlC()
  expect((await answer).status).toBe(200)
  // Postgres outlives every answer.
  await ended
  expect(await isRunning(server)).toBe(false)
  expect(await isRunning(postmaster)).toBe(false)
  expect(dev.output()).not.toContain('cut off')
})

test('Ctrl-C before it is ready leaves nothing running either', async () => {
  const dev = launchDev(checkout)
  const postmaster = await until('Postgres', () => findPostmaster(dataDir))
  await dev.pressCtrlC()
  await until('the end of Postgres', async () => !(await isRunning(postmaster)))
  expect(dev.output()).not.toContain('Ready in')
})

test('a mistake that no edit can mend ends it with what is wrong', async () => {
  const dev = launchDev(checkout, { ...ANY_PORT, TAUTLINE_POOL_SIZE: 'many' })
  const [code] = await once(dev.child, 'exit')
  expect(code).toBe(1)
  expect(dev.output()).toContain('TAUTLINE_POOL_SIZE')
  expect(await findPostmaster(dataDir)).toBeUndefined()
})

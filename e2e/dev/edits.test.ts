import { afterAll, beforeAll, expect, test } from 'vitest'

import { createCheckout, type Checkout } from './checkout.ts'
import { anItem, signInAsDemo } from './demo-client.ts'
import { startDev, type DevProcess } from './dev-process.ts'
import { addProbe, breakProbe, editProbe, servesVersion } from './probe.ts'

let checkout: Checkout
let dev: DevProcess
beforeAll(async () => {
  checkout = await createCheckout()
  await addProbe(checkout)
  dev = await startDev(checkout)
})
afterAll(() => checkout[Symbol.asyncDispose]())

test('five edits restart the server five times, on the same Postgres with the same data', async () => {
  const client = await signInAsDemo(dev.url)
  const { id } = await client.items.create.mutate(anItem('kept'))
  const { postmaster, supervisor } = await dev.roles()

  for (const version of [2, 3, 4, 5, 6]) {
    await editProbe(checkout, version)
    await servesVersion(dev.url, version)
    // The token of before is still good: a restart signs nobody out.
    expect(await client.items.get.query({ id })).toMatchObject({ sku: 'kept' })
  }
  await dev.printed('Restarted in', 5)
  expect(await dev.roles()).toMatchObject({ postmaster, supervisor })
})

test('an edit that does not start waits for the next one', async () => {
  const { postmaster } = await dev.roles()
  await breakProbe(checkout)
  await dev.printed('The server could not start. It tries again after the next edit.')
  expect(dev.output()).toContain('SyntaxError')

  await editProbe(checkout, 7)
  await servesVersion(dev.url, 7)
  expect(await dev.roles()).toMatchObject({ postmaster })
})

test('a server that was killed is back after an edit', async () => {
  const { server } = await dev.roles()
  process.kill(server, 'SIGKILL')
  await dev.printed('The server has ended. It starts again after the next edit.')
  await editProbe(checkout, 8)
  await servesVersion(dev.url, 8)
  expect((await dev.roles()).server).not.toBe(server)
})

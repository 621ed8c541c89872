import { expect, test } from 'vitest'

import { createCheckout } from './checkout.ts'
import { anItem, signInAsDemo } from './demo-client.ts'
import { startDev } from './dev-process.ts'
import { isRunning } from './processes.ts'

test('of two at once in one checkout either may go first, and the last one stops Postgres', async () => {
  await using checkout = await createCheckout()
  const first = await startDev(checkout)
  const second = await startDev(checkout)
  expect(second.url).not.toBe(first.url)
  expect(second.output()).toContain('(port 3000 is taken)')
  expect(second.databaseUrl).toBe(first.databaseUrl)

  const client = await signInAsDemo(second.url)
  const { id } = await (await signInAsDemo(first.url)).items.create.mutate(anItem('of the first'))
  await first.pressCtrlC()
  await expect(fetch(first.url)).rejects.toThrow('fetch failed')
  expect(await client.items.get.query({ id })).toMatchObject({ sku: 'of the first' })
  await client.items.create.mutate(anItem('of the second'))

  const { postmaster } = await second.roles()
  await second.pressCtrlC()
  expect(await isRunning(postmaster)).toBe(false)
})

test('two that start in the same moment both get ready', async () => {
  await using checkout = await createCheckout()
  const both = await Promise.all([startDev(checkout), startDev(checkout)])
  const [one, other] = both
  expect(one.url).not.toBe(other.url)
  expect(one.databaseUrl).toBe(other.databaseUrl)
  // They also made the checkout's secret in the same moment: a token of one is good for the other.
  await Promise.all(both.map((dev) => signInAsDemo(dev.url)))
  await Promise.all(both.map((dev) => dev.pressCtrlC()))
})

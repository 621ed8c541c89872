import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

import { createCheckout, createCheckoutOfNobody, isRoot, type Checkout } from './checkout.ts'
import { anItem, signInAsDemo } from './demo-client.ts'
import { startDev } from './dev-process.ts'
import { isRunning } from './processes.ts'

const run = promisify(execFile)

const full = process.env.TEST_FULL === '1'

const AT_THE_DEFAULT_PORT = {}

/** What an ordinary user needs that no cache of this machine can give. */
const registryAnswers = await run('npm', ['ping']).then(
  () => true,
  () => false,
)

test('dev installs, starts and prints a line that works, under a home that only root can enter', async () => {
  await using checkout = await createCheckout()
  const { dataDir } = await expectItWorks(checkout)
  // Postgres of root runs as a user who cannot enter that home.
  expect(dataDir.startsWith(checkout.folder)).toBe(!isRoot)
})

// Another user's caches cannot be reached, so this one is also the start from nothing at all.
test.skipIf(!full || !isRoot || !registryAnswers)(
  `dev works for an ordinary user with an empty home${whyNot()}`,
  async () => {
    await using checkout = await createCheckoutOfNobody()
    const { dataDir } = await expectItWorks(checkout)
    expect(dataDir.startsWith(checkout.folder)).toBe(true)
  },
)

test('of two at once in one checkout either may go first, and the last one stops Postgres', async () => {
  await using checkout = await createCheckout()
  const first = await startDev(checkout, AT_THE_DEFAULT_PORT)
  const second = await startDev(checkout, AT_THE_DEFAULT_PORT)
  expect(second.url).not.toBe(first.url)
  expect(second.output()).toContain('(port 3000 is taken)')
  expect(second.databaseUrl).toBe(first.databaseUrl)

  const client = await signInAsDemo(second.url)
  const { id } = await (await signInAsDemo(first.url)).items.create.mutate(anItem('of the first'))
  await first.pressCtrlC()
  expect(await client.items.get.query({ id })).toMatchObject({ sku: 'of the first' })
  await client.items.create.mutate(anItem('of the second'))

  const { postmaster } = await second.roles()
  await second.pressCtrlC()
  expect(await isRunning(postmaster)).toBe(false)
})

test('two that start in the same moment both get ready', async () => {
  await using checkout = await createCheckout()
  const both = await Promise.all([
    startDev(checkout, AT_THE_DEFAULT_PORT),
    startDev(checkout, AT_THE_DEFAULT_PORT),
  ])
  const [one, other] = both
  expect(one.url).not.toBe(other.url)
  expect(one.databaseUrl).toBe(other.databaseUrl)
  // They also made the checkout's secret in the same moment: a token of one is good for the other.
  await Promise.all(both.map((dev) => signInAsDemo(dev.url)))
  await Promise.all(both.map((dev) => dev.pressCtrlC()))
})

async function expectItWorks(checkout: Checkout) {
  const dev = await startDev(checkout, AT_THE_DEFAULT_PORT)
  const printed = await run('sh', ['-c', dev.curl], { env: checkout.environment })
  expect(JSON.parse(printed.stdout).result.data.json.accessToken).toMatch(/^[\w-]+\.[\w-]+\./)

  const { server, postmaster } = await dev.roles()
  await dev.pressCtrlC()
  expect(await isRunning(server)).toBe(false)
  expect(await isRunning(postmaster)).toBe(false)
  return dev
}

function whyNot(): string {
  if (!full) return ' (in full runs: it downloads everything)'
  if (!isRoot) return ' (only root can become somebody else)'
  return registryAnswers ? '' : ' (the package registry does not answer)'
}

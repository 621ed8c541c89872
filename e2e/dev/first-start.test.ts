import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

import { expect, test } from 'vitest'

import { createCheckout, createCheckoutOfNobody, isRoot, type Checkout } from './checkout.ts'
import { startDev } from './dev-process.ts'
import { isRunning } from './processes.ts'

const run = promisify(execFile)

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
test.skipIf(!isRoot || !registryAnswers)(
  `dev works for an ordinary user with an empty home${whyNot()}`,
  async () => {
    await using checkout = await createCheckoutOfNobody()
    const { dataDir } = await expectItWorks(checkout)
    expect(dataDir.startsWith(checkout.folder)).toBe(true)
  },
)

async function expectItWorks(checkout: Checkout) {
  const dev = await startDev(checkout)
  const printed = await run('sh', ['-c', dev.curl], { env: checkout.environment })
  expect(JSON.parse(printed.stdout).result.data.json.accessToken).toMatch(/^[\w-]+\.[\w-]+\./)

  const { postmaster } = await dev.roles()
  await dev.pressCtrlC()
  expect(await isRunning(postmaster)).toBe(false)
  await expect(fetch(dev.url)).rejects.toThrow('fetch failed')
  return dev
}

function whyNot(): string {
  if (!isRoot) return ' (only root can become somebody else)'
  return registryAnswers ? '' : ' (the package registry does not answer)'
}

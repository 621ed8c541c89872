import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

import { createCheckout, type Checkout } from './checkout.ts'
import { anItem, signInAsDemo } from './demo-client.ts'
import { startDev } from './dev-process.ts'
import { familyOf, isRunning, killAtOnce } from './processes.ts'
import { until } from './wait.ts'

/** So many rows at least before the blow falls. */
const ROWS = 200

let checkout: Checkout
beforeAll(async () => {
  checkout = await createCheckout()
})
afterAll(() => checkout[Symbol.asyncDispose]())

test('a start after kill -9 of everything has every row that was acknowledged', async () => {
  const dev = await startDev(checkout)
  const acknowledged: string[] = []
  const writers = ['a', 'b', 'c', 'd'].map((writer) => createItems(dev.url, writer, acknowledged))
  await until(`${ROWS} items`, () => acknowledged.length > ROWS)

  const { all, postmaster } = await dev.roles()
  const sessions = (await familyOf(postmaster)).map(({ pid }) => pid)
  killAtOnce([...all, ...sessions])
  await Promise.all(writers)

  const next = await startDev(checkout)
  const kept = new Set(await readItemIds(next.databaseUrl))
  expect(acknowledged.filter((id) => !kept.has(id))).toEqual([])
  await next.pressCtrlC()
})

test('a server whose supervisor was killed ends, and the next dev finds Postgres still there', async () => {
  const dev = await startDev(checkout)
  const { supervisor, server, postmaster } = await dev.roles()
  killAtOnce([supervisor])
  await until('the end of the server', async () => !(await isRunning(server)))
  expect(await isRunning(postmaster)).toBe(true)

  const next = await startDev(checkout)
  expect((await next.roles()).postmaster).toBe(postmaster)
  await next.pressCtrlC()
  expect(await isRunning(postmaster)).toBe(false)
})

/** Until the server is gone. */
async function createItems(url: string, writer: string, acknowledged: string[]): Promise<void> {
  const client = await signInAsDemo(url)
  for (let number = 0; ; number++) {
    const created = await client.items.create.mutate(anItem(`${writer}-${number}`)).catch(() => {})
    if (!created) return
    acknowledged.push(created.id)
  }
}

async function readItemIds(databaseUrl: string): Promise<string[]> {
  const client = new Client(databaseUrl)
  await client.connect()
  try {
    const { rows } = await client.query<{ id: string }>('select id from item')
    return rows.map(({ id }) => id)
  } finally {
    await client.end()
  }
}

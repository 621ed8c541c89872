import { afterAll, beforeAll, expect, test, vi } from 'vitest'

import { safe } from '@tautline/client'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'
import { Report } from './schema.ts'

let server: TestServer<typeof app>
beforeAll(async () => {
  server = await startTestServer(app)
})
afterAll(() => server[Symbol.asyncDispose]())

const period = { from: new Date('2000-01-01'), to: new Date('2100-01-01') }

const clientOf = (userId: string) => server.clientAs({ userId, scopes: ['items:import'] })

/** Somebody with items of these prices, so many pieces of each. */
async function ownerOf(userId: string, prices: readonly bigint[], quantity = 2) {
  const client = clientOf(userId)
  const items = prices.map((priceMinor, at) => ({
    sku: `${at}`,
    name: 'Item',
    priceMinor,
    quantity,
  }))
  if (items.length > 0) await client.items.bulkCreate.mutate({ items })
  return client
}

async function ended(client: ReturnType<typeof clientOf>, id: string) {
  const task = () => client.tasks.get.query({ id })
  await vi.waitUntil(async () => (await task()).finishedAt, { timeout: 25_000, interval: 25 })
  return task()
}

test('a report tells the bands of the caller’s items, and nobody else’s', async () => {
  const anna = await ownerOf('anna', [100n, 101n, 102n, 5_000n, 5_001n])
  await ownerOf('berta', [1n, 2n])
  const { taskId } = await anna.reports.compute.mutate({ kind: 'price', ...period, bands: 2 })
  const { output, state } = await ended(anna, taskId)
  expect(state).toBe('succeeded')
  expect(Report.parse(output)).toEqual({
    kind: 'price',
    items: 5,
    quantity: 10n,
    valueMinor: 20_608n,
    percentiles: { p10: 100n, p50: 102n, p90: 5_001n, p99: 5_001n },
    bands: [
      {
        fromMinor: 100n,
        toMinor: 102n,
        items: 3,
        quantity: 6n,
        valueMinor: 606n,
        share: 606 / 20_608,
      },
      {
        fromMinor: 5_000n,
        toMinor: 5_001n,
        items: 2,
        quantity: 4n,
        valueMinor: 20_002n,
        share: 20_002 / 20_608,
      },
    ],
  })
})

test('values beyond what a number holds are exact', async () => {
  const most = 2n ** 63n - 1n
  const rich = await ownerOf('rich', [most, most - 1n], 1_000_000_000)
  const { taskId } = await rich.reports.compute.mutate({ kind: 'value', ...period })
  const report = Report.parse((await ended(rich, taskId)).output)
  expect(report.valueMinor).toBe((most * 2n - 1n) * 1_000_000_000n)
  expect(report.percentiles.p99).toBe(most * 1_000_000_000n)
})

test('a report of nothing has nothing, and one of the past has none of today', async () => {
  const nobody = await ownerOf('nobody', [])
  const emma = await ownerOf('emma', [7n])
  const past = { from: new Date('2000-01-01'), to: new Date('2001-01-01') }
  const asked = [
    await nobody.reports.compute.mutate({ kind: 'value', ...period }),
    await emma.reports.compute.mutate({ kind: 'price', ...past }),
  ] as const
  const reports = [await ended(nobody, asked[0].taskId), await ended(emma, asked[1].taskId)]
  const nothing = { p10: null, p50: null, p90: null, p99: null }
  for (const { output } of reports) {
    expect(output).toMatchObject({ items: 0, valueMinor: 0n, percentiles: nothing, bands: [] })
  }
  const backwards = { from: past.to, to: past.from }
  const [, error] = await safe(emma.reports.compute.mutate({ kind: 'price', ...backwards }))
  expect(error?.reason).toBe('BAD_INPUT')
})

test('reports that there is no thread for wait, and all of them are made', async () => {
  const fritz = await ownerOf('fritz', [1n, 2n, 3n])
  const asked = Array.from({ length: 6 }, () =>
    fritz.reports.compute.mutate({ kind: 'price', ...period }),
  )
  const tasks = await Promise.all(
    (await Promise.all(asked)).map(({ taskId }) => ended(fritz, taskId)),
  )
  expect(tasks.map(({ state, attempt }) => [state, attempt])).toEqual(
    tasks.map(() => ['succeeded', 1]),
  )
})

import { expect, test } from 'vitest'

import { startTestServer } from '@tautline/kit/testing'

import { app } from '../../app.ts'

test('an item that was created can be read back by its owner', async () => {
  await using server = await startTestServer(app)
  const anna = server.clientAs({ userId: 'anna' })
  const created = await anna.items.create.mutate({ sku: 'a', name: 'A', priceMinor: 5n })
  expect(await anna.items.get.query({ id: created.id })).toEqual(created)
})

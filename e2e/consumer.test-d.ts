import { describe, expectTypeOf, test } from 'vitest'

import { createClient, safe, type CallError, type ErrorOf } from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

const client = createClient<AppRouter>({ url: 'http://localhost' })
const { items, auth } = client

interface ExactItem {
  id: string
  sku: string
  name: string
  quantity: number
  priceMinor: bigint
  version: number
  createdAt: Date
  updatedAt: Date
}

describe('what a consumer sees', () => {
  test('outputs are exact', () => {
    expectTypeOf(items.get.query({ id: '' })).resolves.toEqualTypeOf<ExactItem>()
    expectTypeOf(items.list.query()).resolves.toEqualTypeOf<{
      items: ExactItem[]
      nextCursor: string | null
    }>()
    expectTypeOf<
      Awaited<ReturnType<typeof items.bulkCreate.mutate>>['results'][number]
    >().toEqualTypeOf<
      { status: 'created'; id: string } | { status: 'updated'; id: string } | { status: 'skipped' }
    >()
  })

  test('an input with a default is optional, and so is an input that is all defaults', () => {
    expectTypeOf(items.create.mutate).toBeCallableWith({ sku: '', name: '', priceMinor: 1n })
    expectTypeOf(items.list.query()).resolves.toHaveProperty('items')
    expectTypeOf(items.list.query).toBeCallableWith({ limit: 3 })
    expectTypeOf(auth.me.query()).resolves.toHaveProperty('email')
  })

  test('wrong calls are rejected', () => {
    // @ts-expect-error -- a query does not mutate
    void items.get.mutate
    // @ts-expect-error -- a mutation does not query
    void items.create.query
    // @ts-expect-error -- there is no such procedure
    void items.nothing
    // @ts-expect-error -- the input is missing
    void items.get.query()
    // @ts-expect-error -- a price is a bigint
    void items.create.mutate({ sku: '', name: '', priceMinor: 1 })
    // @ts-expect-error -- there is no such field
    void items.create.mutate({ sku: '', name: '', priceMinor: 1n, ownerId: '' })
    // @ts-expect-error -- no input is taken
    void auth.me.query({ id: '' })
  })

  test('errors are narrowed to what the procedure declares', async () => {
    const [item, error] = await safe(
      items.update.mutate({ id: '', version: 1, changes: { name: '' } }),
    )
    if (error) {
      expectTypeOf(item).toEqualTypeOf<undefined>()
      expectTypeOf(error).toExtend<CallError>()
      if (error.reason === 'VERSION_CONFLICT') {
        expectTypeOf(error.data).toEqualTypeOf<{ currentVersion: number }>()
      }
      // @ts-expect-error TS2367 -- items.update never fails with this
      expectTypeOf(error.reason === 'SKU_TAKEN').toBeBoolean()
    } else {
      expectTypeOf(item).toEqualTypeOf<ExactItem>()
    }
  })

  test('the reasons of a call are a closed union that a switch can exhaust', () => {
    type Reason = ErrorOf<typeof items.get.query>['reason']
    expectTypeOf<'ITEM_NOT_FOUND'>().toExtend<Reason>()
    expectTypeOf<'UNAUTHENTICATED' | 'OUTCOME_UNKNOWN' | 'COMMIT_UNKNOWN'>().toExtend<Reason>()
    expectTypeOf<string>().not.toExtend<Reason>()
  })

  test('nothing of the server’s context can be reached', () => {
    expectTypeOf<keyof AppRouter['_def']['_config']['$types']['ctx']>().toEqualTypeOf<never>()
  })
})

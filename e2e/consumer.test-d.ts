import { describe, expectTypeOf, test } from 'vitest'

import {
  createClient,
  downloadFile,
  safe,
  uploadFile,
  type CallError,
  type ClientHandle,
  type ErrorOf,
} from '@tautline/client'
import type { AppRouter } from '@tautline/server/router-type'

const client = createClient<AppRouter>({ url: 'http://localhost' })
const { accounts, items, auth } = client

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
      if (error.reason === 'RESPONSE_TOO_LARGE') {
        expectTypeOf(error.data.limitBytes).toBeNumber()
        expectTypeOf(error.data.export).toEqualTypeOf<string | undefined>()
      }
      // @ts-expect-error TS2367 -- items.update never fails with this
      expectTypeOf(error.reason === 'SKU_TAKEN').toBeBoolean()
    } else {
      expectTypeOf(item).toEqualTypeOf<ExactItem>()
    }
  })

  test('each result of a batch is narrowed by its status, and a refusal by its reason', async () => {
    const [batch, error] = await safe(items.batch.mutate({ mode: 'each', operations: [] }))
    for (const result of batch?.results ?? []) {
      if (result.status === 'deleted') {
        expectTypeOf(result).toEqualTypeOf<{ status: 'deleted'; id: string }>()
      } else if (result.status !== 'failed') {
        expectTypeOf(result.status).toEqualTypeOf<'created' | 'updated'>()
        expectTypeOf(result.item).toEqualTypeOf<ExactItem>()
      } else if (result.reason === 'SKU_TAKEN') {
        expectTypeOf(result.data).toEqualTypeOf<{ skus: string[] }>()
      } else if (result.reason === 'VERSION_CONFLICT') {
        expectTypeOf(result.data).toEqualTypeOf<{ currentVersion: number }>()
      } else {
        type Gone = { status: 'failed'; reason: 'ITEM_NOT_FOUND'; message: string }
        expectTypeOf(result).toEqualTypeOf<Gone>()
      }
    }
    if (error?.reason === 'BATCH_FAILED') {
      expectTypeOf(error.data.index).toEqualTypeOf<number>()
      // @ts-expect-error TS2339 -- not every refusal has data
      void error.data.data
      if (error.data.reason === 'SKU_TAKEN') {
        expectTypeOf(error.data.data).toEqualTypeOf<{ skus: string[] }>()
      }
    }
  })

  test('an operation of a batch is one of three, and has what that one needs', () => {
    const { mutate } = items.batch
    expectTypeOf(mutate).toBeCallableWith({ mode: 'all', operations: [{ op: 'delete', id: '' }] })
    // @ts-expect-error TS2322 -- there is no such operation
    void mutate({ mode: 'all', operations: [{ op: 'get', id: '' }] })
    // @ts-expect-error TS2322 -- an update names the version that was seen
    void mutate({ mode: 'all', operations: [{ op: 'update', id: '', changes: {} }] })
  })

  test('a transfer that is refused says why, each reason with what it knows', async () => {
    const payment = { fromId: '', toId: '', amountMinor: 1n }
    const [booked, error] = await safe(accounts.transfer.mutate(payment))
    if (!error) {
      type Booked = { transferId: string; fromBalanceMinor: bigint; at: Date }
      expectTypeOf(booked).toEqualTypeOf<Booked>()
    } else if (error.reason === 'INSUFFICIENT_FUNDS') {
      expectTypeOf(error.data).toEqualTypeOf<{ missingMinor: bigint }>()
    } else if (error.reason === 'CURRENCY_MISMATCH') {
      expectTypeOf(error.data).toEqualTypeOf<{ from: string; to: string }>()
    } else if (error.reason === 'ACCOUNT_FROZEN') {
      expectTypeOf(error.data.which).toEqualTypeOf<'from' | 'to'>()
    } else if (error.reason === 'TRANSFER_LIMIT_REACHED') {
      expectTypeOf(error.data.retryAfterMs).toEqualTypeOf<number | null>()
    }
    // @ts-expect-error TS2322 -- money is a bigint, and never a float
    void accounts.transfer.mutate({ ...payment, amountMinor: 1 })
    // @ts-expect-error TS2353 -- an account begins with nothing
    void accounts.open.mutate({ currency: 'EUR', name: '', openingMinor: 1n })
  })

  test('a problem of the ledger is narrowed by its kind', async () => {
    const { problems } = await accounts.verifyLedger.query()
    for (const problem of problems) {
      if (problem.kind === 'balanceDiffers') expectTypeOf(problem.entriesMinor).toBeBigInt()
      if (problem.kind === 'countBroken') expectTypeOf(problem.expectedNth).toBeBigInt()
      // @ts-expect-error TS2339 -- that one is about an account
      if (problem.kind === 'balanceNegative') void problem.transferId
    }
  })

  test('a mutation may have a key of its own, and a query has none', () => {
    const options = { timeoutMs: 1_000, signal: AbortSignal.timeout(1_000) }
    expectTypeOf(items.get.query).toBeCallableWith({ id: '' }, options)
    const keyed = { ...options, idempotencyKey: 'key' }
    expectTypeOf(items.create.mutate).toBeCallableWith({ sku: '', name: '', priceMinor: 1n }, keyed)
    // @ts-expect-error TS2353 -- a query changes nothing
    void items.get.query({ id: '' }, { idempotencyKey: 'key' })
  })

  test('a client repeats calls so often, or never', () => {
    const url = 'http://localhost'
    expectTypeOf(createClient<AppRouter>).toBeCallableWith({ url, timeoutMs: 1_000, retry: false })
    expectTypeOf(createClient<AppRouter>).toBeCallableWith({ url, retry: { maxAttempts: 2 } })
    // @ts-expect-error TS2322 -- how often, or not at all
    createClient<AppRouter>({ url, retry: true })
  })

  test('files go with a client, and with nothing else', () => {
    expectTypeOf(downloadFile).toBeCallableWith(client, '')
    expectTypeOf(uploadFile).toBeCallableWith(client, new Blob([]))
    expectTypeOf(client).toExtend<ClientHandle>()
    // @ts-expect-error TS2345 -- nobody knows where its server is
    void downloadFile({}, '')
    // @ts-expect-error TS2345 -- that is a part of a client
    void uploadFile(client.files, new Blob([]))
  })

  test('the reasons of a call are a closed union that a switch can exhaust', () => {
    type Reason = ErrorOf<typeof items.get.query>['reason']
    expectTypeOf<'ITEM_NOT_FOUND'>().toExtend<Reason>()
    expectTypeOf<'UNAUTHENTICATED' | 'OUTCOME_UNKNOWN' | 'COMMIT_UNKNOWN'>().toExtend<Reason>()
    expectTypeOf<'TIMED_OUT' | 'KEY_NOT_SUPPORTED' | 'KEY_REQUIRED'>().toExtend<Reason>()
    expectTypeOf<string>().not.toExtend<Reason>()
  })

  test('nothing of the server’s context can be reached', () => {
    expectTypeOf<keyof AppRouter['_def']['_config']['$types']['ctx']>().toEqualTypeOf<never>()
  })
})

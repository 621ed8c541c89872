import { afterAll, beforeAll, expect, test } from 'vitest'

import { safe } from '@tautline/client'

import { startPartsServer } from './parts-server.fixture.ts'

let server: Awaited<ReturnType<typeof startPartsServer>>
beforeAll(async () => {
  server = await startPartsServer()
})
afterAll(() => server[Symbol.asyncDispose]())

const TOO_LARGE = {
  reason: 'RESPONSE_TOO_LARGE',
  retryable: false,
  data: { limitBytes: 5_000_000, export: '/exports/parts' },
}

/** So many characters, in JSON 100 bytes a part. */
const count = 50_000
const partOf = (bytes: number) => 'x'.repeat(bytes - '{"id":12345,"note":""},'.length)

test('an answer over 5 MB is a failure that names the export, and nothing is kept of it', async () => {
  const { parts } = server.clientAs({ userId: 'anna' })
  for (const _ of ['first', 'second']) {
    const [, error] = await safe(parts.all.query({ count, note: partOf(101) }))
    expect(error).toMatchObject(TOO_LARGE)
  }
  const lines = server.logs.filter(({ procedure }) => procedure === 'parts.all')
  expect(lines).toMatchObject([
    { outcome: 'RESPONSE_TOO_LARGE', level: 'info' },
    { outcome: 'RESPONSE_TOO_LARGE', level: 'info' },
  ])
})

test('an answer of nearly 5 MB is an answer, also when it was kept', async () => {
  const { parts } = server.clientAs({ userId: 'berta' })
  for (const _ of ['made', 'kept']) {
    expect(await parts.all.query({ count, note: partOf(99) })).toHaveLength(count)
  }
})

test('a change whose answer is over 5 MB is undone, and its key is free', async () => {
  const { parts } = server.clientAs({ userId: 'anna' })
  const key = { idempotencyKey: 'a-key-of-anna' }
  const house = () => server.ask(`select to_regclass('house')::text as answer`)
  const [, error] = await safe(parts.build.mutate({ count, note: partOf(101) }, key))
  expect(error).toMatchObject(TOO_LARGE)
  expect(await house()).toBe(null)
  expect(await parts.build.mutate({ count: 1, note: 'small' }, key)).toEqual([
    { id: 0, note: 'small' },
  ])
  expect(await house()).toBe('house')
})

import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { attempts, halfway } from './fault-app.fixture.ts'
import { startFaultServer } from './fault-server.fixture.ts'

let server: Awaited<ReturnType<typeof startFaultServer>>
beforeAll(async () => {
  server = await startFaultServer()
})
afterAll(() => server[Symbol.asyncDispose]())

test('a handler that swallows the error of a statement cannot seem to succeed', async () => {
  const change = server.changes.swallow.mutate({ id: 'swallowed' })
  await expect(change).rejects.toMatchObject({ reason: 'INTERNAL', retryable: false })
  expect(await server.rowsOf('swallowed')).toBe(0)
})

describe('a transaction that Postgres refuses for a rival', () => {
  test('runs again as a whole, up to four times', async () => {
    await server.changes.contend.mutate({ id: 'persistent', refusals: 3 })
    expect(attempts.get('persistent')).toBe(4)
    expect(await server.rowsOf('persistent')).toBe(1)
  })

  test('is CONTENTION after that, and nothing was changed', async () => {
    const change = server.changes.contend.mutate({ id: 'unlucky', refusals: 4 })
    await expect(change).rejects.toMatchObject({ reason: 'CONTENTION', retryable: true })
    expect(attempts.get('unlucky')).toBe(4)
    expect(await server.rowsOf('unlucky')).toBe(0)
  })

  test('runs again when the refusal comes for a true conflict', async () => {
    const before = (await server.changes.list.query()).length
    const calls = ['one', 'two'].map((id) => server.changes.countAndMake.mutate({ id }))
    await halfway.met(2)
    halfway.letGo()
    const seen = await Promise.all(calls)
    expect(seen.toSorted((a, b) => a - b)).toEqual([before, before + 1]) // as if one had come after the other
    expect((attempts.get('one') ?? 0) + (attempts.get('two') ?? 0)).toBe(3)
  })

  test('runs again after a deadlock, so that both calls succeed', async () => {
    const calls = [
      server.changes.lockTwice.mutate({ id: 'left first', first: 1, second: 2 }),
      server.changes.lockTwice.mutate({ id: 'right first', first: 2, second: 1 }),
    ]
    await halfway.met(2)
    halfway.letGo()
    await Promise.all(calls)
    expect((attempts.get('left first') ?? 0) + (attempts.get('right first') ?? 0)).toBe(3)
    expect(await server.rowsOf('left first')).toBe(1)
    expect(await server.rowsOf('right first')).toBe(1)
  })
})

describe('a savepoint', () => {
  test('inside another is undone with it, and may be made again', async () => {
    const id = 'nested savepoint'
    const settled = await server.changes.makeInSavepoints.mutate({ id, how: 'nested' })
    expect(settled).toEqual(['rejected'])
    expect(await server.rowsOf(id)).toBe(1)
  })

  test('beside another is refused, which would undo it without a word', async () => {
    const id = 'parallel savepoint'
    const settled = await server.changes.makeInSavepoints.mutate({ id, how: 'side by side' })
    expect(settled).toEqual(['rejected', 'rejected'])
    expect(await server.rowsOf(id)).toBe(0)
  })
})

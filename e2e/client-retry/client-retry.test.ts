import { afterAll, beforeAll, describe, expect, test } from 'vitest'

import { safe } from '@tautline/client'

import { startWorld, type World } from './world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

let recipients = 0
const somebody = () => ({ recipient: `recipient-${++recipients}` })

describe('a mutation whose answer is cut off', () => {
  test('happens once where it has a key, and answers what happened', async () => {
    await using relay = await world.startRelay()
    const { client, sentAt, lead } = world.watchedClient()
    lead(relay.url)
    relay.become('pass', 'lose-answer')
    const to = somebody()
    const sent = await client.parcels.send.mutate(to)
    expect(await world.parcelsTo(to.recipient)).toEqual([sent])
    expect(sentAt).toHaveLength(2)
    expect(world.outcomes('parcels.send')).toEqual(['OK', 'OK'])
  })

  test('is not made again where it has none', async () => {
    await using relay = await world.startRelay()
    const { client, sentAt, lead } = world.watchedClient()
    await client.parcels.drop.mutate(somebody())
    lead(relay.url)
    relay.become('pass', 'lose-answer')
    const [to, before] = [somebody(), sentAt.length]
    const [, error] = await safe(client.parcels.drop.mutate(to))
    expect(error?.reason).toBe('OUTCOME_UNKNOWN')
    expect(sentAt).toHaveLength(before + 1)
    expect(await world.parcelsTo(to.recipient)).toHaveLength(1)
  })
})

describe('a key', () => {
  test('is left out where the procedure takes none, which a client learns once', async () => {
    const { client } = world.watchedClient()
    const seen = world.outcomes('parcels.drop').length
    const to = somebody()
    for (let n = 0; n < 3; n++) await client.parcels.drop.mutate(to)
    expect(world.outcomes('parcels.drop').slice(seen)).toEqual([
      'KEY_NOT_SUPPORTED',
      'OK',
      'OK',
      'OK',
    ])
    expect(await world.parcelsTo(to.recipient)).toHaveLength(3)
  })

  test('is made where the procedure needs one, but not by a client that never repeats', async () => {
    expect(await world.watchedClient().client.parcels.sendDear.mutate(somebody())).toBeDefined()
    const { parcels } = world.watchedClient({ retry: false }).client
    const [, error] = await safe(parcels.sendDear.mutate(somebody()))
    expect(error?.reason).toBe('KEY_REQUIRED')
  })

  test('of the caller’s own makes the calls of two clients one, as after a reload', async () => {
    const [to, own] = [somebody(), { idempotencyKey: crypto.randomUUID() }]
    const first = await world.watchedClient().client.parcels.send.mutate(to, own)
    const second = await world.watchedClient().client.parcels.send.mutate(to, own)
    expect(second).toEqual(first)
    expect(await world.parcelsTo(to.recipient)).toEqual([first])
  })

  test('of the caller’s own is refused where the procedure takes none', async () => {
    const [to, own] = [somebody(), { idempotencyKey: crypto.randomUUID() }]
    const [, error] = await safe(world.watchedClient().client.parcels.drop.mutate(to, own))
    expect(error?.reason).toBe('KEY_NOT_SUPPORTED')
    expect(await world.parcelsTo(to.recipient)).toEqual([])
  })
})

test('a call that comes too often waits as long as the server asks, and is answered', async () => {
  const hasty = world.watchedClient({ retry: false }).client
  await world.watchedClient().client.parcels.rare.query()
  const [, refused] = await safe(hasty.parcels.rare.query())
  expect(refused?.reason).toBe('RATE_LIMITED')
  const { client, sentAt } = world.watchedClient({ retry: { maxAttempts: 2 } })
  expect(await client.parcels.rare.query()).toBe(true)
  expect(sentAt).toHaveLength(2)
})

test('a hundred calls to a server that is down are hardly more than a hundred requests', async () => {
  const relay = await world.startRelay()
  await relay.close()
  const { client, sentAt, lead } = world.watchedClient()
  lead(relay.url)
  const calls = Array.from({ length: 100 }, () => safe(client.parcels.send.mutate(somebody())))
  const reasons = (await Promise.all(calls)).map(([, error]) => error?.reason)
  expect(new Set(reasons)).toEqual(new Set(['UNREACHABLE']))
  expect(sentAt.length).toBeGreaterThan(100)
  expect(sentAt.length).toBeLessThanOrEqual(100 * 1.1 + 10)
})

test('the server gives up when the time of its caller is over', async () => {
  const { client } = world.watchedClient({
    // It stays, so that the server ends by its own clock and not because the caller has left.
    fetch: (input, init) => fetch(input, { ...init, signal: null }),
  })
  const [, error] = await safe(client.parcels.wait.query(undefined, { timeoutMs: 300 }))
  expect(error?.reason).toBe('TIMED_OUT')
  await expect.poll(() => world.outcomes('parcels.wait')).toEqual(['DEADLINE_EXCEEDED'])
})

test('a query survives a server that is away for a moment', async () => {
  await using relay = await world.startRelay()
  const { client, lead } = world.watchedClient({ retry: { maxAttempts: 4 } })
  lead(relay.url)
  relay.become('pass', 'cut')
  expect(await client.parcels.rare.query()).toBe(true)
})

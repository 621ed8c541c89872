import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'

import { CallError, memoryStore, safe } from '@tautline/client'

import { startWorld, type Tab, type World } from './client-session/world.ts'

let world: World
beforeAll(async () => {
  world = await startWorld()
})
afterAll(() => world[Symbol.asyncDispose]())

const seen = new Map<string, number>()
beforeEach(() => {
  world.control.accessTtlMs = 600_000
  world.control.away = false
  world.relay.become('pass')
  world.ranBy.length = 0
  for (const procedure of ['auth.refresh', 'notes.whose', 'notes.write', 'notes.wrong']) {
    seen.set(procedure, world.outcomes(procedure).length)
  }
})

/** How the calls of this test have ended. */
const outcomes = (procedure: string) => world.outcomes(procedure).slice(seen.get(procedure))

const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value)

const reasonOf = async (call: Promise<unknown>) => (await safe(call))[1]

/** Fifteen queries and fifteen mutations at the same time: why each failed, or `done`. */
async function callMuch({ client }: Tab) {
  const calls = times(15, undefined).flatMap(() => [
    client.notes.whose.query(),
    client.notes.write.mutate(),
  ])
  const results = await Promise.allSettled<unknown>(calls)
  return results.map((result) => {
    if (result.status === 'fulfilled') return 'done'
    return result.reason instanceof CallError ? result.reason.reason : 'no CallError'
  })
}

/** A tab of Anna's whose token the server refuses. */
async function refusedTab(tab = world.openTab()) {
  await tab.signIn('anna')
  world.forgetAccess()
  return tab
}

describe('thirty calls with a token that is no longer good', () => {
  test('when the server refuses it, make one refresh and are sent once more', async () => {
    const tab = await refusedTab()
    expect(await callMuch(tab)).toEqual(times(30, 'done'))
    expect(outcomes('auth.refresh')).toEqual(['OK'])
    const refusedThenDone = [...times(15, 'UNAUTHENTICATED'), ...times(15, 'OK')]
    expect(outcomes('notes.whose')).toEqual(refusedThenDone)
    expect(outcomes('notes.write')).toEqual(refusedThenDone)
    expect(world.ranBy).toEqual(times(15, 'anna'))
    expect(tab.told).toEqual(['signed-in'])
  })

  test('when it is known to have expired, wait for one refresh and are sent once', async () => {
    const store = memoryStore()
    const tab = world.openTab({ store })
    world.control.accessTtlMs = 100
    await tab.signIn('anna')
    world.control.accessTtlMs = 600_000
    await expect.poll(() => Date.now() > (store.read()?.expiresAtMs ?? Infinity)).toBe(true)
    expect(await callMuch(tab)).toEqual(times(30, 'done'))
    expect(outcomes('auth.refresh')).toEqual(['OK'])
    expect(outcomes('notes.whose')).toEqual(times(15, 'OK'))
    expect(outcomes('notes.write')).toEqual(times(15, 'OK'))
  })

  test('when the refresh is refused, are all refused, and the session ends once', async () => {
    const tab = await refusedTab()
    world.forgetRefresh()
    expect(await callMuch(tab)).toEqual(times(30, 'UNAUTHENTICATED'))
    expect(outcomes('auth.refresh')).toEqual(['REFRESH_REFUSED'])
    expect(outcomes('notes.write')).toEqual(times(15, 'UNAUTHENTICATED'))
    expect(tab.session.state).toBe('signed-out')
    expect(tab.told).toEqual(['signed-in', 'signed-out'])
    expect(await reasonOf(tab.client.notes.whose.query())).toMatchObject({
      reason: 'UNAUTHENTICATED',
      requestId: expect.any(String),
    })
    expect(outcomes('auth.refresh')).toHaveLength(1)
  })
})

describe('a refresh that fails', () => {
  test('because nobody listens fails the calls, and a later one works again', async () => {
    const tab = await refusedTab()
    await world.relay.close()
    expect(await callMuch(tab)).toEqual(times(30, 'UNREACHABLE'))
    expect(tab.session.state).toBe('signed-in')
    await world.relay.listen()
    expect(await tab.client.notes.whose.query()).toBe('anna')
    expect(tab.told).toEqual(['signed-in'])
  })

  test('because the connection breaks tells that nothing of the calls has happened', async () => {
    const tab = await refusedTab()
    world.relay.become('cut')
    const error = await reasonOf(tab.client.notes.write.mutate())
    expect(error).toMatchObject({ reason: 'CONNECTION_LOST', retryable: true })
    world.relay.become('pass')
    expect(await tab.client.notes.write.mutate()).toBe('anna')
    expect(world.ranBy).toEqual(['anna'])
  })

  test('because the server is overwhelmed fails the calls with what the server said', async () => {
    const tab = await refusedTab()
    world.control.away = true
    expect(await callMuch(tab)).toEqual(times(30, 'UNAVAILABLE'))
    world.control.away = false
    expect(await callMuch(tab)).toEqual(times(30, 'done'))
  })

  test('because its answer is lost is made once more at once', async () => {
    const tab = await refusedTab()
    world.relay.become('pass', 'lose-answer')
    expect(await callMuch(tab)).toEqual(times(30, 'done'))
    expect(outcomes('auth.refresh')).toEqual(['OK', 'OK'])
    expect(tab.told).toEqual(['signed-in'])
  })

  test('because the function that was given throws leaves the calls unsent', async () => {
    const failed = new Error('no network module')
    const tab = await refusedTab(world.openTab({ refresh: () => Promise.reject(failed) }))
    const error = await reasonOf(tab.client.notes.write.mutate())
    expect(error).toMatchObject({ reason: 'NOT_SENT', cause: failed })
    expect(tab.session.state).toBe('signed-in')
  })

  test('ahead of time does not matter while the token is still good', async () => {
    const ahead = { ms: 0 }
    const clock = { now: () => new Date(Date.now() + ahead.ms) }
    const tab = world.openTab({ clock })
    await tab.signIn('anna')
    world.control.away = true
    ahead.ms = 590_000
    expect(await tab.client.notes.whose.query()).toBe('anna')
    expect(outcomes('auth.refresh')).toEqual(['UNAVAILABLE'])
  })

  test.runIf(process.env.TEST_FULL === '1')('because nothing answers is given up', async () => {
    const tab = await refusedTab()
    world.relay.become('hold')
    expect(await callMuch(tab)).toEqual(times(30, 'CONNECTION_LOST'))
    await world.relay.close() // or the requests that wait there would reach the server now
    await world.relay.listen()
  })
})

describe('a call', () => {
  test('that is refused again after the refresh is not sent a third time', async () => {
    const tab = world.openTab()
    await tab.signIn('anna')
    const error = await reasonOf(tab.client.notes.wrong.query())
    expect(error).toMatchObject({ reason: 'UNAUTHENTICATED' })
    expect(outcomes('notes.wrong')).toEqual(times(2, 'UNAUTHENTICATED'))
    expect(outcomes('auth.refresh')).toEqual(['OK'])
    expect(tab.session.state).toBe('signed-in')
  })

  test('that is aborted while it waits leaves the refresh to the others', async () => {
    const tab = await refusedTab()
    world.relay.become('hold')
    const controller = new AbortController()
    const { signal } = controller
    const aborted = reasonOf(tab.client.notes.write.mutate(undefined, { signal }))
    const other = tab.client.notes.write.mutate()
    await expect.poll(() => world.relay.held).toBe(1)
    controller.abort()
    expect(await aborted).toMatchObject({ reason: 'ABORTED' })
    world.relay.become('pass')
    expect(await other).toBe('anna')
    expect(await tab.client.notes.whose.query()).toBe('anna')
    expect(world.ranBy).toEqual(['anna']) // only the other
    expect(outcomes('auth.refresh')).toEqual(['OK'])
  })

  test('that is made while a refresh is under way waits for it', async () => {
    const tab = await refusedTab()
    world.relay.become('hold')
    const first = tab.client.notes.whose.query()
    await expect.poll(() => world.relay.held).toBe(1)
    const second = tab.client.notes.write.mutate()
    world.relay.become('pass')
    expect(await Promise.all([first, second])).toEqual(['anna', 'anna'])
    expect(outcomes('notes.write')).toEqual(['OK'])
    expect(outcomes('auth.refresh')).toEqual(['OK'])
  })

  test('is not renewed by a clock that is wrong, but by the server’s refusal', async () => {
    const clock = { now: () => new Date(Date.now() + 86_400_000) }
    const tab = world.openTab({ clock })
    await tab.signIn('anna')
    expect(await callMuch(tab)).toEqual(times(30, 'done'))
    expect(outcomes('auth.refresh')).toEqual([])
    world.forgetAccess()
    expect(await callMuch(tab)).toEqual(times(30, 'done'))
    expect(outcomes('auth.refresh')).toEqual(['OK'])
  })
})

describe('a user who leaves', () => {
  test('during a refresh has left, whatever the refresh brings', async () => {
    const tab = await refusedTab()
    world.relay.become('hold')
    const call = reasonOf(tab.client.notes.write.mutate())
    await expect.poll(() => world.relay.held).toBe(1)
    expect(tab.session.signOut()).toEqual(expect.any(String))
    world.relay.become('pass')
    expect(await call).toMatchObject({ reason: 'UNAUTHENTICATED' })
    expect(outcomes('auth.refresh')).toEqual(['OK'])
    expect(tab.session.state).toBe('signed-out')
    expect(tab.session.signOut()).toBeNull()
    expect(tab.told).toEqual(['signed-in', 'signed-out'])
  })

  test('and comes back as somebody else does not get the calls of before', async () => {
    const tab = await refusedTab()
    world.relay.become('hold')
    const call = reasonOf(tab.client.notes.write.mutate())
    await expect.poll(() => world.relay.held).toBe(1)
    await tab.signIn('berta')
    world.relay.become('pass')
    expect(await call).toMatchObject({ reason: 'UNAUTHENTICATED' })
    expect(await tab.client.notes.write.mutate()).toBe('berta')
    expect(world.ranBy).toEqual(['berta'])
  })

  test('before a call of theirs is refused does not have it made by the next user', async () => {
    const tab = await refusedTab()
    const berta = await world.anonymous.auth.login.mutate({ name: 'berta' })
    const call = reasonOf(tab.client.notes.write.mutate())
    tab.session.signIn(berta)
    expect(await call).toMatchObject({ reason: 'UNAUTHENTICATED' })
    expect(world.ranBy).toEqual([])
  })

  test('in the middle of a tick sends nothing under the next user’s name', async () => {
    const tab = world.openTab()
    await tab.signIn('anna')
    const berta = await world.anonymous.auth.login.mutate({ name: 'berta' })
    const first = tab.client.notes.write.mutate()
    tab.session.signIn(berta)
    const second = tab.client.notes.write.mutate()
    tab.session.signOut()
    const third = reasonOf(tab.client.notes.write.mutate())
    expect(await Promise.all([first, second])).toEqual(['anna', 'berta'])
    expect(await third).toMatchObject({ reason: 'UNAUTHENTICATED' })
  })
})

describe('two tabs', () => {
  test('make one refresh between them', async () => {
    const store = memoryStore()
    const [one, two] = [world.openTab({ store }), world.openTab({ store })]
    await refusedTab(one)
    expect(await Promise.all([callMuch(one), callMuch(two)])).toEqual(times(2, times(30, 'done')))
    expect(outcomes('auth.refresh')).toEqual(['OK'])
  })

  test('take over a token that the other has renewed while this one was refused', async () => {
    const store = memoryStore()
    const tab = await refusedTab(world.openTab({ store }))
    const held = store.read()
    if (!held) throw new Error('nobody is signed in')
    const { refreshToken } = held
    const renewed = await world.anonymous.auth.refresh.mutate({ refreshToken })
    const call = tab.client.notes.whose.query()
    const { accessToken } = renewed
    store.write({ ...held, accessToken, refreshToken: renewed.refreshToken })
    expect(await call).toBe('anna')
    expect(outcomes('notes.whose')).toEqual(['UNAUTHENTICATED', 'OK'])
    expect(outcomes('auth.refresh')).toEqual(['OK'])
  })

  test('that cannot lock each other out keep the session that one of them has renewed', async () => {
    const store = memoryStore()
    const one = world.openTab({ store })
    const two = world.openTab({ store: { ...store, name: 'another lock' } })
    await refusedTab(one)
    world.relay.become('pass', 'hold')
    const late = one.client.notes.whose.query()
    await expect.poll(() => world.relay.held).toBe(1)
    expect(await two.client.notes.whose.query()).toBe('anna')
    world.forgetRefresh()
    world.relay.become('pass')
    expect(await late).toBe('anna')
    expect(outcomes('auth.refresh')).toEqual(['OK', 'REFRESH_REFUSED'])
    expect(one.session.state).toBe('signed-in')
  })

  test('see each other sign in and out', async () => {
    const store = memoryStore()
    const [one, two] = [world.openTab({ store }), world.openTab({ store })]
    await one.signIn('anna')
    expect(two.session.state).toBe('signed-in')
    expect(await two.client.notes.whose.query()).toBe('anna')
    two.session.signOut()
    expect(one.session.state).toBe('signed-out')
    await expect.poll(() => one.told).toEqual(['signed-in', 'signed-out'])
    expect(two.told).toEqual(['signed-in', 'signed-out'])
  })
})

test('nothing of a session keeps a process alive', async () => {
  const script = fileURLToPath(new URL('./client-session/short-life.ts', import.meta.url))
  const child = spawn(process.execPath, ['--conditions=@tautline/source', script, world.url])
  const lines: string[] = []
  child.stdout.setEncoding('utf8').on('data', (text: string) => lines.push(text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => lines.push(text))
  const [code] = await once(child, 'exit')
  expect([lines.join(''), code]).toEqual(['anna\n', 0])
})

test('a listener is told of another user too, and of nothing after it has left', async () => {
  const tab = world.openTab()
  const told: string[] = []
  const leave = tab.session.subscribe((state) => told.push(state))
  await tab.signIn('anna')
  await tab.signIn('berta')
  await expect.poll(() => told).toEqual(['signed-in', 'signed-in'])
  tab.session.signOut()
  leave()
  leave()
  await expect.poll(() => tab.told).toEqual(['signed-in', 'signed-in', 'signed-out'])
  expect(told).toHaveLength(2)
})

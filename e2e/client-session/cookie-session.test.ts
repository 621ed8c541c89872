import { expect, test } from 'vitest'

import { memoryStore, safe } from '@tautline/client'

import { startCookieWorld } from './cookie-world.ts'

const times = <T>(n: number, value: T): T[] => Array.from({ length: n }, () => value)

test('calls with cookies that are no longer good make one refresh and are sent once more', async () => {
  await using world = await startCookieWorld()
  const tab = world.openTab()
  await tab.signIn()
  for (const round of [1, 2]) {
    world.expireAccess()
    const users = await Promise.all(times(30, 0).map(() => tab.client.auth.me.query()))
    expect(users.map(({ name }) => name)).toEqual(times(30, 'Anna'))
    expect(world.refreshOutcomes()).toEqual(times(round, 'OK'))
  }
  expect(tab.session.state).toBe('signed-in')
  expect(tab.told).toEqual(['signed-in'])
})

test('tabs over one store make one refresh together', async () => {
  await using world = await startCookieWorld()
  const store = memoryStore()
  const [one, other] = [world.openTab(store), world.openTab(store)]
  await one.signIn()
  world.expireAccess()
  const calls = [one, other, one, other].map(({ client }) => client.auth.me.query())
  expect(await Promise.all(calls)).toMatchObject(times(4, { name: 'Anna' }))
  expect(world.refreshOutcomes()).toEqual(['OK'])
  expect(other.told).toEqual(['signed-in'])
})

test('a session that the server has ended is over in the browser too', async () => {
  await using world = await startCookieWorld()
  const tab = world.openTab()
  await tab.signIn()
  await world.anonymous.auth.signOutCookie.mutate()
  expect(world.jar.size).toBe(0)
  const [, error] = await safe(tab.client.auth.me.query())
  expect(error?.reason).toBe('UNAUTHENTICATED')
  expect(tab.session.state).toBe('signed-out')
  expect(tab.told).toEqual(['signed-in', 'signed-out'])
})

test('the session holds no token, and sends none', async () => {
  await using world = await startCookieWorld()
  const store = memoryStore()
  const tab = world.openTab(store)
  await tab.signIn()
  const tokens = [...world.jar.values()]
  expect(tokens).toHaveLength(2)
  const kept = JSON.stringify([store.read(), await tab.session.access()])
  for (const token of tokens) expect(kept).not.toContain(token)
  // With an `Authorization` header the server would not look at the cookies.
  expect(await tab.client.auth.me.query()).toMatchObject({ name: 'Anna' })
  tab.session.signOut()
  expect(store.read()).toBeNull()
})

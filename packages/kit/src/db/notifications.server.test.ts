import { expect, test } from 'vitest'

import { createLogger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { createCuttingProxy } from './cutting-proxy.fixture.ts'
import { startNotifications, type NotificationListener } from './notifications.ts'
import { createSharedDatabase } from './shared-database.fixture.ts'

/** A process that listens, and a way around it. */
async function startListening() {
  await using stack = new AsyncDisposableStack()
  const { config, ask } = stack.use(await createSharedDatabase())
  const proxy = stack.use(await createCuttingProxy(config.directUrl ?? config.url))
  const metrics = createMetrics()
  const through = { ...config, directUrl: proxy.url }
  const notifications = startNotifications(through, { log: createLogger('silent'), metrics })
  stack.defer(() => notifications.stop())
  const running = stack.move()
  return {
    notifications,
    ask,
    proxy,
    isUp: () => metrics.snapshot().gauges.db_notifications_up,
    sessions: async () => (await ask(LISTENERS)).length,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Sessions of this database whose last statement was ours. */
const LISTENERS = `select pid from pg_stat_activity
  where datname = current_database() and pid <> pg_backend_pid()
    and (query like 'listen %' or query = 'select')`

function createEar() {
  const heard: string[] = []
  const ear: NotificationListener = {
    onMessage: (payload) => void heard.push(payload),
    onUp: () => void heard.push('up'),
  }
  return { heard, ear }
}

test('hears what is told after a commit, on its own channels, and nothing of a rollback', async () => {
  await using it = await startListening()
  const [one, other] = [createEar(), createEar()]
  const subscription = it.notifications.listen('one', one.ear)
  it.notifications.listen('O"ther', other.ear)
  await expect.poll(() => [subscription.state, other.heard]).toEqual(['up', ['up']])
  await it.ask(`begin`)
  await it.ask(`select pg_notify('one', 'undone')`)
  await it.ask(`rollback`)
  await it.ask(`select pg_notify('one', 'first'), pg_notify('O"ther', 'aside')`)
  await expect
    .poll(() => [one.heard, other.heard])
    .toEqual([
      ['up', 'first'],
      ['up', 'aside'],
    ])
})

test('uses one connection for all channels, also for those that come later', async () => {
  await using it = await startListening()
  await expect.poll(it.isUp).toBe(1)
  const ears = [1, 2, 3].map(() => createEar())
  const subscriptions = ears.map(({ ear }, index) =>
    it.notifications.listen(`channel ${index}`, ear),
  )
  await expect.poll(() => subscriptions.map(({ state }) => state)).toEqual(['up', 'up', 'up'])
  expect(await it.sessions()).toBe(1)
})

test('says so when it does not hear, and tells everybody when it hears again', async () => {
  await using it = await startListening()
  const { heard, ear } = createEar()
  const states: string[] = []
  const subscription = it.notifications.listen('one', {
    ...ear,
    onUp() {
      states.push(subscription.state) // whoever is told may still clear what it has
      ear.onUp()
    },
  })
  await expect.poll(() => subscription.state).toBe('up')
  await it.ask(`select pg_terminate_backend(pid) from (${LISTENERS}) as listeners`)
  await expect.poll(() => heard).toEqual(['up', 'up'])
  await expect.poll(() => subscription.state).toBe('up')
  expect(states).toEqual(['down', 'down'])
  await it.ask(`select pg_notify('one', 'again')`)
  await expect.poll(() => heard).toEqual(['up', 'up', 'again'])
})

test('notices a network that has gone silent', async () => {
  await using it = await startListening()
  const { heard, ear } = createEar()
  const subscription = it.notifications.listen('one', ear)
  await expect.poll(() => subscription.state).toBe('up')
  it.proxy.cutNext({ at: /^select$/, moment: 'silent' })
  await expect.poll(() => heard, { timeout: 10_000 }).toEqual(['up', 'up'])
  await expect.poll(() => subscription.state).toBe('up')
  expect(it.proxy.cuts).toBe(1)
})

test('a subscription that is closed hears nothing', async () => {
  await using it = await startListening()
  const [closed, open] = [createEar(), createEar()]
  const subscription = it.notifications.listen('one', closed.ear)
  it.notifications.listen('one', open.ear)
  await expect.poll(() => [closed.heard, open.heard]).toEqual([['up'], ['up']])
  subscription.close()
  await it.ask(`select pg_notify('one', 'first')`)
  await expect.poll(() => open.heard).toEqual(['up', 'first'])
  expect(closed.heard).toEqual(['up'])
})

test('leaves no connection behind', async () => {
  await using it = await startListening()
  await expect.poll(it.isUp).toBe(1)
  await it.notifications.stop()
  await expect.poll(it.sessions).toBe(0)
})

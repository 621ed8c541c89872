import { expect, test } from 'vitest'

import { createLogger } from '../platform/logger.ts'
import { createLeaderLock } from './leader-lock.ts'
import { createSharedDatabase } from './shared-database.fixture.ts'

/** Two processes' locks on one database. */
async function twoLocks() {
  await using stack = new AsyncDisposableStack()
  const { config, ask } = stack.use(await createSharedDatabase())
  const log = createLogger('silent')
  const [first, second] = [createLeaderLock(config, log), createLeaderLock(config, log)]
  stack.defer(() => second.release())
  stack.defer(() => first.release())
  const running = stack.move()
  return {
    first,
    second,
    sessions: async () => (await ask(LEADERS)).length,
    terminateLeader: () => ask(`select pg_terminate_backend(pid) from (${LEADERS}) as leaders`),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

/** Sessions that hold an advisory lock of this database. */
const LEADERS = `select pid from pg_locks
  where locktype = 'advisory' and granted
    and database = (select oid from pg_database where datname = current_database())`

test('one of two processes leads, also when both ask at the same time and again', async () => {
  await using locks = await twoLocks()
  const both = await Promise.all([locks.first.lead(), locks.second.lead()])
  expect(both.filter(Boolean)).toHaveLength(1)
  const again = await Promise.all([locks.first.lead(), locks.second.lead()])
  expect(again).toEqual(both)
  expect(await locks.sessions()).toBe(1)
})

test('several loops of one process share its lead and its one session', async () => {
  await using locks = await twoLocks()
  const signals = await Promise.all([1, 2, 3].map(() => locks.first.lead()))
  expect(new Set(signals).size).toBe(1)
  expect(signals[0]?.aborted).toBe(false)
  expect(await locks.sessions()).toBe(1)
})

test('another process takes over from one that gives the lead up, which is told', async () => {
  await using locks = await twoLocks()
  const signal = await locks.first.lead()
  expect(await locks.second.lead()).toBeUndefined()
  await locks.first.release()
  expect(signal?.aborted).toBe(true)
  await expect.poll(() => locks.second.lead()).toBeDefined()
  expect(await locks.first.lead()).toBeUndefined()
})

test('a process whose session ends has lost the lead at once, and another takes over', async () => {
  await using locks = await twoLocks()
  const signal = await locks.first.lead()
  expect(signal?.aborted).toBe(false)
  await locks.terminateLeader()
  await expect.poll(() => signal?.aborted).toBe(true)
  await expect.poll(() => locks.second.lead()).toBeDefined()
  expect(await locks.first.lead()).toBeUndefined()
})

test('a process whose session ended while it was asking takes the lead anew, or fails to', async () => {
  await using locks = await twoLocks()
  const before = await locks.first.lead()
  await locks.terminateLeader()
  const after = await locks.first.lead()
  expect(before?.aborted).toBe(true)
  expect(after).not.toBe(before)
  expect(await locks.sessions()).toBe(1)
})

import { sql } from 'kysely'
import { Client } from 'pg'
import { expect, test } from 'vitest'

import { createLogger } from '../platform/logger.ts'
import { createMetrics } from '../platform/metrics.ts'
import { createCuttingProxy } from './cutting-proxy.fixture.ts'
import { startNotifications } from './notifications.ts'
import { openDatabase } from './open.ts'
import { openPool } from './pool.ts'
import { hangBell, ring } from './ring.ts'
import { createSharedDatabase } from './shared-database.fixture.ts'
import { inTransaction } from './transaction.ts'

const log = createLogger('silent')

/** A process that rings, and somebody who listens elsewhere. */
async function openRinging() {
  await using stack = new AsyncDisposableStack()
  const { config, ask } = stack.use(await createSharedDatabase())
  const directUrl = config.directUrl ?? config.url
  const [way, bellWay] = [
    stack.use(await createCuttingProxy(config.url)),
    stack.use(await createCuttingProxy(directUrl)),
  ]
  const pool = openPool({ ...config, url: way.url }, log)
  stack.defer(() => pool.end())
  const db = openDatabase(pool, config)
  const metrics = createMetrics()
  const bell = startNotifications({ ...config, directUrl: bellWay.url }, { log, metrics })
  stack.defer(() => bell.stop())
  hangBell(db, bell)
  const losses = () => metrics.snapshot().counters['db_notifications_lost_total'] ?? 0
  const listener = new Client({ connectionString: directUrl })
  await listener.connect()
  stack.defer(() => listener.end())
  const heard: string[] = []
  listener.on('notification', ({ payload = '' }) => heard.push(payload))
  await listener.query('listen probe')
  await expect.poll(() => metrics.snapshot().gauges.db_notifications_up).toBe(1)
  const running = stack.move()
  return {
    db,
    ask,
    way,
    bellWay,
    heard,
    losses,
    stop: () => bell.stop(),
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}

test('what rings in a transaction is heard after its commit, and once', async () => {
  await using it = await openRinging()
  await inTransaction(it.db, async (db) => {
    ring(db, 'probe', 'inside')
    await inTransaction(db, async (savepoint) => ring(savepoint, 'probe', 'inside'))
    ring(it.db, 'probe', 'beside')
    await expect.poll(() => it.heard).toEqual(['beside'])
  })
  await expect.poll(() => it.heard).toEqual(['beside', 'inside'])
})

test('what rings in a transaction that is rolled back is not heard', async () => {
  await using it = await openRinging()
  const failing = inTransaction(it.db, async (db) => {
    ring(db, 'probe', 'undone')
    throw new Error('no')
  })
  await expect(failing).rejects.toThrow('no')
  ring(it.db, 'probe', 'after')
  await expect.poll(() => it.heard).toEqual(['after'])
})

test('what rings in a transaction is heard also when the answer to its commit is lost', async () => {
  await using it = await openRinging()
  await it.ask('create table written (id text)')
  it.way.cutNext({ at: /^commit$/, moment: 'answered' })
  const committing = inTransaction(it.db, async (db) => {
    await sql`insert into written values ('one')`.execute(db)
    ring(db, 'probe', 'written')
  })
  await expect(committing).rejects.toMatchObject({ reason: 'COMMIT_UNKNOWN' })
  await expect.poll(() => it.heard).toEqual(['written'])
})

test('rings again once the connection that rings is back', async () => {
  await using it = await openRinging()
  it.bellWay.cutNext({ at: /^select$/, moment: 'before' })
  await expect.poll(it.losses, { timeout: 5_000 }).toBe(1)
  ring(it.db, 'probe', 'later')
  await expect.poll(() => it.heard, { timeout: 5_000 }).toEqual(['later'])
})

test('what has rung is told before the connection is ended', async () => {
  await using it = await openRinging()
  for (let n = 0; n < 3; n++) ring(it.db, 'probe', String(n))
  await it.stop()
  await expect.poll(() => it.heard).toEqual(['0', '1', '2'])
})

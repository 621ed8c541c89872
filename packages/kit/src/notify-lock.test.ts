import { Client } from 'pg'
import { expect, test } from 'vitest'
import { z } from 'zod'

import { createApp, readLanes } from './app.ts'
import { readConfig } from './config.ts'
import { openDirect } from './db/direct.ts'
import { migrateUp } from './db/migrations.ts'
import { defineApp, notifications, task, tasks } from './index.ts'
import { createLogger } from './platform/logger.ts'
import { startMortalPostgres } from './testing/index.ts'

const Way = z.enum(['succeeds', 'fails once', 'waits'])

const work = task({
  name: 'work.do',
  summary: 'Says something, and ends one way or another.',
  input: z.strictObject({ way: Way }),
  output: z.void(),
  events: { said: z.string() },
  retry: { limit: 1, baseMs: 1, capMs: 1 },
  async run({ ctx, input: { way } }) {
    ctx.progress(1)
    await ctx.transaction(async () => ctx.emit('said', 'so'))
    if (way === 'fails once' && ctx.task.attempt === 1) throw new Error('It did not work.')
    if (way === 'waits')
      await new Promise((resolve) => ctx.signal.addEventListener('abort', resolve))
  },
})

const app = defineApp({
  name: 'ringing',
  version: '0.0.0',
  features: {
    tasks: tasks(),
    notifications: notifications(),
    work: { router: {}, tasks: [work] },
  },
  identity: () => null,
  migrations: new URL('./rpc/no-migrations.fixture/', import.meta.url),
})

const owner = JSON.stringify([null, null, 'anna'])

/** A backend on a Postgres where a commit can be made to stand still: it waits for a standby. */
async function openBackend(url: string) {
  const config = await readConfig({
    NODE_ENV: 'test',
    DATABASE_URL: url,
    PORT: '0',
    TAUTLINE_DRAIN_QUIET_MS: '0',
  })
  const log = createLogger('silent')
  await using direct = openDirect(config.database, log)
  await migrateUp(direct.db, await readLanes(app))
  return await createApp(app, config, { log })
}

async function connect(url: string) {
  const client = new Client({ connectionString: url })
  client.on('error', () => {}) // it is ended in the middle of a statement
  await client.connect()
  return client
}

/** Who has called NOTIFY, and commits: a lock of the cluster, one at a time. */
const RINGING = `select pid from pg_locks
  where locktype = 'object' and classid = 'pg_database'::regclass and objid = 0 and granted`

test('no transaction of a task waits for others who ring, nor makes them wait', async () => {
  await using postgres = await startMortalPostgres({
    settings: { synchronous_standby_names: 'nobody', synchronous_commit: 'local' },
  })
  const backend = await openBackend(postgres.url)
  const [stuck, look] = [await connect(postgres.url), await connect(postgres.url)]
  try {
    const { db, tasks: control } = backend.resources
    await stuck.query('set synchronous_commit = on')
    const standing = stuck
      .query(`begin; create table written (); select pg_notify('x', ''); commit`)
      .catch((error: unknown) => error)
    await expect.poll(async () => (await look.query(RINGING)).rows).toHaveLength(1)

    backend.work()
    const accept = (way: z.infer<typeof Way>, delayMs = 0) =>
      control.accept(db, { task: work, input: { way }, owner, options: { delayMs } })
    const stateOf = async (id: string) => {
      const asked = 'select state from tautline.task where id = $1'
      return (await look.query<{ state: string }>(asked, [id])).rows[0]?.state
    }
    const [one, other, waiting] = await Promise.all([
      accept('succeeds'),
      accept('fails once'),
      accept('waits'),
    ])
    const later = await accept('succeeds', 60_000)
    const own = { id: later.id, owner }
    expect(await control.cancel(db, own)).toEqual({ is: 'ended' })
    expect(await control.redrive(db, own)).toEqual({ is: 'queued' })
    for (const { id } of [one, other, later]) {
      await expect.poll(() => stateOf(id), { timeout: 15_000 }).toBe('succeeded')
    }
    await expect.poll(() => stateOf(waiting.id)).toBe('running')
    expect(await control.cancel(db, { id: waiting.id, owner })).toEqual({ is: 'asked' })
    await expect.poll(() => stateOf(waiting.id), { timeout: 15_000 }).toBe('cancelled')
    const told = await look.query('select from tautline.notification')
    expect(told.rows).toHaveLength(5)
    expect((await look.query(RINGING)).rows).toHaveLength(1) // all the while
    await look.query('select pg_terminate_backend(pid) from pg_stat_activity where pid = $1', [
      (await look.query<{ pid: number }>(RINGING)).rows[0]?.pid,
    ])
    await standing
  } finally {
    await backend.close()
    await Promise.all([stuck.end(), look.end()])
  }
})

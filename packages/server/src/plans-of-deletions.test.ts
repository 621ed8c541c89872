import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

import {
  deleteFilesOf,
  deleteNotificationsOf,
  deleteTasksOf,
  identityOf,
  type Db,
} from '@tautline/kit'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from './app.ts'
import { forgetDeletedUser } from './features/users/leftovers-queries.ts'
import { plansOf } from './plan-of.fixture.ts'

/** Rows of each table: 20 of each owner, and each user has them in two tenants. */
const ROWS = 40_000
const OWNERS = ROWS / 20

/** Rows that may be read without being wanted. */
const MOST_IN_VAIN = 100

let server: TestServer<typeof app>
let client: Client
beforeAll(async () => {
  server = await startTestServer(app)
  client = new Client({ connectionString: server.databaseUrl })
  await client.connect()
  await fill()
})
afterAll(async () => {
  await client.end()
  await server[Symbol.asyncDispose]()
})

/** Users have numbers here. */
const idOf = (user: number) => `00000000-0000-4000-8000-${String(user).padStart(12, '0')}`

/** The owner of row n, as `identityOf` writes it. */
const OWNER = `'[null,' || (array['null', '"acme"'])[1 + n % 2] || ',"00000000-0000-4000-8000-' ||
  lpad((n % ${OWNERS} / 2)::text, 12, '0') || '"]'`

async function fill(): Promise<void> {
  const numbers = `from generate_series(1, ${ROWS}) n`
  await client.query(`
    insert into tautline.task (name, owner, input, priority, state, finished_at)
    select 'none', ${OWNER}, '{}', 0, 'succeeded', now() ${numbers};
    insert into tautline.file (owner, name, content_type, size, sha256, storage_key)
    select ${OWNER}, 'a', 'text/plain', 1, sha256(n::text::bytea), n ${numbers};
    insert into tautline.file_usage (owner, files, bytes)
    select owner, count(*), count(*) from tautline.file group by owner;
    insert into tautline.notification (owner, kind, task_id, name, state)
    select ${OWNER}, 'task', gen_random_uuid(), 'none', 'dead' ${numbers};
    insert into tautline.notification_counter (owner, last_seq)
    select distinct owner, 20 from tautline.notification
    on conflict (owner) do nothing`)
  await client.query('vacuum analyze')
}

const user = { userId: idOf(7), tenants: 'every' } as const

test('identities are what this test writes', async () => {
  const { rows } = await client.query<{ owner: string }>(
    `select distinct owner from tautline.task where owner like '%${idOf(7)}%' order by owner`,
  )
  const tenants = [{ tenantId: 'acme' }, {}]
  expect(rows.map(({ owner }) => owner)).toEqual(
    tenants.map((tenant) => identityOf({ userId: idOf(7), ...tenant })),
  )
})

test.each<[string, (db: Db) => Promise<unknown>, string[]]>([
  ['tasks', (db) => deleteTasksOf(db, user, { limit: 500, held: 'wait' }), ['task_owner_end']],
  ['files', (db) => deleteFilesOf(db, user, 500), ['file_owner_end', 'file_usage_owner_end']],
  [
    'notifications',
    (db) => deleteNotificationsOf(db, user, 500),
    ['notification_owner_end', 'notification_counter_owner_end'],
  ],
  ['what is remembered', (db) => forgetDeletedUser(db, idOf(7)), ['task_owner_end']],
])('%s of a user in every tenant: found by an index', async (_, ask, indexes) => {
  const plans = await plansOf(client, ask)
  const used = new Set(plans.flatMap((plan) => [...plan.indexes]))
  expect([...used]).toEqual(expect.arrayContaining(indexes))
  for (const { inVain } of plans) expect(inVain).toBeLessThan(MOST_IN_VAIN)
})

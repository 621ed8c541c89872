import { Client } from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'

import type { Db } from '@tautline/kit'
import { startTestServer, type TestServer } from '@tautline/kit/testing'

import { app } from './app.ts'
import { DEFAULT_VELOCITY } from './features/accounts/limits.ts'
import { listAccounts, listEntries } from './features/accounts/queries.ts'
import { refuseAboveVelocity } from './features/accounts/velocity.ts'
import { expectSameCost, planOf } from './plan-of.fixture.ts'

/** So many accounts of one owner, and transfers of one of them. */
const ROWS = process.env.TEST_FULL === '1' ? 200_000 : 30_000

const owner = { ownerId: 'big', tenantId: '' }
const fromId = '00000000-0000-0000-0000-000000000001'
const toId = '00000000-0000-0000-0000-000000000002'

let server: TestServer<typeof app>
let client: Client
beforeAll(async () => {
  server = await startTestServer(app)
  client = new Client({ connectionString: server.databaseUrl })
  await client.connect()
  await client.query('set session_replication_role = replica') // the triggers would take minutes
  await client.query(
    `insert into account (owner_id, tenant_id, currency, name, created_at)
     select $1, '', 'EUR', 'An account', now() - n * interval '1 minute'
     from generate_series(1, $2::int) n`,
    [owner.ownerId, ROWS],
  )
  await client.query(
    `insert into account (id, owner_id, tenant_id, currency, name)
     values ($1, 'payer', '', 'EUR', 'From'), ($2, 'paid', '', 'EUR', 'To')`,
    [fromId, toId],
  )
  await client.query(
    `with booked as (
       insert into transfer (from_id, to_id, amount_minor, nth, sent_minor, at)
       select $1, $2, 1, n, n, now() - ($3::int - n) * interval '1 second'
       from generate_series(1, $3::int) n returning id, nth
     )
     insert into ledger_entry (transfer_id, account_id, amount_minor, balance_after_minor)
     select id, account_id, amount, nth from booked
     cross join (values ($1::uuid, -1), ($2::uuid, 1)) as side (account_id, amount) order by nth`,
    [fromId, toId, ROWS],
  )
  // Of a sample, Postgres may guess now this and now that; so it is to look at every row.
  await client.query('set default_statistics_target = 2000')
  await client.query('vacuum analyze account, transfer, ledger_entry')
})
afterAll(async () => {
  await client.end()
  await server[Symbol.asyncDispose]()
})

const plan = (ask: (db: Db) => Promise<unknown>) => planOf(client, ask)

/** Of rows, that one which a page late in the list comes after. */
const LATE = Math.floor(ROWS * 0.9)

test('a late page of accounts.list has the plan of page 1, and the same buffers', async () => {
  const pageAfter = (after: { createdAt: string; id: string } | undefined) =>
    plan((db) => listAccounts(db, { ...owner, after, limit: 40 }))
  const { rows } = await client.query<{ createdAt: string; id: string }>(
    `select created_at::text as "createdAt", id from account where owner_id = $1
     order by created_at desc offset $2 limit 1`,
    [owner.ownerId, LATE],
  )
  const first = await pageAfter(undefined)
  expect(first.steps).toEqual(['Limit', 'Index Scan account_owner_created'])
  expectSameCost(await pageAfter(rows[0]), first)
})

test('a late page of accounts.history has the plan of page 1, and the same buffers', async () => {
  const pageBefore = (before: string | undefined) =>
    plan((db) => listEntries(db, { accountId: toId, before, limit: 40 }))
  const { rows } = await client.query<{ id: string }>(
    `select id::text from ledger_entry where account_id = $1 order by id desc offset $2 limit 1`,
    [toId, LATE],
  )
  const first = await pageBefore(undefined)
  expect(first.scans).toEqual(['Index Scan ledger_entry_pkey', 'Index Scan transfer_pkey'])
  expectSameCost(await pageBefore(rows[0]?.id), first)
})

test.each([
  ['few', 1n],
  ['as many as there may be', DEFAULT_VELOCITY.maxAmountMinor],
])('what an account has sent is known from the index, for %s', async (_, amountMinor) => {
  const { scans, buffers } = await plan((db) =>
    refuseAboveVelocity(db, { fromId, amountMinor }, DEFAULT_VELOCITY),
  )
  expect(new Set(scans)).toEqual(
    new Set(['CTE Scan', 'Index Scan transfer_from_nth', 'Index Scan transfer_from_sent']),
  )
  expect(buffers).toBeLessThan(30)
})
